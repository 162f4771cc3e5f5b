"""`plugtone unit` against the real service: what only the operator's people do with a unit in doubt."""

import pytest

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.fleet.services.test_claims import CODE, administrator_secret, labelled
from tests.tools.commands.conftest import Run


def test_clone_alarms_are_listed_and_resolved(plugtone: Run, services: Services) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    unit, other = warehouse.stock(), warehouse.stock()
    warehouse.register(unit, mac=other.mac.octets)
    printed = plugtone("unit", "alarms", "--open")
    assert "CA-1" in printed
    assert unit.serial in printed
    assert max(map(len, printed.splitlines())) <= 80
    resolve = ("unit", "resolve", "CA-1", "--reason", "a mixed-up board")
    assert "resolution" in plugtone(*resolve, "--as", "false_alarm")
    assert plugtone("unit", "alarms", "--open", "--json") == []
    assert [alarm["resolution"] for alarm in plugtone("unit", "alarms", "--json")] == ["false_alarm"]
    assert "CA-1 was resolved as false_alarm" in plugtone(*resolve, "--as", "revoked", status=1)


def test_an_administrator_claims_a_unit(plugtone: Run, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    account, unit = warehouse.open_account(), labelled(warehouse)
    monkeypatch.setenv("PLUGTONE_TOKEN", administrator_secret(warehouse, account))
    monkeypatch.setenv("PLUGTONE_CLAIM_CODE", "wrong")
    assert "read both from the label again" in plugtone("unit", "claim", unit.serial, status=1)
    monkeypatch.setenv("PLUGTONE_CLAIM_CODE", CODE)
    assert plugtone("unit", "claim", unit.serial, "--json")["ownership"] == "customer"


def test_the_last_line_of_a_unit_is_removed_once(plugtone: Run, services: Services) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    printed = plugtone("unit", "remove-line", unit.serial, "--administrator", "PE-1")
    assert f"The service of {unit.serial} has ended; $50.00 is charged." in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert "emergency only" in plugtone("unit", "line", unit.serial)
    assert "has ended already" in plugtone("unit", "remove-line", unit.serial, status=1)
