"""Each month's use is measured against the plan's, once; a person decides, once (ER 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from fleet.domain.access import ForbiddenError, Role, Seen
from fleet.domain.account import Account
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError, StaleVersionError
from fleet.domain.order import Plan
from fleet.domain.policy import PolicyName, PolicyValue
from fleet.domain.reasonable_use import Outcome, UseReview
from fleet.domain.unit import Unit
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import Clock, someone
from tests.fleet.domain.calls import MINUTE, call
from tests.fleet.services.calling import Caller
from tests.fleet.services.equipment import Warehouse, sent, snapshot
from tests.fleet.services.test_accounts import end_all_service

SUPPORT = someone(Role.SUPPORT)
APRIL, MAY_4 = datetime(2026, 4, 10, 12, tzinfo=UTC), datetime(2026, 5, 4, 12, tzinfo=UTC)
PERCENT = 75  # from April on: of four accounts one may be out of pattern
NAMES = [f"Customer{number} Limited" for number in range(20)]


@pytest.fixture
def caller(warehouse: Warehouse) -> Caller:
    value = PolicyValue(PolicyName.REASONABLE_USE_PERCENT, date(2026, 4, 1), PERCENT)
    warehouse.services.policy.set(warehouse.actor, value)
    return Caller(warehouse)


def customers(caller: Caller, count: int) -> list[tuple[Account, Unit]]:
    found = []
    for name in NAMES[:count]:
        account = caller.warehouse.open_account(name)
        unit = caller.warehouse.place(account)
        caller.come_on(unit)
        found.append((account, unit))
    return found


def measure(caller: Caller) -> int:
    return caller.services.use_reviews.measure(SCHEDULER)


def reviews(caller: Caller) -> list[UseReview]:
    return caller.services.use_reviews.page(SUPPORT, 100, None)


@pytest.fixture
def listed(caller: Caller, clock: Clock) -> UseReview:
    """One of four who has spoken three hours, where nobody else has more than three minutes."""
    known = customers(caller, 4)
    clock.now = APRIL
    for number, (_, unit) in enumerate(known):
        minutes = 180 if number == 1 else number
        caller.tell(unit, call(duration_ms=minutes * MINUTE, started_s=caller.seconds_ago()), call(number="911"))
    clock.now = MAY_4
    assert measure(caller) == 1
    (review,) = reviews(caller)
    return review


def test_who_is_out_of_pattern_is_listed_once_with_the_evidence(caller: Caller, listed: UseReview) -> None:
    assert (listed.account_id, listed.month, listed.plan) == (2, date(2026, 4, 1), Plan.MONTHLY)
    seen = listed.evidence
    assert (seen.use.total_ms, seen.limit_ms, seen.percent) == (180 * MINUTE, 3 * MINUTE, PERCENT)
    assert (seen.accounts, seen.rank, seen.before_ms) == (4, 1, 0)
    assert seen.use.outgoing_ms_by_country == (("JM", 180 * MINUTE),)
    told = [each for each in sent(caller.services, "webhook") if each["event"] == "use.out_of_pattern"]
    expected = {"event": "use.out_of_pattern", "review": "UR-1", "account": "AC-2", "month": "2026-04"}
    assert told == [expected]
    before = snapshot(caller.services)
    assert measure(caller) == 0
    assert snapshot(caller.services) == before


def test_one_of_twenty_is_listed_by_the_default(caller: Caller, clock: Clock) -> None:
    """March, before the other percent takes effect; the accounts open by the twentieth."""
    for number, (_, unit) in enumerate(customers(caller, 20)):
        caller.tell(unit, call(duration_ms=(number + 1) * MINUTE))
    end_all_service(caller.warehouse, clock)  # of the first account, days later: it had service in March
    clock.now = datetime(2026, 4, 4, 12, tzinfo=UTC)
    measure(caller)
    assert [(each.account_id, each.evidence.limit_ms) for each in reviews(caller)] == [(20, 19 * MINUTE)]
    assert [row[2] for row in measured(caller, "2026-03-01")] == [20, 0]


def test_accounts_that_made_no_call_count_and_those_without_service_do_not(
    caller: Caller, warehouse: Warehouse, clock: Clock
) -> None:
    known = customers(caller, 5)
    warehouse.open_account("Never Served")
    end_all_service(warehouse, clock)  # of the first account, days later
    clock.now = APRIL
    caller.tell(known[3][1], call(duration_ms=MINUTE))
    clock.now = MAY_4
    measure(caller)
    (review,) = reviews(caller)
    assert (review.account_id, review.evidence.accounts, review.evidence.limit_ms) == (4, 4, 0)


def measured(caller: Caller, month: str) -> list[tuple[object, ...]]:
    return sorted(row for row in snapshot(caller.services)["use_measurements"] if str(row[0]) == month)[::-1]


def test_a_unit_the_account_keeps_after_its_service_ended_is_no_service(caller: Caller, clock: Clock) -> None:
    account = caller.warehouse.open_account()
    caller.warehouse.place(account, price=3995)
    end_all_service(caller.warehouse, clock)
    for at, count in ((datetime(2026, 4, 4, 12, tzinfo=UTC), 1), (MAY_4, 0)):
        clock.now = at
        measure(caller)
        month = at.replace(month=at.month - 1, day=1).date()
        assert [row[2] for row in measured(caller, str(month))] == [count, 0]


def test_months_that_were_missed_are_measured_each(caller: Caller, clock: Clock, listed: UseReview) -> None:
    assert listed.month == date(2026, 4, 1)
    clock.now = datetime(2026, 8, 4, 12, tzinfo=UTC)
    assert measure(caller) == 3
    assert {str(row[0]) for row in snapshot(caller.services)["use_measurements"]} == {
        f"2026-0{month}-01" for month in (4, 5, 6, 7)
    }
    assert len(reviews(caller)) == 1


def test_the_most_use_comes_first_with_what_it_was_the_month_before(caller: Caller, clock: Clock) -> None:
    value = PolicyValue(PolicyName.REASONABLE_USE_PERCENT, date(2026, 5, 1), 50)
    caller.services.policy.set(caller.warehouse.actor, value)
    units = [unit for _, unit in customers(caller, 4)]
    for at in (APRIL, datetime(2026, 5, 10, tzinfo=UTC)):
        clock.now = at
        for number, unit in enumerate(units):
            caller.tell(unit, call(duration_ms=(number + 1) * MINUTE))
    clock.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
    measure(caller)
    found = [(each.account_id, each.evidence.rank, each.evidence.before_ms) for each in reviews(caller)]
    assert found == [(4, 1, 4 * MINUTE), (3, 2, 3 * MINUTE)]


def test_a_person_decides_once_and_says_why(caller: Caller, listed: UseReview) -> None:
    services = caller.services
    before = snapshot(services)
    for actor in (
        someone(Role.FINANCE),
        someone(Role.ACCOUNT_ADMINISTRATOR, account_id=2),
        replace(SUPPORT, account_id=2),
    ):
        with pytest.raises(ForbiddenError):
            services.use_reviews.decide(actor, listed.id, Outcome.FRAUD, "so")
        with pytest.raises(ForbiddenError):
            services.use_reviews.get(actor, listed.id)
        with pytest.raises(ForbiddenError):
            services.use_reviews.page(actor, 9, None)
    with pytest.raises(InvalidError, match="say why"):
        services.use_reviews.decide(SUPPORT, listed.id, Outcome.FRAUD, " ")
    with pytest.raises(NotFoundError):
        services.use_reviews.decide(SUPPORT, 99, Outcome.FRAUD, "so")
    with pytest.raises(StaleVersionError):
        services.use_reviews.decide(replace(SUPPORT, seen=Seen("UR-1", 7)), 1, Outcome.FRAUD, "so")
    assert snapshot(services) == before
    decided = services.use_reviews.decide(
        replace(SUPPORT, seen=Seen("UR-1", 1)), 1, Outcome.REASONABLE, "a call centre"
    )
    assert (decided.outcome, decided.why, decided.decided_by, decided.version) == (
        Outcome.REASONABLE,
        "a call centre",
        "PE-900",
        2,
    )
    assert services.use_reviews.get(SUPPORT, 1) == decided
    assert services.use_reviews.page(SUPPORT, 9, None, open_only=True) == []
    assert services.use_reviews.page(SUPPORT, 9, None, date(2026, 2, 1)) == []
    (entry,) = [
        each for each in services.audit.page(caller.warehouse.actor, 99, None, "UR-1") if each.action == "use:decide"
    ]
    assert (entry.actor, entry.fields) == ("PE-900", ("outcome", "why"))
    with pytest.raises(ConflictError, match="decided already"):
        services.use_reviews.decide(SUPPORT, 1, Outcome.FRAUD, "no")
    assert services.use_reviews.get(SUPPORT, 1) == decided
