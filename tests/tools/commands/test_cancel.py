"""`plugtone cancel` against the real service."""

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_a_cancellation_is_noted_shown_and_withdrawn(plugtone: Run, services: Services) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    call = ("AC-1", "--administrator", "PE-1", "--proof", "account_pin", "--at", "2026-03-02T10:00:00-0500")
    assert plugtone("cancel", "request", *call, "--json")["ends_on"] == "2026-03-06"
    later = plugtone("cancel", "request", *call, "--date", "2026-04-01")
    assert "CN-2 ends service on 2026-04-01: $0.00 in all" in later
    passed_on = (*call[:3], "--distributor", "Phones & More", *call[5:])
    assert plugtone("cancel", "request", *passed_on, "--json")["channel"] == "distributor"
    states = [line["state"] for line in plugtone("cancel", "list", "AC-1", "--json")]
    assert states == ["replaced", "replaced", "requested"]
    assert "$0.00" in plugtone("cancel", "list", "AC-1")
    assert plugtone("cancel", "withdraw", "CN-3", "--administrator", "PE-1", "--json")["state"] == "withdrawn"
    assert plugtone("cancel", "show", "CN-3", "--json")["state"] == "withdrawn"
    assert "only an Administrator" in plugtone("cancel", "request", *call[:2], "PE-9", *call[3:], status=1)
