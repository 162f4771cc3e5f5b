"""`plugtone number`, `network` and what `unit` says of a line, against the real service."""

from pathlib import Path

import pytest

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


@pytest.fixture
def serial(services: Services) -> str:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return warehouse.place(warehouse.open_account()).serial


def test_numbers_are_taken_in_given_and_ported(plugtone: Run, serial: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("first,last\n+15555551000,+15555551001\n911\n")
    refused = plugtone("number", "import", path, status=1)
    assert "nothing was taken in" in refused
    path.write_text("first,last\n+15555551000,+15555551001\n")
    assert "0 numbers taken in" in plugtone("number", "import", path, "--dry-run")
    assert "+15555551000 to +15555551001: 2 new" in plugtone("number", "import", path)
    assert [each["number"] for each in plugtone("number", "list", "--account", "AC-1", "--json")] == ["+15555550100"]

    plugtone("number", "release", "+15555550100", "--reason", "they bring their own")
    assert "emergency only: The line has no number" in plugtone("unit", "line", serial)
    plugtone("number", "port-in", serial, "+15555550977", "--administrator", "PE-1")
    assert plugtone("unit", "line", serial, "--json")["level"] == "outgoing_only"
    plugtone("number", "fail-port", "+15555550977", "--reason", "refused")
    plugtone("number", "port-in", serial, "+15555550977")
    assert plugtone("number", "take-effect", "+15555550977", "--json")["state"] == "assigned"
    plugtone("number", "port-out", "+15555550977")
    assert plugtone("number", "assign", serial, "--json")["number"] == "+15555550101"
    assert plugtone("number", "restock", "+15555550100", "--reason", "quiet", "--json")["state"] == "inventory"
    assert "asked for by PE-1" in plugtone("number", "show", "+15555550977")


def test_a_unit_is_located(plugtone: Run, serial: str) -> None:
    assert plugtone("unit", "location", serial, "--json")["state"] == "current"
    plugtone("unit", "locate", serial, "--address", "4 Dune Road")
    assert "disclosure is not acknowledged" in plugtone("unit", "line", serial)
    plugtone("unit", "confirm-location", serial)
    assert plugtone("unit", "line", serial) == "full: Nothing stands against it. (ER 7)\n"
    said = ("--address", "5 Dune Road", "--acknowledged", "--administrator", "PE-1")
    assert plugtone("unit", "locate", serial, *said, "--json")["acknowledged_by"] == "PE-1"
    order = ("order", "create", "--account", "AC-1", "--quantity", "1", "--location", "5 Dune Road", "--json")
    assert [plugtone(*order, *more)["location"] for more in ((), ("--acknowledged",))] == ["unacknowledged", "current"]


def test_networks_are_loaded_and_countries_blocked(plugtone: Run, tmp_path: Path) -> None:
    path = tmp_path / "networks.csv"
    path.write_text("prefix,country\n192.0.2.0/24,CU\n")
    assert plugtone("network", "load", path, "--json") == {"prefixes": 1, "refused": []}
    path.write_text("prefix,country\nx,CU\n")
    assert "the table is as it was" in plugtone("network", "load", path, status=1)
    plugtone("network", "block", "CU", "--reason", "list")
    assert [each["country"] for each in plugtone("network", "blocks", "--json")] == ["CU"]
    plugtone("network", "unblock", "CU")
    assert plugtone("network", "blocks", "--json") == []
