"""How wrong does a unit's clock go? Its readings over the link held against the station's clock.

A reading was taken at some moment between question and answer; nothing more is known. So a slope has bounds, and
they come together as time passes. What is not certain is not corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_PPM: Final = 500  # a crystal is good to 50; beyond this the unit does not leave the bench
_LEAST_SPAN_US: Final = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Microseconds of the station before the question and after the answer, and of the unit in between."""

    asked_us: int
    answered_us: int
    unit_us: int


def bounds_ppm(first: Reading, last: Reading) -> tuple[float, float]:
    """Between which two errors the unit's clock goes, in ppm too fast; far apart while too little time has passed."""
    shortest, longest = last.asked_us - first.answered_us, last.answered_us - first.asked_us
    gone = last.unit_us - first.unit_us
    if shortest < _LEAST_SPAN_US:
        return float("-inf"), float("inf")
    return (gone / longest - 1) * 1e6, (gone / shortest - 1) * 1e6


def certain_ppm(low: float, high: float) -> int:
    """The correction that makes no clock worse: none if it may be right, else the middle, at most twice the least."""
    if low <= 0 <= high:
        return 0
    least = low if low > 0 else high
    middle = (low + high) / 2
    return round(middle if abs(middle) < 2 * abs(least) else 2 * least)


def is_off(low: float, high: float) -> bool:
    """Whether the clock is certainly worse than MAX_PPM."""
    return low > MAX_PPM or high < -MAX_PPM
