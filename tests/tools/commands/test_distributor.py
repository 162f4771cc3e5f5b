"""`plugtone distributor`, and orders of theirs, against the real service."""

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_a_distributor_is_registered_sells_and_is_ended(plugtone: Run, services: Services) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    assert plugtone("distributor", "register", "Lines & Co", "--json")["id"] == "DI-2"
    plan = ("--plan", "annual", "--plan-price-cents", 12000, "--distributor", "DI-2")
    order = plugtone("order", "create", "--account", "AC-1", "--quantity", 1, *plan, "--json")
    assert (order["plan"], order["plan_price_cents"], order["distributor"]) == ("annual", 12000, "DI-2")
    assert plugtone("distributor", "end", "DI-2", "--json")["state"] == "ended"
    assert "Lines & Co" in plugtone("distributor", "list")
    assert "DI-2 is ended" in plugtone("distributor", "end", "DI-2", status=1)
