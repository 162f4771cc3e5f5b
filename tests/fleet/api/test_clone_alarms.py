"""Clone alarms over HTTP: the operator's people read and resolve them."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import Warehouse


def test_an_alarm_is_listed_read_and_resolved(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit, other = warehouse.stock(), warehouse.stock()
    warehouse.register(unit, mac=other.mac.octets)
    headers = bearer(Role.SUPPORT)
    [listed] = client.get("/v1/clone-alarms?open_only=true", headers=headers).json()["items"]
    found = client.get("/v1/clone-alarms/CA-1", headers=headers).json()
    assert found == listed
    expected = {"id": "CA-1", "unit": unit.serial, "claimed": other.serial, "evidence": "other_key", "resolution": None}
    assert {name: found[name] for name in expected} == expected
    assert found["mac"] == str(other.mac)
    assert client.get("/v1/clone-alarms", headers=bearer(Role.WAREHOUSE)).status_code == 403
    assert client.get("/v1/clone-alarms/CA-9", headers=headers).status_code == 404

    def resolve(resolution: str, expect: int) -> dict[str, str]:
        body = {"resolution": resolution, "reason": "a mixed-up board"}
        answer = client.post("/v1/clone-alarms/CA-1/resolve", json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        told: dict[str, str] = answer.json()
        return told

    assert resolve("maybe", 422)["code"] == "invalid"
    assert resolve("false_alarm", 200)["resolution"] == "false_alarm"
    assert resolve("revoked", 409)["code"] == "conflict"
    assert client.get("/v1/clone-alarms?open_only=true", headers=headers).json()["items"] == []
