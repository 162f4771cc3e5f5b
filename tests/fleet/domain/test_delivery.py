"""A message that failed comes back after a pause that doubles, and is given up after the better part of a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet.domain.delivery import MAX_ATTEMPTS, DeliveryError, retry_after

EXACTLY = 0.5  # the chance that gives the pause itself
PAUSES = {1: 15, 2: 30, 3: 60, 4: 120, 10: 7_680, 11: 15_360, 12: 21_600, 13: 21_600}


@pytest.mark.parametrize(("attempt", "seconds"), PAUSES.items())
def test_the_pause_doubles_up_to_six_hours(attempt: int, seconds: int) -> None:
    assert retry_after(attempt, EXACTLY) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 11.25), (0.25, 13.125), (1.0, 18.75)])
def test_chance_moves_the_pause_by_a_quarter_either_way(chance: float, seconds: float) -> None:
    assert retry_after(1, chance) == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempt", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_after_the_last_attempt_it_is_given_up(attempt: int) -> None:
    assert retry_after(attempt, EXACTLY) is None


def test_the_last_attempt_comes_about_20_hours_after_the_first() -> None:
    pauses = [retry_after(attempt, EXACTLY) for attempt in range(1, MAX_ATTEMPTS)]
    total = sum((pause for pause in pauses if pause is not None), timedelta())
    assert total == timedelta(hours=20, minutes=31, seconds=45)


def test_trying_again_helps_unless_the_failure_says_otherwise() -> None:
    assert not DeliveryError("no answer").permanent
    refused = DeliveryError("no such mailbox", permanent=True)
    assert refused.permanent
    assert str(refused) == "no such mailbox"
