"""A claim over HTTP: the code in the body alone, one answer for every failure, and when to come again."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import Warehouse
from tests.fleet.services.test_claims import CODE, administrator_secret, labelled


def test_a_unit_is_claimed_over_http(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    unit, other = labelled(warehouse), labelled(warehouse)
    headers = {"Authorization": f"Bearer {administrator_secret(warehouse, account)}"}

    def claim(serial: str, code: str, key: str = "") -> tuple[int, dict[str, str]]:
        keyed = headers | ({"Idempotency-Key": key} if key else {})
        answer = client.post("/v1/units/claim", json={"serial": serial, "code": code}, headers=keyed)
        found: dict[str, str] = answer.json()
        return answer.status_code, found | {"retry_after": answer.headers.get("retry-after", "")}

    assert claim(unit.serial, "wrong", "k1")[0] == 409
    status, told = claim(unit.serial, CODE, "k2")
    assert (status, told["account"], told["ownership"]) == (200, "AC-1", "customer")
    assert claim(unit.serial, CODE, "k2") == (status, told), "a repeated request is answered again"
    assert claim("PT1", CODE)[0] == 422
    details = {claim(other.serial, "wrong")[1]["detail"] for _ in range(4)}
    assert len(details) == 1
    status, told = claim(other.serial, CODE)
    assert (status, told["code"], told["retry_after"]) == (429, "too_many_attempts", "86400")
    assert client.post("/v1/units/claim", json={}, headers=bearer(Role.SUPPORT)).status_code == 403
