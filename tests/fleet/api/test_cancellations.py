"""Cancellations over HTTP: noted, listed, withdrawn."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import Warehouse

ASKED = {
    "at": "2026-03-02T10:00:00-05:00",
    "channel": "phone",
    "administrator": "PE-1",
    "proof": "account_pin",
}


def test_noted_listed_and_withdrawn(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    headers = bearer(Role.SUPPORT)
    path = "/v1/accounts/AC-1/cancellations"
    answer = client.post(path, json=ASKED, headers=headers)
    found = answer.json()
    assert answer.status_code == 201, answer.text
    assert (found["id"], found["state"], found["ends_on"], found["whole_account"]) == (
        "CN-1",
        "requested",
        "2026-03-06",
        True,
    )
    assert (found["total_cents"], [line["serial"] for line in found["units"]]) == (5000, [unit.serial])
    assert found["ends_at"] == "2026-03-06T05:00:00Z"
    assert client.get(path, headers=headers).json() == {"items": [found], "next": None}
    assert client.get("/v1/cancellations/CN-1", headers=headers).json() == found
    wrong = client.post("/v1/cancellations/CN-1/withdraw", json={"administrator": "PE-9"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")
    withdrawn = client.post("/v1/cancellations/CN-1/withdraw", json={"administrator": "PE-1"}, headers=headers)
    assert withdrawn.json()["state"] == "withdrawn"
    again = client.post("/v1/cancellations/CN-1/withdraw", json={"administrator": "PE-1"}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


def test_what_does_not_count_says_why(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    Warehouse(services, admin).open_account()
    headers = bearer(Role.SUPPORT)
    path = "/v1/accounts/AC-1/cancellations"
    refused = client.post(path, json=ASKED | {"proof": None}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "notice_refused")
    for wrong in ({"at": "2026-03-02T10:00:00"}, {"administrator": "Ann"}, {"units": []}, {"channel": "fax"}):
        assert client.post(path, json=ASKED | wrong, headers=headers).status_code == 422, wrong
    assert client.post("/v1/accounts/AC-9/cancellations", json=ASKED, headers=headers).status_code == 404
