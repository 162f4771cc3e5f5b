"""Termination for a breach: the account has the whole of the last day, in nights of daylight saving too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.business_days import CalendarError
from fleet.domain.errors import ConflictError, IllegalTransitionError
from fleet.domain.local_dates import first_instant
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.termination import (
    BREACH,
    Breach,
    BreachEvent,
    BreachNotice,
    BreachState,
    check_may_end,
    cure,
    give_notice,
    overtake,
    terminate,
)
from tests.fleet.domain.cancelling import CALENDAR, NEW_YORK, POLICY, day, local

MOMENT = timedelta(microseconds=1)
STEPS = {
    BreachEvent.CURE: cure,
    BreachEvent.TERMINATE: terminate,
    BreachEvent.OVERTAKE: lambda given, _at: overtake(given),
}


def notice(at: str, breach: Breach = Breach.NON_PAYMENT) -> BreachNotice:
    return give_notice(breach, local(at), CALENDAR, POLICY, NEW_YORK)


@pytest.mark.parametrize(
    ("at", "last_day"),
    [
        ("2025-06-10 00:00", "2025-06-17"),
        ("2025-06-10 23:59", "2025-06-17"),
        ("2025-06-12 12:00", "2025-06-20"),  # over Juneteenth, a Thursday
        ("2025-06-14 12:00", "2025-06-23"),  # a Saturday, and Juneteenth
        ("2025-12-23 12:00", "2025-12-31"),
        ("2025-10-28 12:00", "2025-11-04"),
    ],
)
def test_five_business_days_after_notice_of_non_payment(at: str, last_day: str) -> None:
    given = notice(at)
    assert given.last_day == day(last_day)
    assert given.ends_at == first_instant(day(last_day) + timedelta(1), NEW_YORK)
    assert last_day in given.reason.text
    assert "5 Business Days" in given.reason.text


@pytest.mark.parametrize(
    ("at", "last_day"),
    [("2025-06-10 12:00", "2025-07-10"), ("2024-01-30 12:00", "2024-02-29"), ("2025-10-03 12:00", "2025-11-02")],
)
def test_thirty_days_after_notice_of_any_other_breach(at: str, last_day: str) -> None:
    given = notice(at, Breach.OTHER)
    assert given.last_day == day(last_day)
    assert "30 days" in given.reason.text


def test_the_last_day_of_a_night_with_25_hours_is_whole() -> None:
    given = notice("2025-10-03 12:00", Breach.OTHER)  # clocks go back on the last day
    assert given.ends_at == local("2025-11-03 00:00")
    assert cure(given, local("2025-11-02 23:59:59")).state is BreachState.CURED


@pytest.mark.parametrize("breach", list(Breach))
def test_payment_on_the_last_day_cures_and_only_after_it_service_may_end(breach: Breach) -> None:
    given = notice("2025-06-10 12:00", breach)
    assert cure(given, given.ends_at - MOMENT).state is BreachState.CURED
    assert terminate(given, given.ends_at).state is BreachState.TERMINATED
    with pytest.raises(ConflictError, match=f"the whole of {given.last_day}"):
        terminate(given, given.ends_at - MOMENT)
    if breach is Breach.NON_PAYMENT:  # who has paid is not unpaid
        assert cure(given, given.ends_at).state is BreachState.CURED
    else:
        with pytest.raises(ConflictError, match=f"the last day to cure the {breach} was {given.last_day}"):
            cure(given, given.ends_at)


@pytest.mark.parametrize("step", list(STEPS))
def test_a_notice_that_is_settled_takes_no_further_step(step: BreachEvent) -> None:
    given = notice("2025-06-10 12:00")
    for settled in (cure(given, given.ends_at - MOMENT), terminate(given, given.ends_at), overtake(given)):
        with pytest.raises(IllegalTransitionError, match=f"is {settled.state}"):
            STEPS[step](settled, given.ends_at)


def test_it_is_due_when_the_last_day_is_over_and_nothing_came_of_it() -> None:
    given = notice("2025-06-10 12:00")
    assert not given.is_due(given.ends_at - MOMENT)
    assert given.is_due(given.ends_at)
    assert not cure(given, given.ends_at).is_due(given.ends_at)


@pytest.mark.parametrize("breach", [*Breach, None])
@pytest.mark.parametrize("role", list(Role))
def test_each_end_is_decided_by_its_own_people(breach: Breach | None, role: Role) -> None:
    if role is Role.ADMIN or (role is Role.FINANCE and breach is Breach.NON_PAYMENT):
        check_may_end(breach, frozenset({role}))
    else:
        with pytest.raises(ForbiddenError, match=f"decided by .*, got {role}"):
            check_may_end(breach, frozenset({role}))


def test_nobody_ends_nothing() -> None:
    with pytest.raises(ForbiddenError, match="an end without a breach is decided by admin, got nobody"):
        check_may_end(None, frozenset())


def test_the_table_names_every_state_and_event() -> None:
    assert {event for _, event in BREACH} == set(BreachEvent)
    assert {state for state, _ in BREACH} | set(BREACH.values()) == set(BreachState)


def test_the_periods_are_those_in_force_on_the_day_of_the_notice() -> None:
    book = PolicyBook(
        (
            PolicyValue(PolicyName.PAYMENT_DEFAULT_BUSINESS_DAYS, day("2025-06-11"), 10),
            PolicyValue(PolicyName.OTHER_BREACH_DAYS, day("2025-06-11"), 60),
        )
    )
    for breach, before, after in ((Breach.NON_PAYMENT, 17, 26), (Breach.OTHER, 40, 71)):
        given = [give_notice(breach, local(f"2025-06-{n} 12:00"), CALENDAR, book, NEW_YORK) for n in (10, 11)]
        assert [(g.last_day - day("2025-05-31")).days for g in given] == [before, after]


def test_a_notice_beyond_the_loaded_holidays_is_an_error() -> None:
    with pytest.raises(CalendarError):
        notice("2030-12-30 12:00")
