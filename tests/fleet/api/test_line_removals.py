"""The last line of a unit removed over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.api.test_breach_notices import poster
from tests.fleet.services.equipment import Warehouse


def test_it_is_removed_once_and_told_what_it_costs(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    post, path = poster(client, bearer(Role.SUPPORT)), f"/v1/units/{unit.serial}/remove-line"
    assert "name one of the Administrators of AC-1" in str(post(path, {"administrator": "PE-77"}, 422)["detail"])
    told = post(path, {"administrator": "PE-1"})
    assert (told["unit"], told["account"], told["total_cents"]) == (unit.serial, "AC-1", 5000)
    assert "ER 3.4" in str(told["reasons"])
    assert "has ended already" in str(post(path, {}, 409)["detail"])
