"""How simulated units behave: when they are away, when they are on the telephone, what a release does to them. Pure.

Instants are UTC seconds since 1970, periods seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleet.rehearsal.chance import Chance

DAY_S = 86_400
WEEK_S = 7 * DAY_S
NEVER_S = 1 << 40  # later than anything


class Fate(StrEnum):
    """What becomes of a unit that starts a release for the first time."""

    WELL = "well"
    REVERTS = "reverts"  # its self-test fails, and it goes back
    CRASHES = "crashes"  # on trial, and goes back
    CRASH_LOOPS = "crash_loops"  # it confirms, and then crashes again and again
    GOES_DARK = "goes_dark"  # nothing is heard of it any more


class Trouble(StrEnum):
    """What happens to a unit anyway, whatever it runs."""

    CRASH = "crash"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Image:
    """An image a unit can run; `sha256` in hexadecimal."""

    version: str
    release_counter: int
    sha256: str
    board: str


@dataclass(frozen=True, slots=True)
class Absence:
    """Away, that is without power, for `length_s` at the beginning of each `period_s`, shifted by `phase_s`."""

    period_s: int
    length_s: int
    phase_s: int = 0

    def until(self, now_s: int) -> int:
        """When it is back; 0 if it is there."""
        into = (now_s - self.phase_s) % self.period_s
        return now_s - into + self.length_s if into < self.length_s else 0

    def next(self, now_s: int) -> int:
        """When it goes next, after `now_s`."""
        return now_s + self.period_s - (now_s - self.phase_s) % self.period_s


@dataclass(frozen=True, slots=True)
class CallPattern:
    """So many calls a day of that length, at any time of the day; each unit and day has its own."""

    a_day: float = 0.0
    length_s: int = 0

    def until(self, seed: int, now_s: int) -> int:
        """When the call that is up ends; 0: no call is up."""
        if not self.a_day:
            return 0
        ends = 0
        for day in range((now_s - self.length_s) // DAY_S, now_s // DAY_S + 1):
            chance = Chance(seed ^ (day * 0xD1B54A32D192ED03 & (1 << 64) - 1))
            count = int(self.a_day) + (chance.random() < self.a_day % 1)
            for _ in range(count):
                start_s = day * DAY_S + chance.below(DAY_S)
                if start_s <= now_s < start_s + self.length_s:
                    ends = max(ends, start_s + self.length_s)
        return ends


@dataclass(frozen=True, slots=True)
class Storm:
    """From then until then trouble comes so many times as often, to all units alike."""

    from_s: int
    until_s: int
    times: float


@dataclass(frozen=True, slots=True)
class Background:
    """Trouble at a constant rate a day, more in storms; `silent` is the share of it that is silence."""

    rate_a_day: float = 0.0
    silent: float = 0.3
    silence_s: tuple[int, int] = (DAY_S, 3 * DAY_S)  # how long a silence lasts, at least and at most
    storms: tuple[Storm, ...] = ()

    def next(self, now_s: int, chance: Chance) -> int:
        """When to look for trouble next: as often as it comes in the worst storm."""
        if not self.rate_a_day:
            return NEVER_S
        return now_s + 1 + int(-math.log(1 - chance.random()) * DAY_S / (self.rate_a_day * self._worst()))

    def draw(self, now_s: int, chance: Chance) -> Trouble | None:
        """What that look finds: nothing, as often as there is no storm now."""
        times = max([1.0] + [storm.times for storm in self.storms if storm.from_s <= now_s < storm.until_s])
        if chance.random() * self._worst() >= times:
            return None
        return Trouble.SILENCE if chance.random() < self.silent else Trouble.CRASH

    def _worst(self) -> float:
        return max([1.0] + [storm.times for storm in self.storms])


@dataclass(frozen=True, slots=True)
class Odds:
    """How likely each fate is; what is left is WELL."""

    shares: tuple[tuple[Fate, float], ...] = ()

    def draw(self, chance: Chance) -> Fate:
        """One fate."""
        left = chance.random()
        for fate, share in self.shares:
            if left < share:
                return fate
            left -= share
        return Fate.WELL


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the units of one kind behave. `images` by SHA-256: what an order may name; `odds` by version."""

    images: Mapping[str, Image] = field(default_factory=dict)
    odds: Mapping[str, Odds] = field(default_factory=dict)
    background: Background = Background()
    absence: Absence | None = None
    calls: CallPattern = CallPattern()
    load_s: tuple[int, int] = (60, 600)  # an image is loaded in, at least and at most
    trial_s: tuple[int, int] = (40, 120)
    look_s: int = 0  # a look for orders of its own, so often; 0: only when it is asked
