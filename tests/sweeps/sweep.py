"""A sweep is a check that counts: the same seed always does the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed showed: how much was checked, and what failed, in words."""

    count: int
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sweep:
    """`run(seed)` checks `unit`s and returns an Outcome; it never raises for a failed check."""

    name: str
    unit: str
    run: Callable[[int], Outcome] = field(repr=False)
