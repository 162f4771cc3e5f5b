"""An account is closed once nothing of it runs, for good, and nothing begins there any more."""

from __future__ import annotations

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, IllegalTransitionError, NotFoundError
from fleet.domain.suspension import AccountService
from fleet.services.cancellations import Asked
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, snapshot


def end_all_service(warehouse: Warehouse, clock: Clock, account_id: int = 1, administrator: str = "PE-1") -> None:
    """The whole account is cancelled, and its day comes."""
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, administrator, passed_on_by="Phones & More")
    effect = warehouse.services.cancellations.request(warehouse.actor, account_id, asked).cancellation.effect
    clock.now = effect.at
    warehouse.services.cancellations.take_effect(warehouse.actor)


def test_an_account_is_closed_after_its_services_are_cancelled(warehouse: Warehouse, clock: Clock) -> None:
    account = warehouse.open_account()
    warehouse.place(account)
    end_all_service(warehouse, clock)
    closed = warehouse.services.accounts.close(someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1), account.id)
    assert closed.closed_at == clock()
    assert warehouse.services.accounts.get(warehouse.actor, account.id) == closed
    assert warehouse.services.audit.page(warehouse.actor, 1, None, "AC-1")[0].action == "account:close"


def test_while_a_service_runs_an_account_stays_open_and_nothing_changes(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    warehouse.place(account)
    warehouse.place(account)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="2 services of AC-1 still run"):
        warehouse.services.accounts.close(warehouse.actor, account.id)
    assert snapshot(warehouse.services) == before


def test_an_account_that_never_had_a_service_may_be_closed_and_a_closed_one_begins_nothing(
    warehouse: Warehouse, clock: Clock
) -> None:
    account, unit = warehouse.open_account(), warehouse.stock()
    warehouse.services.accounts.close(warehouse.actor, account.id)
    assert warehouse.services.suspensions.standing(warehouse.actor, 1).state is AccountService.ENDED
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="AC-1 is closed"):
        warehouse.send(account, unit)
    with pytest.raises(IllegalTransitionError):
        warehouse.services.accounts.close(warehouse.actor, account.id)
    assert snapshot(warehouse.services) == before


def test_only_an_accounts_own_administrator_or_the_operator_closes_it(warehouse: Warehouse) -> None:
    warehouse.open_account()
    before = snapshot(warehouse.services)
    with pytest.raises(NotFoundError):
        warehouse.services.accounts.close(someone(Role.ACCOUNT_ADMINISTRATOR, account_id=2), 1)
    for role in (Role.VIEWER, Role.WAREHOUSE, Role.FINANCE):
        with pytest.raises(ForbiddenError):
            warehouse.services.accounts.close(someone(role), 1)
    assert snapshot(warehouse.services) == before
