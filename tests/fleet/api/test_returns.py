"""The way back of a unit over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse


def test_from_the_scan_to_the_end(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor, clock: Clock
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    warehouse.approved(unit, mode="on_receipt")
    clock.advance(days=1)
    headers = bearer(Role.ADMIN)

    def post(step: str, body: dict[str, str], expect: int = 200) -> dict[str, str]:
        answer = client.post(f"/v1/rmas/RMA-1/{step}", json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        found: dict[str, str] = answer.json()
        return found

    assert post("hand-in", {"at": "2026-03-02T18:00:00-05:00"})["return"] == "in_transit"
    loss = {"at": "2026-03-03T09:00:00-05:00", "reason": "no scan"}
    assert post("report-loss", loss)["return"] == "in_transit"
    assert client.get("/v1/rmas/RMA-1/inspection", headers=headers).status_code == 404
    post("receive", {"serial": unit.serial, "condition": "defective"})
    post("inspect", {"code": "worn"}, 422)
    assert post("inspect", {"code": "worn", "note": "loose plug"})["return"] == "inspected"
    found = client.get("/v1/rmas/RMA-1/inspection", headers=headers).json()
    assert (found["condition"], found["caused_outside"], found["note"]) == ("defective", False, "loose plug")
    assert post("close", {"reason": "restocked"})["return"] == "closed"
    assert post("inspect", {"code": "worn", "note": "again"}, 409)["code"] == "illegal_transition"
