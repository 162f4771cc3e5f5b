"""`plugtone order`: what a line says of its units, against the real service."""

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_an_order_says_whose_its_units_are_and_what_is_paid_for_them(plugtone: Run, services: Services) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    create = ("order", "create", "--account", "AC-1", "--quantity", 1)
    rented = plugtone(*create, "--recurring-cents", 500, "--json")["lines"][0]
    assert (rented["ownership"], rented["recurring_cents"], rented["free"]) == ("operator", 500, False)
    bought = plugtone(*create, "--unit-price-cents", 3995, "--credit-cents", 500, "--json")["lines"][0]
    assert (bought["ownership"], bought["credit_cents"]) == ("customer", 500)
    assert plugtone(*create, "--ownership", "leased", "--json")["lines"][0]["ownership"] == "leased"
    assert "'customer'" in plugtone(*create, "--ownership", "mine", status=1)
