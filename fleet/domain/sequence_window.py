"""Which of a unit's messages have been handled: the newest sequence number and a bit for each before it.

The window of RFC 4303 3.4.3, a start of the unit each: the broker may hand out again, in any order, what a dead
gateway had in hand, and whatever the window covers is told apart exactly. What is older still is told to be so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WIDTH = 1024
WINDOW_BYTES = WIDTH // 8
_MASK = (1 << WIDTH) - 1


class Novelty(StrEnum):
    """What a sequence number is to a window."""

    FRESH = "fresh"
    REPEATED = "repeated"
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True)
class SequenceWindow:
    """`highest` is the newest number handled, bit n of `seen` says whether `highest - n` was."""

    highest: int = 0
    seen: int = 0

    def novelty(self, sequence: int) -> Novelty:
        """What `sequence` is now."""
        age = self.highest - sequence
        if age < 0:
            return Novelty.FRESH
        if age >= WIDTH:
            return Novelty.TOO_OLD
        return Novelty.REPEATED if self.seen >> age & 1 else Novelty.FRESH

    def with_handled(self, sequence: int) -> SequenceWindow:
        """The window once `sequence`, which it must not be too old for, is handled."""
        ahead = sequence - self.highest
        if ahead > 0:
            seen = self.seen << ahead & _MASK if ahead < WIDTH else 0
            return SequenceWindow(sequence, seen | 1)
        return SequenceWindow(self.highest, self.seen | 1 << -ahead)
