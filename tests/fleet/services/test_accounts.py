"""An account is closed once nothing of it runs, for good, and nothing begins there any more."""

from __future__ import annotations

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, IllegalTransitionError, NotFoundError
from fleet.domain.suspension import AccountService
from fleet.domain.termination import Breach
from fleet.services.cancellations import Asked
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, snapshot


def end_all_service(warehouse: Warehouse, clock: Clock, account_id: int = 1, administrator: str = "PE-1") -> None:
    """The whole account is cancelled, and its day comes."""
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, administrator, passed_on_by="Phones & More")
    effect = warehouse.services.cancellations.request(warehouse.actor, account_id, asked).cancellation.effect
    clock.now = effect.at
    warehouse.services.cancellations.take_effect(warehouse.actor)


def cancel_all_units(warehouse: Warehouse, clock: Clock) -> None:
    """Each service is cancelled by its unit: the account is left without any, and may order again."""
    services = warehouse.services
    here = [unit.serial for unit in services.units.page(warehouse.actor, 9, None) if unit.account_id]
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", units=here, passed_on_by="Phones & More")
    clock.now = services.cancellations.request(warehouse.actor, 1, asked).cancellation.effect.at
    services.cancellations.take_effect(SCHEDULER)


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


def test_a_unit_that_is_here_for_repair_still_serves_its_account(warehouse: Warehouse) -> None:
    """ER 3.7: until properly cancelled the account stays, is billed and owes."""
    account = warehouse.open_account()
    warehouse.take_back(warehouse.place(account))
    with pytest.raises(ConflictError, match="1 services of AC-1 still run"):
        warehouse.services.accounts.close(warehouse.actor, account.id)


def test_a_unit_that_was_replaced_keeps_no_account_open(warehouse: Warehouse, clock: Clock) -> None:
    account = warehouse.open_account()
    old = warehouse.place(account)
    warehouse.stock()
    warehouse.register(warehouse.replace(warehouse.take_back(old)))
    cancel_all_units(warehouse, clock)
    assert warehouse.services.accounts.close(warehouse.actor, account.id).closed_at == clock()


def test_an_account_with_a_cancellation_that_waits_is_closed_after_its_day(warehouse: Warehouse, clock: Clock) -> None:
    """Closed before it, the day could never be carried out, and no other account's after it."""
    account, services = warehouse.open_account(), warehouse.services
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="Phones & More")
    effect = services.cancellations.request(warehouse.actor, account.id, asked).cancellation.effect
    before = snapshot(services)
    with pytest.raises(ConflictError, match="CN-1 takes effect on 2026-03-06"):
        services.accounts.close(warehouse.actor, account.id)
    assert snapshot(services) == before
    clock.now = effect.at
    assert services.cancellations.take_effect(SCHEDULER) == 1
    assert services.accounts.close(warehouse.actor, account.id).closed_at == clock()


def test_a_notice_of_breach_to_a_closed_account_waits_for_nobody(warehouse: Warehouse, clock: Clock) -> None:
    account, services = warehouse.open_account(), warehouse.services
    warehouse.place(account)
    cancel_all_units(warehouse, clock)
    services.terminations.give_notice(warehouse.actor, account.id, Breach.NON_PAYMENT, "unpaid")
    services.accounts.close(warehouse.actor, account.id)
    clock.advance(days=30)
    assert services.terminations.page(warehouse.actor, None, due=True, limit=9, after=None) == []
    assert services.terminations.get(warehouse.actor, 1).notice.state == "overtaken"


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
