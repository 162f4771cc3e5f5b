"""What comes in at the warehouse, over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse


def test_scanned_held_sent_back_and_matched(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor, clock: Clock
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    first, second = warehouse.place(account), warehouse.place(account)
    headers = bearer(Role.WAREHOUSE)

    def post(path: str, body: dict[str, str], expect: int = 200) -> Any:
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        return answer.json()

    scan = {"serial": first.serial, "condition": "sound", "reason": "no letter in it"}
    post("/v1/returns", {**scan, "reason": ""}, 422)
    held = post("/v1/returns", scan)
    assert (held["rma"], held["blind_return"]["id"], held["custody"]) == (None, "BR-1", "returned")
    assert post("/v1/returns", scan, 409)["code"] == "illegal_transition"
    clock.advance(days=2)
    parcel = {"carrier": "UPS", "tracking": "1Z7", "reason": "nobody asked"}
    assert post("/v1/blind-returns/BR-1/send-back", parcel)["tracking"] == "1Z7"
    assert post("/v1/blind-returns/BR-1/come-back", {"reason": "refused"})["state"] == "in_quarantine"
    listed = client.get("/v1/blind-returns", headers=headers).json()["items"]
    assert [(line["unit"], line["waits_days"]) for line in listed] == [(first.serial, 2)]
    warehouse.approved(first, mode="on_receipt")
    detail = client.get("/v1/blind-returns/BR-1", headers=headers).json()
    assert [rma["id"] for rma in detail["matches"]] == ["RMA-1"]
    assert [step["event"] for step in detail["steps"]] == ["take_in", "send_back", "come_back"]
    assert post("/v1/blind-returns/BR-1/match", {"rma": "RMA-1"})["return"] == "received"
    warehouse.approved(second, mode="on_receipt")
    assert post("/v1/returns", {**scan, "serial": second.serial})["rma"]["id"] == "RMA-2"
    assert client.get("/v1/blind-returns", headers=headers).json()["items"] == []
    settled = client.get("/v1/blind-returns?settled=true", headers=headers).json()["items"]
    assert [(line["state"], line["rma"], line["waits_days"]) for line in settled] == [("matched", "RMA-1", None)]


def test_delivered_back_to_its_account(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    headers = bearer(Role.WAREHOUSE)
    for path, body in (
        ("/v1/returns", {"serial": unit.serial, "condition": "sound", "reason": "scanned"}),
        ("/v1/blind-returns/BR-1/send-back", {"carrier": "UPS", "reason": "theirs"}),
        ("/v1/blind-returns/BR-1/deliver", {"delivered_at": "2026-03-02T15:00:00Z"}),
    ):
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "delivered"
