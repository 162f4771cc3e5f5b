"""Runs a subject and its reference in turn and gives the median of the per-round ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MIN_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Ratio:
    """`ratio` is subject time over reference time, below 1 if the subject is faster; times are per operation."""

    subject: str
    reference: str
    subject_us: float
    reference_us: float
    ratio: float
    rounds: int


def measure(
    subject: str,
    run: Callable[[], None],
    reference: str,
    baseline: Callable[[], None],
    operations: int,
    rounds: int = 7,
) -> Ratio:
    """Both callables do `operations` operations a call; they run interleaved, `rounds` times each."""
    if rounds < MIN_ROUNDS:
        raise ValueError(f"a ratio needs at least {MIN_ROUNDS} rounds, got {rounds}")
    run()
    baseline()
    pairs = [(_time(run), _time(baseline)) for _ in range(rounds)]
    return ratio_of(subject, reference, [(s / operations * 1e6, r / operations * 1e6) for s, r in pairs])


def ratio_of(subject: str, reference: str, pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Of the microseconds that subject and reference took in each round."""
    return Ratio(
        subject=subject,
        reference=reference,
        subject_us=statistics.median(ours for ours, _ in pairs),
        reference_us=statistics.median(theirs for _, theirs in pairs),
        ratio=statistics.median(ours / theirs for ours, theirs in pairs),
        rounds=len(pairs),
    )


def _time(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
