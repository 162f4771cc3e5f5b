"""`plugtone data` and `plugtone account close` against the real service."""

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
