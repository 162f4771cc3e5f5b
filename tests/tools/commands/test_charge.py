"""`plugtone charge` against the real service."""

from pathlib import Path

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.charging import charge_of, record
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_charges_are_listed_and_exported(plugtone: Run, services: Services, tmp_path: Path) -> None:
    account = Warehouse(services, someone(Role.ADMIN)).open_account()
    charge = charge_of("placement-1")
    record(services, account.id, charge)
    assert [line["key"] for line in plugtone("charge", "list", "AC-1", "--kind", "charge", "--json")] == [charge.key]
    assert "$65.00" in plugtone("charge", "list", "AC-1")
    assert plugtone("charge", "list", "AC-1", "--since", "2026-03-03", "--json") == []
    assert charge.key in plugtone("charge", "export")
    plugtone("charge", "export", "--account", "AC-1", "--output", tmp_path / "charges.csv")
    assert charge.key in (tmp_path / "charges.csv").read_text()
