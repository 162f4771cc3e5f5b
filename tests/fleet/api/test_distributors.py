"""Distributors, plans and what refers to them, over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.api.test_breach_notices import poster
from tests.fleet.services.equipment import Warehouse


def test_registered_named_and_ended(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    Warehouse(services, admin).open_account()
    headers = bearer(Role.SUPPORT)
    post = poster(client, headers)
    assert post("/v1/distributors", {"name": "Lines & Co"}, 201)["id"] == "DI-2"
    assert post("/v1/distributors", {"name": "lines & co"}, 409)["code"] == "conflict"
    lines = [{"board": "simulated", "quantity": 1, "unit_price_cents": 0}]
    sold = {"account": "AC-1", "lines": lines, "plan": "annual", "plan_price_cents": 12000, "distributor": "DI-2"}
    order = post("/v1/orders", sold, 201)
    assert (order["plan"], order["plan_price_cents"], order["distributor"]) == ("annual", 12000, "DI-2")
    assert post("/v1/orders", {"account": "AC-1", "lines": lines}, 409)["code"] == "conflict"
    asked = {"at": "2026-03-02T15:00:00Z", "channel": "distributor", "administrator": "PE-1"}
    path = "/v1/accounts/AC-1/cancellations"
    assert post(path, {**asked, "passed_on_by": "Lines & Co"}, 201)["passed_on_by"] == "DI-2"
    assert post("/v1/distributors/DI-2/end", {})["state"] == "ended"
    assert post(path, {**asked, "passed_on_by": "DI-2"}, 409)["code"] == "conflict"
    listed = client.get("/v1/distributors", headers=headers).json()["items"]
    assert [(line["id"], line["state"]) for line in listed] == [("DI-1", "authorized"), ("DI-2", "ended")]
