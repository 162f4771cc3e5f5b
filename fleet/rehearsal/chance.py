"""Chance for one unit in eight bytes, for 100,000 units would need 250 MB of `random.Random`. Pure, seeded.

SplitMix64 (Steele, Lea, Flood 2014): the state goes up by a constant, and what is drawn is a mix of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_BITS = 64
_MASK = (1 << _BITS) - 1
_STEP = 0x9E3779B97F4A7C15
_DOUBLE_BITS = 53  # what a float holds exactly


@dataclass(slots=True)
class Chance:
    """The next numbers of one sequence; equal states go on alike."""

    state: int

    @classmethod
    def of(cls, *names: object) -> Chance:
        """The sequence of these names; that of other names has nothing to do with it."""
        digest = hashlib.sha256("\0".join(str(name) for name in names).encode()).digest()
        return cls(int.from_bytes(digest[:8], "big"))

    def random(self) -> float:
        """A number in [0, 1)."""
        return (self._next() >> (_BITS - _DOUBLE_BITS)) / (1 << _DOUBLE_BITS)

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1, for limits far below 2^64."""
        return self._next() * limit >> _BITS

    def _next(self) -> int:
        self.state = mixed = (self.state + _STEP) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)
