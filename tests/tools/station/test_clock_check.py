"""What is said of a unit's clock is certain: the truth lies within the bounds, and no correction makes it worse."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.station.clock_check import MAX_PPM, Reading, bounds_ppm, certain_ppm, is_off

TRIPS_US = st.integers(0, 50_000)


def reading(at_us: int, out_us: int, back_us: int, ppm: int) -> Reading:
    """Asked at `at_us`; the unit reads its clock `out_us` later, the answer takes `back_us`."""
    unit_us = (at_us + out_us) * (1_000_000 + ppm) // 1_000_000
    return Reading(at_us, at_us + out_us + back_us, unit_us)


@given(st.integers(-30_000, 30_000), st.integers(200_000, 60_000_000), TRIPS_US, TRIPS_US, TRIPS_US, TRIPS_US)
def test_the_truth_lies_within_the_bounds(ppm: int, span_us: int, a: int, b: int, c: int, d: int) -> None:
    low, high = bounds_ppm(reading(0, a, b, ppm), reading(span_us, c, d, ppm))
    assert low - 20 <= ppm <= high + 20  # whole microseconds
    if is_off(low - 20, high + 20):
        assert abs(ppm) > MAX_PPM
    if low > float("-inf"):
        assert abs(ppm - certain_ppm(low, high)) <= abs(ppm) + 20  # as above


def test_a_clock_that_may_be_right_is_not_corrected_and_a_wrong_one_is() -> None:
    first = reading(0, 500, 500, 0)
    assert certain_ppm(*bounds_ppm(first, reading(10_000_000, 500, 500, 0))) == 0
    fast = reading(0, 500, 500, 400), reading(10_000_000, 500, 500, 400)
    assert abs(certain_ppm(*bounds_ppm(*fast)) - 400) <= 1
    assert not is_off(*bounds_ppm(*fast))


def test_after_a_tenth_of_a_second_nothing_is_certain() -> None:
    low, high = bounds_ppm(reading(0, 100, 100, 0), reading(90_000, 100, 100, 30_000))
    assert certain_ppm(low, high) == 0
    assert not is_off(low, high)
