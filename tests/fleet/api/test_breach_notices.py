"""Notices of breach, ends by the operator, changes told and waivers claimed, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    warehouse.place(warehouse.open_account())
    return warehouse


def poster(client: TestClient, headers: dict[str, str]) -> Any:
    def post(path: str, body: dict[str, Any], expect: int = 200) -> Any:
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        return answer.json()

    return post


@pytest.mark.usefixtures("warehouse")
def test_noticed_due_and_terminated(client: TestClient, bearer: Bearer, clock: Clock) -> None:
    headers = bearer(Role.FINANCE)
    post = poster(client, headers)
    notice = {"breach": "non_payment", "reason": "invoice 17"}
    given = post("/v1/accounts/AC-1/breach-notices", notice, 201)
    assert (given["id"], given["last_day"], given["due"], given["state"]) == ("BN-1", "2026-03-09", False, "notified")
    assert post("/v1/accounts/AC-1/breach-notices", notice, 409)["code"] == "conflict"
    assert post("/v1/accounts/AC-1/breach-notices", {**notice, "breach": "other"}, 403)["code"] == "forbidden"
    assert post("/v1/breach-notices/BN-1/terminate", {"reason": "unpaid"}, 409)["code"] == "conflict"
    assert client.get("/v1/breach-notices?due=true", headers=headers).json()["items"] == []
    clock.advance(days=8)
    due = client.get("/v1/breach-notices?due=true&account=AC-1", headers=headers).json()["items"]
    assert [(line["id"], line["due"]) for line in due] == [("BN-1", True)]
    ended = post("/v1/breach-notices/BN-1/terminate", {"reason": "nothing was paid"})
    assert (ended["state"], ended["due"], ended["settled_why"]) == ("terminated", False, "nothing was paid")
    assert client.get("/v1/accounts/AC-1/service", headers=headers).json()["state"] == "ended"
    assert client.get("/v1/breach-notices/BN-1", headers=headers).json() == ended


@pytest.mark.usefixtures("warehouse")
def test_cured_and_ended_without_a_breach(client: TestClient, bearer: Bearer) -> None:
    post = poster(client, bearer(Role.ADMIN))
    post("/v1/accounts/AC-1/breach-notices", {"breach": "other", "reason": "spam"}, 201)
    assert post("/v1/breach-notices/BN-1/cure", {"reason": "it stopped"})["state"] == "cured"
    assert post("/v1/accounts/AC-1/end", {"reason": "we leave"})["state"] == "ended"


@pytest.mark.usefixtures("warehouse")
def test_a_change_is_told_and_claimed(client: TestClient, bearer: Bearer) -> None:
    headers = bearer(Role.ADMIN)
    post = poster(client, headers)
    change = {"text": "no more faxes", "takes_effect_on": "2026-05-01"}
    assert post("/v1/change-notices", {**change, "accounts": []}, 422)
    assert post("/v1/change-notices", {**change, "accounts": ["AC-1"]}, 201)["id"] == "CH-1"
    assert post("/v1/change-notices", change, 201)["id"] == "CH-2"
    listed = client.get("/v1/change-notices", headers=headers).json()["items"]
    assert [line["id"] for line in listed] == ["CH-1", "CH-2"]
    call = {"at": "2026-03-02T15:00:00Z", "channel": "phone", "administrator": "PE-1", "proof": "account_pin"}
    asked = post("/v1/accounts/AC-1/cancellations", call, 201)
    assert (asked["cause"], asked["total_cents"]) == ("account", 5000)
    claim = {"at": "2026-03-02T15:00:00Z", "since": "2026-03-01"}
    assert post("/v1/cancellations/CN-1/claim-waiver", claim, 409)["code"] == "conflict"
    claim = {"at": "2026-03-02T15:00:00Z", "change_notice": "CH-1"}
    freed = post("/v1/cancellations/CN-1/claim-waiver", claim)
    assert (freed["cause"], freed["total_cents"]) == ("harmful_change", 0)
