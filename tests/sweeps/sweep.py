"""A sweep is a check that counts: the same seed always does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed showed: how much was checked, and what failed, in words.

    `added` are further counts of this seed, summed up over all runs; `standing` are counts over all runs, as they
    stand after it.
    """

    count: int
    failures: tuple[str, ...] = ()
    added: Mapping[str, int] = field(default_factory=dict)
    standing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sweep:
    """`run(seed)` checks `unit`s and returns an Outcome; it never raises for a failed check."""

    name: str
    unit: str
    run: Callable[[int], Outcome] = field(repr=False)
