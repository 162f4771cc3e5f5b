"""`plugtone account suspend` and back, against the real service."""

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_an_account_is_suspended_and_served_again(plugtone: Run, services: Services) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    reason = ("AC-1", "--reason", "non_payment")
    assert plugtone("account", "suspend", *reason, "--json")["state"] == "suspended"
    plugtone("account", "reconnect-fee", "AC-1")
    paid = ("--unpaid-cents", 0)
    assert "unpaid" in plugtone("account", "lift", *reason, *paid, "--no-reconnect-paid", status=1)
    assert plugtone("account", "lift", *reason, *paid, "--reconnect-paid", "--json")["state"] == "available"
    assert plugtone("account", "service", "AC-1", "--json")["episode"] == 1
