"""Activation is the first instant at which three conditions hold together, whatever order they became known in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.activation import Change, Condition, activated_at, service_term_begins
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue

START = datetime(2025, 1, 10, tzinfo=UTC)
ON, REGISTERED, SERVICE = Condition.ON_INTERNET, Condition.REGISTERED, Condition.SERVICE_AVAILABLE


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def change(minute: int, condition: Condition, holds: bool = True) -> Change:
    return Change(at(minute), condition, holds)


@pytest.mark.parametrize("order", list(permutations(Condition)))
def test_it_is_the_instant_the_last_of_the_three_begins(order: tuple[Condition, ...]) -> None:
    assert activated_at(change(n, condition) for n, condition in enumerate(order)) == at(2)


@pytest.mark.parametrize("missing", Condition)
def test_two_of_three_are_not_enough(missing: Condition) -> None:
    assert activated_at(change(1, condition) for condition in Condition if condition is not missing) is None


def test_they_must_hold_together_not_one_after_another() -> None:
    changes = [change(0, ON), change(1, REGISTERED), change(2, REGISTERED, False), change(3, SERVICE)]
    assert activated_at(changes) is None
    assert activated_at([*changes, change(4, REGISTERED)]) == at(4)


def test_what_ends_at_the_instant_another_begins_does_not_hold_with_it() -> None:
    changes = [change(0, ON), change(0, REGISTERED), change(3, ON, False), change(3, SERVICE)]
    assert activated_at(changes) is None
    assert activated_at(reversed(changes)) is None


def test_a_condition_that_begins_and_ends_at_one_instant_does_not_hold() -> None:
    changes = [change(0, ON), change(0, REGISTERED), change(3, SERVICE), change(3, SERVICE, False)]
    assert activated_at(changes) is None
    assert activated_at(reversed(changes)) is None


def test_nothing_has_happened_yet() -> None:
    assert activated_at([]) is None


CHANGES = st.lists(st.builds(change, st.integers(0, 12), st.sampled_from(Condition), st.booleans()), max_size=12)


@given(CHANGES, st.randoms(use_true_random=False))
def test_the_order_in_which_changes_become_known_does_not_matter(changes: list[Change], random: object) -> None:
    shuffled = list(changes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert activated_at(shuffled) == activated_at(changes) == _minute_by_minute(changes)


def _minute_by_minute(changes: list[Change]) -> datetime | None:
    """Slow and obviously right: at each minute, the state of each condition by its latest change."""
    for minute in range(13):
        known = [c for c in changes if c.at <= at(minute)]
        holding = 0
        for condition in Condition:
            own = [c for c in known if c.condition is condition]
            latest = max((c.at for c in own), default=None)
            holding += bool(own) and all(c.holds for c in own if c.at == latest)
        if holding == 3:
            return at(minute)
    return None


@pytest.mark.parametrize(
    ("activated", "begins"),
    [(None, "2025-02-09"), ("2025-01-20", "2025-01-20"), ("2025-02-09", "2025-02-09"), ("2025-02-10", "2025-02-09")],
)
def test_a_services_term_begins_at_activation_or_30_days_after_the_order(activated: str | None, begins: str) -> None:
    day = None if activated is None else date.fromisoformat(activated)
    assert service_term_begins(day, date(2025, 1, 10), PolicyBook()) == date.fromisoformat(begins)


def test_the_30_days_are_those_of_the_order_date() -> None:
    book = PolicyBook((PolicyValue(PolicyName.START_WITHOUT_ACTIVATION_DAYS, date(2025, 1, 11), 60),))
    assert service_term_begins(None, date(2025, 1, 10), book) == date(2025, 2, 9)
    assert service_term_begins(None, date(2025, 1, 11), book) == date(2025, 3, 12)
