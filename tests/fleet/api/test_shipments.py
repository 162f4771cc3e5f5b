"""What the carrier says of parcels, and what the warehouse notes later, over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse


def test_a_parcel_is_delivered_or_lost(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor, clock: Clock
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account, first, second = warehouse.open_account(), warehouse.stock(), warehouse.stock()
    warehouse.send(account, first, second)
    clock.advance(days=1)
    headers, at = bearer(Role.WAREHOUSE), clock().isoformat()

    def post(path: str, body: dict[str, str]) -> tuple[int, dict[str, str]]:
        answer = client.post(path, json=body, headers=headers)
        return answer.status_code, answer.json()

    found = {"unit": first.serial, "account": "AC-1", "order": "OR-1", "shipped_at": "2026-03-02T15:00:00Z"}
    assert post(f"/v1/shipments/{first.serial}/deliver", {"at": at}) == (200, found)
    lost = {"at": at, "outcome": "lost"}
    assert post(f"/v1/shipments/{first.serial}/lose", lost)[0] == 409
    assert post(f"/v1/shipments/{second.serial}/lose", lost)[0] == 200
    assert post(f"/v1/shipments/{second.serial}/deliver", {"at": at})[0] == 409
    assert post(f"/v1/shipments/{first.serial}/deliver", {"at": "0001-01-01T00:00:00+14:00"})[0] == 422  # not 500
    lines = client.get("/v1/orders/OR-1", headers=bearer(Role.ADMIN)).json()["lines"]
    assert sum(line["shipped"] for line in lines) == 1


def test_a_return_is_noted_later_and_set_aside(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor, clock: Clock
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    unit, other = warehouse.place(account), warehouse.place(account)
    warehouse.stock()
    warehouse.approved(unit, mode="on_receipt")
    clock.advance(days=2)
    headers = bearer(Role.ADMIN)
    body = {"serial": unit.serial, "condition": "damaged", "received_at": "2026-03-03T15:00:00Z"}
    assert client.post("/v1/rmas/RMA-1/receive", json=body, headers=headers).json()["return"] == "received"
    steps = client.get("/v1/rmas/RMA-1", headers=headers).json()["steps"]
    assert (steps[-1]["event"], steps[-1]["at"]) == ("receive", "2026-03-03T15:00:00Z")
    held = client.post("/v1/rmas/RMA-1/hold", json={"reason": "smells"}, headers=headers).json()
    assert held["return"] == "in_quarantine"
    assert client.post("/v1/rmas/RMA-1/reserve", headers=headers).json()["replacement"] == "reserved"
    released = client.post("/v1/rmas/RMA-1/release", json={"reason": "spoilt"}, headers=headers).json()
    assert (released["replacement"], released["replacement_unit"]) == ("none", None)
    blind = {"serial": other.serial, "condition": "sound", "reason": "a box", "received_at": "2026-03-04T14:00:00Z"}
    taken = client.post("/v1/returns", json=blind, headers=headers).json()["blind_return"]
    assert taken["received_at"] == "2026-03-04T14:00:00Z"
