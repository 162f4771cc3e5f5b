"""Suspension over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import Warehouse


def test_suspended_charged_and_given_back(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    Warehouse(services, admin).open_account()
    headers = bearer(Role.FINANCE)

    def post(step: str, body: dict[str, object] | None, expect: int = 200) -> dict[str, object]:
        answer = client.post(f"/v1/accounts/AC-1/{step}", json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        found: dict[str, object] = answer.json()
        return found

    assert post("suspend", {"reason": "security"}, 403)["code"] == "forbidden"
    suspended = {"state": "suspended", "reasons": ["non_payment"], "episode": 1, "version": 1}
    assert post("suspend", {"reason": "non_payment"}) == suspended
    assert client.get("/v1/accounts/AC-1/service", headers=headers).json() == suspended
    assert post("reconnect-fee", None) == suspended
    lift = {"reason": "non_payment", "unpaid_cents": 0, "reconnect_paid": False}
    assert "reconnect fee is unpaid" in str(post("lift", lift, 409)["detail"])
    assert post("lift", lift | {"reconnect_paid": True})["state"] == "available"
    assert post("lift", lift | {"unpaid_cents": -1}, 422)["code"] == "invalid"
