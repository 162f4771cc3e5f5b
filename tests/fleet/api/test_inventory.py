"""The inventory over HTTP: leases under their version and key, lists as they are judged, one address for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.services.build import Services
from protocol.wire.serial_number import make_serial
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import snapshot

BLOCK = {"first": "8c1f64aab000", "prefix_bits": 36, "registry": "MA-S"}
LEASE = {"request": "request-1", "station": "bench", "board": "simulated", "units": 2, "days": 7}
USE = {
    "serial": "PT000000018",
    "mac": "8C-1F-64-AA-B0-00",
    "board_uid": "00000000000000a1",
    "hardware_revision": 1,
    "used_at": "2026-03-02T16:00:00-05:00",
}
LIST = "serial,mac,board,hardware_revision\n" + "".join(
    f"{make_serial(number)},8c1f64aab{number:03x},simulated,{number}\n" for number in (1, 2, 9)
)


@pytest.fixture
def admin_headers(bearer: Bearer, client: TestClient) -> dict[str, str]:
    headers = bearer(Role.ADMIN)
    assert client.post("/v1/mac-blocks", json=BLOCK, headers=headers).status_code == 201
    return headers


@pytest.fixture
def station(bearer: Bearer) -> dict[str, str]:
    return bearer(Role.WAREHOUSE)


def test_a_station_takes_reports_and_settles(
    client: TestClient, admin_headers: dict[str, str], station: dict[str, str]
) -> None:
    taken = client.post("/v1/mac-leases", json=LEASE, headers=station)
    assert (taken.status_code, taken.headers["etag"]) == (201, '"1"')
    lease = taken.json()
    assert lease["slots"] == [
        {"serial": "PT000000018", "mac": "8C:1F:64:AA:B0:00"},
        {"serial": "PT000000026", "mac": "8C:1F:64:AA:B0:01"},
    ]
    assert client.post("/v1/mac-leases", json=LEASE, headers=station).json() == lease
    for outcome in ("accepted", "unchanged"):
        answer = client.post("/v1/mac-leases/ML-1/uses", json={"uses": [USE]}, headers=station)
        assert answer.json() == [{"serial": "PT000000018", "outcome": outcome, "reason": ""}]
    body, tagged = {"used": 1}, station | {"If-Match": '"1"', "Idempotency-Key": "settle-1"}
    stale = client.post("/v1/mac-leases/ML-1/settle", json=body, headers=station | {"If-Match": '"4"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    wrong = client.post("/v1/mac-leases/ML-1/settle", json={"used": 0}, headers=station)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "conflict")
    settled = client.post("/v1/mac-leases/ML-1/settle", json=body, headers=tagged)
    assert (settled.status_code, settled.json()["state"], settled.headers["etag"]) == (200, "settled", '"2"')
    again = client.post("/v1/mac-leases/ML-1/settle", json=body, headers=tagged)
    assert (again.json(), again.headers["idempotency-replayed"]) == (settled.json(), "true")
    listed = client.get("/v1/mac-leases", params={"state": "settled"}, headers=admin_headers).json()
    assert [each["id"] for each in listed["items"]] == ["ML-1"]
    assert client.get("/v1/mac-leases/ML-1", headers=station).json()["used"] == 1
    block = client.get("/v1/mac-blocks/MB-1", headers=admin_headers).json()
    assert (block["free"], block["reserved"], block["taken"]) == (4095, 1, 1)


def test_another_station_finds_no_lease_and_may_not_write_off(
    client: TestClient, admin_headers: dict[str, str], station: dict[str, str], bearer: Bearer
) -> None:
    client.post("/v1/mac-leases", json=LEASE, headers=station)
    other = bearer(Role.WAREHOUSE)
    assert client.get("/v1/mac-leases/ML-1", headers=other).status_code == 404
    assert client.get("/v1/mac-leases", headers=other).json()["items"] == []
    why = {"reason": "stolen"}
    assert client.post("/v1/mac-leases/ML-1/write-off", json=why, headers=station).status_code == 403
    stale = client.post("/v1/mac-leases/ML-1/write-off", json=why, headers=admin_headers | {"If-Match": '"4"'})
    assert stale.status_code == 412
    written = client.post("/v1/mac-leases/ML-1/write-off", json=why, headers=admin_headers).json()
    assert (written["state"], written["why"]) == ("written_off", "stolen")


@pytest.mark.parametrize(
    "changed",
    [{"request": "x"}, {"units": 0}, {"units": 1001}, {"days": 31}, {"board": "toaster"}, {"station": ""}],
)
def test_a_lease_that_makes_no_sense_is_refused(
    client: TestClient,
    services: Services,
    admin_headers: dict[str, str],
    station: dict[str, str],
    changed: dict[str, Any],
) -> None:
    before = snapshot(services)
    answer = client.post("/v1/mac-leases", json=LEASE | changed, headers=station)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert snapshot(services) == before


def test_an_address_tells_its_whole_history(client: TestClient, admin_headers: dict[str, str]) -> None:
    board = {"board": "simulated", "hardware_revision": 1, "board_uid": "00000000000000ff"}
    client.post("/v1/units", json=board, headers=admin_headers)
    client.post("/v1/units/PT000000018/scrap", json={"reason": "run over"}, headers=admin_headers)
    found = client.get("/v1/mac-addresses/8c1f.64aa.b000", headers=admin_headers).json()
    assert {name: found[name] for name in ("mac", "block", "state", "unit", "position", "lease")} == {
        "mac": "8C:1F:64:AA:B0:00",
        "block": "MB-1",
        "state": "retired",
        "unit": "PT000000018",
        "position": 0,
        "lease": None,
    }
    assert [(step["event"], step["why"]) for step in found["history"]] == [("allocate", ""), ("scrap", "run over")]
    free = client.get("/v1/mac-addresses/8c1f64aab001", headers=admin_headers).json()
    assert (free["state"], free["unit"], free["history"]) == ("free", None, [])
    for path in ("nonsense", "00:11:22:33:44:55"):
        assert client.get(f"/v1/mac-addresses/{path}", headers=admin_headers).status_code == 404
    supply = client.get("/v1/mac-supply", headers=admin_headers).json()
    assert (supply["free"], supply["size"], supply["taken_lately"]) == (4095, 4096, 1)
    assert (supply["days_left"], supply["low"], supply["expired_leases"]) == (122_850, False, [])


def test_a_list_is_answered_row_by_row_with_a_summary_at_the_end(
    client: TestClient, services: Services, admin_headers: dict[str, str], station: dict[str, str]
) -> None:
    def send(mode: str, headers: dict[str, str] = admin_headers) -> list[dict[str, Any]]:
        answer = client.post(
            "/v1/unit-imports", params={"mode": mode}, files={"file": ("u.csv", LIST)}, headers=headers
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        return [json.loads(line) for line in answer.text.splitlines()]

    before = snapshot(services)
    *rows, last = send("dry_run")
    assert rows[0] == {"line": 2, "serial": "PT000000018", "outcome": "accepted", "reason": ""}
    assert rows[2]["reason"] == "simulated has revisions 1 to 4, got 9"
    assert last == {"summary": {"accepted": 2, "unchanged": 0, "refused": 1, "written": 0, "error": ""}}
    assert send("whole")[-1] == last
    assert snapshot(services) == before
    assert send("partial", admin_headers | {"Idempotency-Key": "import-1"})[-1]["summary"]["written"] == 2
    text = client.get("/v1/inventory", headers=admin_headers)
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.text.splitlines()[1].startswith("PT000000018,8C:1F:64:AA:B0:01,,simulated,1,new,operator,,made,good,")
    refused = client.post("/v1/unit-imports", files={"file": ("u.csv", "name\n")}, headers=admin_headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert client.post("/v1/unit-imports", files={"file": ("u.csv", LIST)}, headers=station).status_code == 403
