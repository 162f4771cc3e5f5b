"""Numbers, registered locations, networks and what a line may do, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.domain.unit import Unit
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import HOME, Warehouse


class Caller:
    """Sends what a role may, and checks the status."""

    def __init__(self, client: TestClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def __call__(self, method: str, path: str, body: Any = None, expect: int = 200, **options: Any) -> Any:
        answer = self._client.request(method, path, json=body, headers=self._headers, **options)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def unit(services: Services, admin: Actor) -> Unit:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    return warehouse.place(warehouse.open_account())


@pytest.fixture
def call(client: TestClient, bearer: Bearer) -> Caller:
    return Caller(client, bearer(Role.ADMIN))


def test_a_location_is_read_registered_and_confirmed(call: Caller, unit: Unit) -> None:
    path = f"/v1/units/{unit.serial}/location"
    known = call("GET", path)
    assert (known["state"], known["address"], known["acknowledged_by"]) == ("current", HOME.address, "PE-1")
    said = call("PUT", path, {"address": "4 Dune Road"})
    assert (said["state"], said["acknowledged_at"], said["acknowledged_by"]) == ("unacknowledged", None, None)
    line = call("GET", f"/v1/units/{unit.serial}")["line"]
    assert line["level"] == "emergency_only"
    assert "disclosure is not acknowledged" in line["reason"]
    assert call("POST", f"/v1/units/{unit.serial}/confirm-location", {"administrator": "PE-1"})["state"] == "current"
    assert call("GET", f"/v1/units/{unit.serial}")["line"]["level"] == "full"
    assert call("PUT", path, {"address": ""}, 422)["code"] == "invalid"


def test_an_order_says_whether_it_has_a_location_and_not_which(call: Caller, unit: Unit) -> None:
    order = call("GET", "/v1/orders/OR-1")
    assert order["location"] == "current"
    assert HOME.address not in str(order)
    line = {"board": "simulated", "quantity": 1, "unit_price_cents": 0}
    plain = call("POST", "/v1/orders", {"account": "AC-1", "lines": [line]}, 201)
    assert plain["location"] == "missing"
    said = {"address": "4 Dune Road", "disclosure_acknowledged": True, "administrator": "PE-7"}
    refused = call("POST", "/v1/orders", {"account": "AC-1", "lines": [line], "location": said}, 422)
    assert "PE-1" in refused["detail"]
    assert unit.account_id == 1


def test_numbers_are_listed_ported_and_given_back(call: Caller, unit: Unit) -> None:
    page = call("GET", "/v1/numbers", params={"limit": 1, "state": "inventory"})
    following = call("GET", "/v1/numbers", params={"limit": 1, "state": "inventory", "cursor": page["next"]})
    numbers = [each["items"][0]["number"] for each in (page, following)]
    assert numbers == ["+15555550101", "+15555550102"]
    file = {"file": ("numbers.csv", b"first,last\n+15555551000,+15555551009\n")}
    for dry_run, taken_in in ((True, 0), (False, 10), (False, 0)):
        answer = call("POST", "/v1/number-imports", files=file, params={"dry_run": dry_run})
        assert answer["taken_in"] == taken_in
    bad = call("POST", "/v1/number-imports", files={"file": ("n.csv", b"first\n+15555552000\n911\n")})
    assert (bad["taken_in"], [bool(each["reason"]) for each in bad["ranges"]]) == (0, [False, True])

    def path(number: str) -> str:
        (found,) = call("GET", "/v1/numbers", params={"number": number})["items"]
        return f"/v1/numbers/{found['id']}"

    port = {"number": "+1 (555) 555-0977", "administrator": "PE-1"}
    assert call("POST", f"/v1/units/{unit.serial}/port-in", port)["state"] == "porting_in"
    assert call("POST", path("+15555550977") + "/take-effect")["state"] == "assigned"
    assert call("POST", path("+15555550977") + "/take-effect", expect=409)["code"] == "illegal_transition"
    assert call("POST", path("+15555550100") + "/restock", {"reason": "quiet"})["account"] is None
    assert call("POST", path("+15555550977") + "/port-out", {"administrator": None})["state"] == "ported_out"
    assigned = call("POST", f"/v1/units/{unit.serial}/assign-number", {"number": "+15555551005"})
    assert (assigned["account"], assigned["line"], assigned["own"]) == ("AC-1", "line-1", True)
    assert call("POST", path("+15555551005") + "/release", {"reason": "wrong one"})["state"] == "released"
    shown = call("GET", path("+15555550977"))
    steps = [(step["event"], step["account"], step["why"]) for step in shown["history"]]
    asked = "asked for by PE-1"
    assert steps == [("port_in", "AC-1", asked), ("take_effect", "AC-1", ""), ("port_out", "AC-1", asked)]
    assert call("POST", f"/v1/units/{unit.serial}/port-in", port)["state"] == "porting_in"
    assert call("POST", path("+15555550977") + "/fail-port", {"reason": "refused"})["state"] == "released"
    assert call("GET", "/v1/numbers", expect=422, params={"number": "911"})["code"] == "invalid"
    assert call("GET", "/v1/numbers", params={"number": "+15555559999"})["items"] == []
    assert call("GET", "/v1/numbers/NU-999", expect=404)["code"] == "not_found"


def test_networks_are_loaded_and_countries_blocked(call: Caller) -> None:
    table = b"prefix,country,network\n192.0.2.0/24,CU,\n"
    assert call("POST", "/v1/network-imports", files={"file": ("n.csv", table)}) == {"prefixes": 1, "refused": []}
    wrong = call("POST", "/v1/network-imports", files={"file": ("n.csv", table + b"x,CU,\n")})
    assert wrong["refused"][0].startswith("line 3: a prefix is written like")
    call("PUT", "/v1/export-blocks/CU", {"reason": "list"}, 204)
    assert call("PUT", "/v1/export-blocks/CU", {"reason": "list"}, 409)["code"] == "conflict"
    assert [each["country"] for each in call("GET", "/v1/export-blocks")["items"]] == ["CU"]
    call("DELETE", "/v1/export-blocks/CU", expect=204)
    assert call("GET", "/v1/export-blocks") == {"items": []}
