"""Charge events over HTTP: pages, filters and the file."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.charging import charge_of, credit_of, record
from tests.fleet.services.equipment import Warehouse


def test_pages_filters_and_file(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    account = Warehouse(services, admin).open_account()
    charge = charge_of("placement-1")
    record(services, account.id, charge, credit_of(charge, 1500))
    headers = bearer(Role.FINANCE)
    path = "/v1/accounts/AC-1/charges"
    first = client.get(path, params={"limit": 1}, headers=headers).json()
    second = client.get(path, params={"limit": 1, "cursor": first["next"]}, headers=headers).json()
    assert (first["items"][0]["amount_cents"], second["items"][0]["amount_cents"]) == (6500, 1500)
    assert second["next"] is None
    assert second["items"][0]["credits"] == charge.key
    found = client.get(path, params={"kind": "credit", "since": "2026-03-02"}, headers=headers).json()
    assert found["items"] == second["items"]
    file = client.get("/v1/charge-export", params={"account": "AC-1", "until": "2026-03-02"}, headers=headers)
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.text.splitlines()) == 3
    assert client.get("/v1/accounts/AC-9/charges", headers=headers).status_code == 404
    assert client.get("/v1/charge-export", params={"account": "AC-9"}, headers=headers).status_code == 404
    assert client.get(path, params={"kind": "gift"}, headers=headers).status_code == 422
