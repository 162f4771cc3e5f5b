"""Whose use is out of pattern: the percentile, its ties, few accounts, and months at the operator's (ER 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.call_record import CallDirection
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.order import Plan
from fleet.domain.reasonable_use import (
    Evidence,
    Outcome,
    Use,
    UseReview,
    bounds_of_month,
    check_undecided,
    last_whole_month,
    month_of,
    out_of_pattern,
    parse_month,
    percentile,
    use_of,
)
from tests.fleet.domain.calls import MINUTE, call

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("uses", "limit"),
    [
        ([7], 7),
        (list(range(1, 20)), 19),  # 19 accounts: the most is the limit, nobody exceeds it
        (list(range(1, 21)), 19),  # 20: one may
        (list(range(1, 101)), 95),
        ([5] * 100, 5),
    ],
)
def test_the_percentile_is_the_nearest_rank(uses: list[int], limit: int) -> None:
    assert percentile(uses, 95) == limit


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(0, 100))
def test_the_percentile_is_the_least_use_that_so_many_do_not_exceed(uses: list[int], percent: int) -> None:
    def suffices(candidate: int) -> bool:
        return 100 * sum(use <= candidate for use in uses) >= percent * len(uses)

    assert percentile(uses, percent) == min(candidate for candidate in uses if suffices(candidate))


@given(st.dictionaries(st.integers(1, 200), st.integers(0, 50), max_size=60))
def test_at_most_one_in_twenty_is_listed_and_all_of_them_exceed_everybody_else(uses: dict[int, int]) -> None:
    limit, listed = out_of_pattern(uses, 95)
    assert 20 * len(listed) <= len(uses)
    assert all(uses[account] > limit for account in listed)
    assert all(uses[account] <= limit for account in uses if account not in listed)
    assert listed == sorted(listed, key=lambda account: (-uses[account], account)), "the most use first"


def test_who_ties_with_the_limit_is_within_it() -> None:
    tied = dict.fromkeys(range(1, 20), 10) | {20: 10}
    assert out_of_pattern(tied, 95) == (10, [])
    assert out_of_pattern(tied | {20: 11}, 95) == (10, [20])
    assert out_of_pattern({1: 100_000}, 95) == (100_000, []), "one account alone is the pattern"
    assert out_of_pattern({}, 95) == (0, [])


def test_a_month_is_the_operators_also_where_the_clocks_change() -> None:
    assert bounds_of_month(date(2026, 3, 1), NEW_YORK) == (
        datetime(2026, 3, 1, 5, tzinfo=UTC),
        datetime(2026, 4, 1, 4, tzinfo=UTC),
    )
    assert (month_of(date(2026, 3, 31)), parse_month("2026-03")) == (date(2026, 3, 1), date(2026, 3, 1))
    for text in ("2026", "March", "2026-13", "2026-03-01"):
        with pytest.raises(InvalidError, match="a month is written"):
            parse_month(text)


@pytest.mark.parametrize(
    ("now", "month"),
    [
        ("2026-04-01T03:59Z", "2026-02-01"),  # still March at the operator's
        ("2026-04-01T04:00Z", "2026-02-01"),
        ("2026-04-04T03:59Z", "2026-02-01"),  # the third day
        ("2026-04-04T04:00Z", "2026-03-01"),
        ("2026-01-02T12:00Z", "2025-11-01"),
        ("2026-01-04T12:00Z", "2025-12-01"),
    ],
)
def test_a_month_is_judged_when_late_records_had_their_days(now: str, month: str) -> None:
    expected = date.fromisoformat(month)
    assert last_whole_month(datetime.fromisoformat(now), NEW_YORK, 3) == expected


def test_use_is_of_answered_calls_both_ways_but_emergencies() -> None:
    calls = [
        call(duration_ms=10 * MINUTE),
        call(duration_ms=2 * MINUTE, number="2125550100"),
        call(duration_ms=3 * MINUTE, number="+18815550100"),
        call(duration_ms=MINUTE, number="*69"),
        call(duration_ms=5 * MINUTE, direction=CallDirection.IN),
        call(duration_ms=0),
        call(duration_ms=9 * MINUTE, emergency=True, number="911"),
    ]
    assert use_of(calls) == Use(
        calls=5,
        total_ms=21 * MINUTE,
        outgoing_ms=16 * MINUTE,
        longest_ms=10 * MINUTE,
        outgoing_ms_by_country=(("JM", 10 * MINUTE), ("US", 5 * MINUTE), ("other", MINUTE)),
    )
    assert use_of([]) == Use()


def test_a_long_list_of_countries_is_cut_short() -> None:
    numbers = ["+5355501000", "+442079460100", "+33155501000", "+4915550100", "+39065550100", "+34915550100"]
    countries = use_of([call(number=number) for number in numbers]).outgoing_ms_by_country
    assert [name for name, _ in countries] == ["CU", "DE", "ES", "FR", "GB"], "alike: by name"


def test_what_was_decided_is_not_decided_again() -> None:
    evidence = Evidence(Use(), 1, 95, 20, 1, 0)
    at = datetime(2026, 4, 4, tzinfo=UTC)
    review = UseReview(3, 1, date(2026, 3, 1), Plan.MONTHLY, evidence, at)
    check_undecided(review)
    decided = UseReview(3, 1, date(2026, 3, 1), Plan.MONTHLY, evidence, at, Outcome.FRAUD, "x", "PE-2", at, 2)
    with pytest.raises(ConflictError, match="UR-3 was decided already: fraud, by PE-2"):
        check_undecided(decided)
