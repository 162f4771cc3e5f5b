"""Equipment over HTTP: what the station, the warehouse, support and an account's Administrator send and get."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import pytest
from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from protocol.wire import messages
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse, make_csr, snapshot

BLOCK = {"first": "8c1f64aab000", "prefix_bits": 36, "registry": "MA-S"}
BOARD = {"board": "simulated", "hardware_revision": 1, "board_uid": "00000000000000ff"}


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    return Warehouse(services, admin)


@pytest.fixture
def send(client: TestClient, bearer: Bearer) -> Any:
    headers = bearer(Role.ADMIN)

    def send(method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        answer = client.request(method, path, json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        return answer.json()

    return send


def test_a_block_is_loaded_listed_and_never_overlapped(send: Any) -> None:
    block = send("POST", "/v1/mac-blocks", BLOCK, 201)
    assert block == {
        "id": "MB-1",
        "registry": "MA-S",
        "first": "8C:1F:64:AA:B0:00",
        "last": "8C:1F:64:AA:BF:FF",
        "size": 4096,
        "taken": 0,
        "free": 4096,
        "leased": 0,
        "reserved": 0,
        "given": 0,
        "retired": 0,
        "written_off": 0,
        "note": "",
    }
    assert send("GET", "/v1/mac-blocks") == {"items": [block], "next": None}
    assert send("GET", "/v1/mac-blocks/MB-1") == block
    assert "no MAC block MB-2" in send("GET", "/v1/mac-blocks/MB-2", expect=404)["detail"]
    assert "overlap" in send("POST", "/v1/mac-blocks", BLOCK | {"prefix_bits": 40}, 409)["detail"]
    assert "multicast" in send("POST", "/v1/mac-blocks", BLOCK | {"first": "8d1f64aab000"}, 422)["detail"]
    assert "MAC address" in send("POST", "/v1/mac-blocks", BLOCK | {"first": "8c1f64"}, 422)["detail"]


def test_a_station_repeats_every_request_and_gets_the_same(send: Any, warehouse: Warehouse) -> None:
    send("POST", "/v1/mac-blocks", BLOCK, 201)
    unit = send("POST", "/v1/units", BOARD)
    assert send("POST", "/v1/units", BOARD) == unit
    assert (unit["serial"], unit["mac"], unit["epoch"]) == ("PT000000018", "8C:1F:64:AA:B0:00", 1)
    detail = send("POST", "/v1/units", BOARD | {"board_uid": "ff"}, 422)["detail"]
    assert "16 hex digits" in detail
    csr = base64.b64encode(make_csr(unit["serial"])).decode()
    # Before the release owners signed a root there is nothing to put on a unit, and nothing is issued.
    before = snapshot(warehouse.services)
    path = f"/v1/units/{unit['serial']}/certificate"
    assert "no release keys yet" in send("POST", path, {"csr": csr, "epoch": 1}, 409)["detail"]
    assert snapshot(warehouse.services) == before
    assert "base64" in send("POST", path, {"csr": "%%%", "epoch": 1}, 422)["detail"]


def test_a_token_to_provision_again_names_the_station_that_asked_whatever_it_calls_itself(
    client: TestClient, bearer: Bearer, warehouse: Warehouse
) -> None:
    warehouse.load_block()
    keys = warehouse.services.provisioning._fleet_side.tokens.blob
    asked = {
        "challenge": base64.b64encode(bytes(32)).decode(), "key_ids": [sha256(keys[:65]).hexdigest()[:16]],
        "station": "TO-1",
    }  # fmt: skip
    benches = [bearer(Role.WAREHOUSE), bearer(Role.WAREHOUSE)]
    named = []
    for headers in benches:
        unit = client.post("/v1/units", json=BOARD, headers=headers).json()
        answer = client.post(f"/v1/units/{unit['serial']}/provisioning-tokens", json=asked, headers=headers)
        token = messages.unpack(base64.b64decode(answer.json()["token"]))
        assert token["station"] == unit["station"] == client.get("/v1/me", headers=headers).json()["reference"]
        named.append(token["station"])
    assert len(set(named)) == 2


def test_a_unit_is_found_by_serial_and_by_mac(send: Any, warehouse: Warehouse) -> None:
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    warehouse.beat(unit, config_version=2)
    found = send("GET", f"/v1/units/{unit.serial}")
    assert (found["custody"], found["service"], found["trust"], found["account"]) == (
        "at_account",
        "active",
        "good",
        "AC-1",
    )
    assert found["configuration"] == {"version": 2, "channel": "stable", "window": None, "line_level": "full"}
    assert (found["heartbeat"]["state"], found["ready"]["configured_ms"]) == ("ready", 900)
    for mac in ("8C:1F:64:AA:B0:00", "8c1f64aab000"):
        assert send("GET", f"/v1/units/by-mac/{mac}")["serial"] == unit.serial
    for path in ("/v1/units/PT999999992", "/v1/units/by-mac/8C:1F:64:AA:BF:FF", "/v1/units/by-mac/nonsense"):
        assert send("GET", path, expect=404)["code"] == "not_found"


def test_units_are_listed_page_by_page(send: Any, warehouse: Warehouse) -> None:
    warehouse.load_block()
    serials = [warehouse.stock().serial for _ in range(5)]
    seen, path = [], "/v1/units?limit=2&custody=in_stock"
    page = send("GET", path)
    while True:
        seen += [unit["serial"] for unit in page["items"]]
        if page["next"] is None:
            break
        page = send("GET", f"{path}&cursor={page['next']}")
    assert seen == serials


def test_an_order_is_shipped_and_quoted(send: Any, warehouse: Warehouse, clock: Clock) -> None:
    warehouse.load_block()
    free, bought = warehouse.stock(), warehouse.stock()
    account = send(
        "POST",
        "/v1/accounts",
        {"name": "Blue Heron", "administrator_name": "Ada Finch", "administrator_email": "ada@example.com"},
        201,
    )
    lines = [
        {"board": "simulated", "quantity": 1, "unit_price_cents": 0},
        {"board": "simulated", "quantity": 1, "unit_price_cents": 3995},
    ]
    order = send("POST", "/v1/orders", {"account": account["id"], "order_date": "2026-03-02", "lines": lines}, 201)
    assert [line["free"] for line in order["lines"]] == [True, False]
    parcel = {"serials": [free.serial, bought.serial], "carrier": "UPS", "tracking": "1Z"}
    shipped = send("POST", f"/v1/orders/{order['id']}/ship", parcel)
    assert [line["shipped"] for line in shipped["lines"]] == [1, 1]
    assert send("GET", f"/v1/orders/{order['id']}") == shipped
    quote = send("GET", f"/v1/accounts/{account['id']}/quote?date=2026-04-01")
    assert quote["total_cents"] == 5000
    assert quote["units"][0] == {
        "serial": free.serial,
        "fee_cents": 5000,
        "reason": (
            f"The minimum equipment term of {free.serial} runs from 2026-04-01 (its order date and 30 days) "
            "to 2027-04-01 and is not over on 2026-04-01: $50.00."
        ),
        "warning": "",
        "term_from": "2026-04-01",
        "term_until": "2027-04-01",
        "state": "running",
    }
    assert quote["units"][1]["state"] == "none"
    assert send("GET", f"/v1/accounts/{account['id']}/quote")["date"] == "2026-03-02"
    assert send("GET", "/v1/accounts/AC-9/quote", expect=404)["code"] == "not_found"
    assert send("GET", "/v1/accounts/OR-1/quote", expect=404)["code"] == "not_found"


def test_a_replacement_from_request_to_return(send: Any, warehouse: Warehouse, clock: Clock) -> None:
    warehouse.load_block()
    old = warehouse.place(warehouse.open_account())
    new = warehouse.stock()
    rma = send("POST", "/v1/rmas", {"unit": old.serial, "kind": "defect", "reason": "no dial tone"}, 201)
    assert (rma["decision"], rma["replacement"], rma["return"]) == ("requested", "none", "awaited")
    early = send("POST", "/v1/rmas/RMA-1/ship", {"carrier": "UPS"}, 409)
    assert (early["code"], "only reserve" in early["detail"]) == ("illegal_transition", True)
    assert send("POST", "/v1/rmas/RMA-1/approve")["due_on"] == "2026-03-12"
    assert send("POST", "/v1/rmas/RMA-1/reserve")["replacement_unit"] == new.serial
    send("POST", "/v1/rmas/RMA-1/ship", {"carrier": "UPS", "tracking": "1Z"})
    clock.advance(days=2)
    warehouse.register(new)
    clock.advance(days=2)
    send("POST", "/v1/rmas/RMA-1/deliver", {"delivered_at": "2026-03-04T17:00:00-05:00"})
    assert send("POST", "/v1/rmas/RMA-1/deliver", {"delivered_at": "2026-03-04T17:00:00"}, 422)["code"] == "invalid"
    done = send("POST", "/v1/rmas/RMA-1/receive", {"serial": old.serial, "condition": "defective"})
    assert (done["replacement"], done["return"], done["condition"]) == ("delivered", "received", "defective")
    steps = [(step["track"], step["event"]) for step in send("GET", "/v1/rmas/RMA-1")["steps"]]
    assert steps == [
        ("decision", "approve"),
        ("replacement", "reserve"),
        ("replacement", "ship"),
        ("replacement", "deliver"),
        ("replacement", "deliver"),
        ("return", "receive"),
    ]
    term = send("GET", f"/v1/units/{new.serial}/term")
    assert (term["term_from"], term["term_until"], term["received_on"]) == ("2026-03-04", "2027-03-04", "2026-03-04")
    assert term["receipt_assumed"] is False
    early = send("POST", f"/v1/units/{old.serial}/epochs", {"reason": "refurbished"}, 409)
    assert "inspect it first" in early["detail"]


def test_a_configuration_of_an_old_reading_is_refused(
    send: Any, client: TestClient, bearer: Bearer, warehouse: Warehouse, services: Services
) -> None:
    warehouse.load_block()
    path, headers = f"/v1/units/{warehouse.stock().serial}/configuration", bearer(Role.ADMIN)
    first = client.put(path, json={"window": ["23:00", "01:30"]}, headers=headers)
    assert (first.json()["version"], first.headers["ETag"]) == (2, '"2"')
    second = client.put(path, json={"channel": "stable"}, headers=headers | {"If-Match": '"2"'})
    before = snapshot(services)
    stale = client.put(path, json={"channel": "beta"}, headers=headers | {"If-Match": '"2"'})
    assert (second.status_code, stale.status_code, stale.json()["code"]) == (200, 412, "stale_version")
    assert snapshot(services) == before


def test_a_unit_is_commanded_configured_and_revoked(send: Any, warehouse: Warehouse) -> None:
    warehouse.load_block()
    path = f"/v1/units/{warehouse.place(warehouse.open_account()).serial}"
    assert send("POST", f"{path}/commands", {"command": "identify"}, 202)["result"] is None
    assert send("POST", f"{path}/commands", {"command": "explode"}, 422)["code"] == "invalid"
    settings = send("PUT", f"{path}/configuration", {"channel": "beta", "window": ["23:00", "01:30"]})
    assert settings == {"version": 3, "channel": "beta", "window": ["23:00", "01:30"], "line_level": "full"}
    left = send("PUT", f"{path}/channel", {"channel": "stable", "administrator": "PE-1"})
    assert left == {"version": 4, "channel": "stable", "goes_back_to": None, "words": ""}
    assert "24:00" in send("PUT", f"{path}/configuration", {"window": ["24:00", "01:00"]}, 422)["detail"]
    assert send("POST", f"{path}/quarantine", {"reason": "seen twice"})["trust"] == "quarantined"
    assert send("POST", f"{path}/clear", {"reason": "a mistake"})["trust"] == "good"
    assert send("POST", f"{path}/revoke", {"reason": "stolen"})["trust"] == "revoked"
    assert send("POST", f"{path}/revoke", {"reason": "stolen"}, 409)["code"] == "illegal_transition"
    assert send("POST", f"{path}/scrap", {"reason": "gone"}, 409)["code"] == "illegal_transition"
    actions = [entry["action"] for entry in send("GET", f"/v1/audit?subject={path[-11:]}&limit=3")["items"]]
    assert actions == ["unit:revoke", "unit:clear", "unit:quarantine"]
