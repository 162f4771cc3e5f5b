"""The clock: unknown until set, never below its floor; the uptime counts on over wraps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.clock import FARTHEST_S, MADE_AFTER_S, Clock, ClockError, Uptime, in_daily_window

NOW_S = 1_795_388_154
DAY_S = 86_400


def test_time_is_unknown_until_it_is_set_and_then_runs() -> None:
    clock = Clock()
    assert (clock.utc_s(500), clock.at_least_s(500)) == (0, MADE_AFTER_S)
    clock.set(NOW_S * 1000, 500)
    assert (clock.utc_s(500), clock.utc_s(90_500)) == (NOW_S, NOW_S + 90)


@pytest.mark.parametrize("offered_s", [0, MADE_AFTER_S - 1, MADE_AFTER_S + FARTHEST_S + 1])
def test_an_impossible_time_is_refused_and_changes_nothing(offered_s: int) -> None:
    clock = Clock()
    clock.set(NOW_S * 1000, 0)
    with pytest.raises(ClockError, match=str(offered_s)):
        clock.set(offered_s * 1000, 0)
    assert clock.utc_s(0) == NOW_S


def test_the_clock_does_not_read_below_a_floor_that_rose_later() -> None:
    clock = Clock()
    clock.set(NOW_S * 1000, 0)
    clock.raise_floor(NOW_S + 60)
    clock.raise_floor(NOW_S - 60)
    assert (clock.utc_s(0), clock.utc_s(61_000)) == (NOW_S + 60, NOW_S + 61)


@given(st.integers(0, (1 << 30) - 1), st.lists(st.integers(0, (1 << 29) - 1), max_size=20))
def test_uptime_adds_up_over_a_counter_that_wraps(started: int, steps: list[int]) -> None:
    period = 1 << 30
    ticks = started
    uptime = Uptime(lambda: ticks, lambda new, old: (new - old + period // 2) % period - period // 2, started)
    for done, step in enumerate(steps):
        ticks = (ticks + step) % period
        assert uptime() == sum(steps[: done + 1])


def test_a_server_years_ahead_moves_the_floor_by_a_month_at_most() -> None:
    clock = Clock()
    clock.set((NOW_S + 10 * 365 * DAY_S) * 1000, 0)
    kept = clock.next_floor_s(0)
    assert kept == MADE_AFTER_S + 30 * DAY_S
    after = Clock(kept)
    after.set(NOW_S * 1000, 0)
    assert after.utc_s(0) == NOW_S


@pytest.mark.parametrize("days", [-2, 0, 1, 40])
@pytest.mark.parametrize(("at_s", "inside"), [(-1, False), (0, True), (3 * 3600 - 1, True), (3 * 3600, False)])
def test_the_hours_of_one_day_hold_on_every_day(days: int, at_s: int, inside: bool) -> None:
    assert in_daily_window(NOW_S + days * DAY_S + at_s, NOW_S, NOW_S + 3 * 3600) is inside


def test_equal_ends_allow_any_time() -> None:
    assert in_daily_window(NOW_S + 12_345, NOW_S, NOW_S)
