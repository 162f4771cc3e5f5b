"""Suspension and what ends it: every state against every event, who may, and what must be paid."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.errors import ConflictError, IllegalTransitionError
from fleet.domain.money import ZERO, Money
from fleet.domain.suspension import (
    ACCOUNT_SERVICE,
    MAY_SUSPEND,
    AccountService,
    AccountServiceEvent,
    ServiceStanding,
    SuspensionReason,
    end,
    lift,
    suspend,
)
from fleet.domain.transitions import advance

ADMIN = frozenset({Role.ADMIN})
UNPAID, LAW = SuspensionReason.NON_PAYMENT, SuspensionReason.LAW
SERVED = ServiceStanding()
SUSPENDED = suspend(SERVED, UNPAID, ADMIN)


@pytest.mark.parametrize("state", list(AccountService))
@pytest.mark.parametrize("event", list(AccountServiceEvent))
def test_each_event_in_each_state_follows_the_table_or_is_refused(
    state: AccountService, event: AccountServiceEvent
) -> None:
    if (state, event) in ACCOUNT_SERVICE:
        assert advance(ACCOUNT_SERVICE, state, event, "AC-1") is ACCOUNT_SERVICE[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"AC-1 is {state}"):
            advance(ACCOUNT_SERVICE, state, event, "AC-1")


def test_nothing_follows_the_end() -> None:
    over = end(SUSPENDED)
    assert over == ServiceStanding(AccountService.ENDED, frozenset(), 1)
    assert end(SERVED).state is AccountService.ENDED
    steps: list[Any] = [
        lambda: suspend(over, LAW, ADMIN),
        lambda: lift(over, LAW, ADMIN, ZERO, True),
        lambda: end(over),
    ]
    for step in steps:
        with pytest.raises(IllegalTransitionError, match="is ended"):
            step()


@pytest.mark.parametrize("reason", list(SuspensionReason))
@pytest.mark.parametrize("role", list(Role))
def test_each_reason_is_for_those_who_may_decide_it(reason: SuspensionReason, role: Role) -> None:
    roles = frozenset({role})
    if role in MAY_SUSPEND[reason]:
        held = suspend(SERVED, reason, roles)
        assert held == ServiceStanding(AccountService.SUSPENDED, frozenset({reason}), 1)
        assert lift(held, reason, roles, ZERO, True).state is AccountService.AVAILABLE
    else:
        for step in (lambda: suspend(SERVED, reason, roles), lambda: lift(SUSPENDED, reason, roles, ZERO, True)):
            with pytest.raises(ForbiddenError, match=f"a suspension for {reason} is decided by .*, got {role}"):
                step()


def test_nobody_of_the_account_or_without_a_role_suspends() -> None:
    assert Role.ACCOUNT_ADMINISTRATOR not in frozenset().union(*MAY_SUSPEND.values())
    with pytest.raises(ForbiddenError, match="got nobody"):
        suspend(SERVED, LAW, frozenset())


def test_service_comes_back_with_the_end_of_the_last_reason() -> None:
    both = suspend(SUSPENDED, LAW, ADMIN)
    assert both == ServiceStanding(AccountService.SUSPENDED, frozenset({UNPAID, LAW}), 1)
    one = lift(both, LAW, ADMIN, Money(100), False)  # a debt does not keep the law's reason up
    assert one == SUSPENDED
    assert lift(one, UNPAID, ADMIN, ZERO, True) == ServiceStanding(AccountService.AVAILABLE, frozenset(), 1)


def test_reactivation_follows_full_payment_and_the_reconnect_fee() -> None:
    with pytest.raises(ConflictError, match=r"\$0.01 is unpaid"):
        lift(SUSPENDED, UNPAID, ADMIN, Money(1), True)
    with pytest.raises(ConflictError, match="reconnect fee is unpaid"):
        lift(SUSPENDED, UNPAID, ADMIN, ZERO, False)
    assert lift(SUSPENDED, UNPAID, ADMIN, Money(-5), True).state is AccountService.AVAILABLE  # a balance in its favour


@pytest.mark.parametrize("reason", list(SuspensionReason))
def test_the_last_reason_ends_with_full_payment_and_the_fee_whatever_it_is(reason: SuspensionReason) -> None:
    held = suspend(SERVED, reason, ADMIN)
    with pytest.raises(ConflictError, match=r"\$50.00 is unpaid"):
        lift(held, reason, ADMIN, Money(5000), True)
    with pytest.raises(ConflictError, match="reconnect fee is unpaid"):
        lift(held, reason, ADMIN, ZERO, False)


def test_non_payment_ends_by_full_payment_though_another_reason_holds() -> None:
    both = suspend(SUSPENDED, LAW, ADMIN)
    with pytest.raises(ConflictError, match=r"\$0.01 is unpaid"):
        lift(both, UNPAID, ADMIN, Money(1), True)
    assert lift(both, UNPAID, ADMIN, ZERO, False).reasons == frozenset({LAW})


def test_a_reason_that_does_not_hold_is_not_lifted() -> None:
    with pytest.raises(ConflictError, match="not suspended for law, only for non_payment"):
        lift(SUSPENDED, LAW, ADMIN, ZERO, True)
    with pytest.raises(IllegalTransitionError):
        lift(SERVED, LAW, ADMIN, ZERO, True)


def test_each_suspension_is_an_episode_of_its_own_however_many_reasons_it_has() -> None:
    back = lift(suspend(SUSPENDED, UNPAID, ADMIN), UNPAID, ADMIN, ZERO, True)
    assert back.episode == 1
    assert suspend(back, UNPAID, ADMIN).episode == 2
