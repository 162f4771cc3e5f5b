"""How long the free addresses last: a new block takes weeks to get, so the warning comes while there is time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RATE_DAYS: Final = 30
WARN_DAYS: Final = 90
WARN_PERCENT: Final = (20, 10, 5, 1, 0)
"""Of all addresses: at or below each of these one warning is sent."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Addresses free, addresses in all, and how many units took in the last RATE_DAYS."""

    free: int
    size: int
    taken_lately: int

    @property
    def days_left(self) -> int | None:
        """At the present rate, whole days; None where nothing was taken."""
        return None if not self.taken_lately else self.free * RATE_DAYS // self.taken_lately

    @property
    def level_percent(self) -> int | None:
        """The lowest of WARN_PERCENT that the supply is at or below; None above them all, or with no block at all."""
        reached = [percent for percent in WARN_PERCENT if self.size and self.free * 100 <= percent * self.size]
        return min(reached, default=None)

    @property
    def is_low(self) -> bool:
        """Whether to get another block now."""
        return self.level_percent is not None or (self.days_left is not None and self.days_left < WARN_DAYS)
