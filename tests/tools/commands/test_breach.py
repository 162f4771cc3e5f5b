"""`plugtone breach`, `account end`, `account tell-change` and `cancel waive` against the real service."""

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_a_breach_is_noticed_and_ends_by_a_persons_word(plugtone: Run, services: Services, clock: Clock) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.open_account()
    warehouse.open_account("Osprey Books")
    unpaid = ("--breach", "non_payment", "--reason", "invoice 17")
    assert plugtone("breach", "notify", "AC-1", *unpaid) == "BN-1: AC-1 has the whole of 2026-03-09\n"
    assert plugtone("breach", "notify", "AC-2", *unpaid, "--json")["last_day"] == "2026-03-09"
    assert plugtone("breach", "cure", "BN-2", "--reason", "paid") == "BN-2 of AC-2 is cured\n"
    assert "the whole of 2026-03-09" in plugtone("breach", "terminate", "BN-1", "--reason", "unpaid", status=1)
    assert plugtone("breach", "list", "--due", "--json") == []
    clock.advance(days=8)
    assert [line["id"] for line in plugtone("breach", "list", "--due", "--json")] == ["BN-1"]
    assert plugtone("breach", "terminate", "BN-1", "--reason", "unpaid") == "BN-1 of AC-1 is terminated\n"
    assert plugtone("breach", "show", "BN-1", "--json")["settled_why"] == "unpaid"
    assert len(plugtone("breach", "list", "--account", "AC-1", "--json")) == 1
    assert plugtone("account", "end", "AC-2", "--reason", "we leave", "--json")["state"] == "ended"


def test_a_change_is_told_and_a_cancellation_freed_over_it(plugtone: Run, services: Services) -> None:
    Warehouse(services, someone(Role.ADMIN)).open_account()
    told = ("--text", "no more faxes", "--date", "2026-05-01")
    assert plugtone("account", "tell-change", *told, "--account", "AC-1", "--json")["id"] == "CH-1"
    assert plugtone("account", "changes", "--json")[0]["text"] == "no more faxes"
    at = ("--at", "2026-03-02T10:00:00-0500")
    plugtone("cancel", "request", "AC-1", "--administrator", "PE-1", "--proof", "account_pin", *at)
    assert plugtone("cancel", "waive", "CN-1", "--change", "CH-1", *at, "--json")["cause"] == "harmful_change"
    late = plugtone("cancel", "waive", "CN-1", "--since", "2026-02-01", *at, status=1)
    assert "freed of the fees already" in late
