"""`plugtone data`, `plugtone person` and `plugtone account close` against the real service."""

import json
from pathlib import Path

from fleet.domain.access import Role
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_a_closed_accounts_purge_is_proved(plugtone: Run, services: Services, clock: Clock) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    assert plugtone("account", "close", "AC-1", "--json")["closed_at"] is not None
    assert "is closed" in plugtone("account", "close", "AC-1", status=1)
    clock.advance(days=91)
    services.retention.purge_closed_accounts(SCHEDULER)
    proofs = plugtone("data", "proofs", "--of", "personal_data", "--json")
    assert [(proof["rows_of"], proof["first"]) for proof in proofs][-1] == ("accounts", "accounts-1")
    assert plugtone("data", "proofs", "--of", "connection_logs", "--json") == []
    assert "accounts-1" in plugtone("data", "proofs")


def test_a_person_is_exported_corrected_and_erased(plugtone: Run, services: Services, tmp_path: Path) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.open_account()
    assert plugtone("person", "correct", "PE-1", "--email", "Ann@acme.example", "--json")["email"] == "ann@acme.example"
    assert "ann@acme.example" in plugtone("person", "show", "PE-1")
    plugtone("person", "export", "PE-1", "--output", tmp_path / "PE-1.json")
    assert json.loads((tmp_path / "PE-1.json").read_text())["of_person"]["people"][0]["email"] == "ann@acme.example"
    assert "last Administrator" in plugtone("person", "erase", "PE-1", "--yes", status=1)
    plugtone("account", "close", "AC-1")
    assert plugtone("person", "erase", "PE-1", "--yes", "--json")["state"] == "erased"
    assert plugtone("person", "list", "--json")[0]["name"] == "erased"


def test_an_account_is_recovered(plugtone: Run, services: Services) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    new = ("--name", "Ann Lee", "--email", "ann@acme.example")
    assert "by another one" in plugtone("account", "appoint", "AC-1", *new, status=1)
    proof = ("--gone", "PE-1", "--proof")
    assert "account_pin" in plugtone("account", "recover", "AC-1", *new, *proof, "account_pin", status=1)
    assert plugtone("account", "recover", "AC-1", *new, *proof, "signed_letter", "--json")["id"] == "PE-2"
    assert [person["id"] for person in plugtone("account", "administrators", "AC-1", "--json")] == ["PE-2"]
