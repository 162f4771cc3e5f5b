"""When there is evidence that a release does harm: a test that may be looked at again and again. Pure.

Compared are units that were given the release (treated) and units held back, by hardware revision, in windows: each
group of the rollout opens one, in which units of both arms are watched from a check-in on, by the same deadline
(rollout_watch). Chance alone decides who is held back, so without harm both arms fail alike, whatever else happens:
a storm, a busy hour, a provider that is down.

The test is a wealth of 1 that is bet on harm, one for each ratio in RATIOS, and never gains if there is none:

- For a ratio q, with r1 treated and r0 held-back units at risk, the stake is b = (q - 1) r0 / (q r1 + r0), and never
  more than before in that window. A treated unit that fails multiplies the wealth by 1 + b, a held-back one by
  1 - b r1 / r0, and each treated unit whose watch begins by exp(-b limit).
- If no treated unit's cumulative hazard exceeds that of the held-back units of its revision and window by more than
  `limit`, the expectation of the wealth after any look is at most what it was before: per look it is at most
  exp(b (r1 h1 - r1 h0)), for (1 + x) <= exp(x), and all that sums up to at most b limit for each treated unit, which
  was paid when its watch began. So, by Ville's inequality, the mean of the wealths ever reaches 1/alpha with a chance
  of at most alpha, however often one looks and whenever one stops: nothing is approximate, and no count too small.
- The largest limit for which the wealth still reaches 1/alpha is an always valid lower confidence bound of the excess.

Sources: J. Ville 1939; Gruenwald, Ly, Perez-Ortiz, ter Schure, "The safe logrank test: error control under continuous
monitoring with unlimited horizon" (AISTATS 2021), of which this is the test for limit 0; Howard, Ramdas, McAuliffe,
Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences" (Annals of Statistics 49, 2021), section 3
for the predictable charge. How many units a bad release reaches: docs/rollouts.md.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from fleet.domain.errors import InvalidError

# How many times as often as the others treated units may fail: what the wealths are bet on, in equal parts.
RATIOS = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
MIN_HELD_BACK_AT_RISK = 20  # with fewer nothing is bet; what was seen until then is bet on later
BISECTIONS = 40
_ANY = (math.inf,) * len(RATIOS)


@dataclass(frozen=True, slots=True)
class Arm:
    """How many units' watches began, and how many of those units failed; both only grow."""

    watched: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.failed <= self.watched:
            raise InvalidError(f"{self.failed} of {self.watched} watched units cannot have failed; count each once")

    def __add__(self, other: Arm) -> Arm:
        return Arm(self.watched + other.watched, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.failed} of {self.watched}"


@dataclass(frozen=True, slots=True)
class Window:
    """Both arms of one revision in one group's time: as they are, as last bet on, and the stakes by RATIOS."""

    treated: Arm = Arm()
    held_back: Arm = Arm()
    bet_treated: Arm = Arm()
    bet_held_back: Arm = Arm()
    stakes: tuple[float, ...] | None = None  # None: nothing was bet yet


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a revision: logarithms of the wealths at limit 0, and what a limit of 1 would take of them."""

    scores: tuple[float, ...] = (0.0,) * len(RATIOS)
    charges: tuple[float, ...] = (0.0,) * len(RATIOS)
    windows: Mapping[Hashable, Window] = field(default_factory=dict)

    @property
    def treated(self) -> Arm:
        """Over all windows."""
        return reduce(Arm.__add__, (window.treated for window in self.windows.values()), Arm())

    @property
    def held_back(self) -> Arm:
        """Over all windows; a unit that was watched in several counts in each."""
        return reduce(Arm.__add__, (window.held_back for window in self.windows.values()), Arm())

    def look(self, group: int, treated: Arm, held_back: Arm) -> Evidence:
        """The evidence after a look at the window that `group` opened; InvalidError if a count went down."""
        before = self.windows.get(group, Window())
        _grown(before.treated, treated)
        _grown(before.held_back, held_back)
        r1, r0 = treated.watched - before.bet_treated.failed, held_back.watched - before.bet_held_back.failed
        if not r1 or r0 < MIN_HELD_BACK_AT_RISK:
            waiting = replace(before, treated=treated, held_back=held_back)
            return replace(self, windows={**self.windows, group: waiting})
        new1, x1 = _grown(before.bet_treated, treated)
        _, x0 = _grown(before.bet_held_back, held_back)
        stakes = tuple(
            min(stake, (ratio - 1) * r0 / (ratio * r1 + r0))
            for stake, ratio in zip(before.stakes or _ANY, RATIOS, strict=True)
        )
        scores = (
            score + x1 * math.log1p(stake) + x0 * math.log1p(-stake * r1 / r0)
            for score, stake in zip(self.scores, stakes, strict=True)
        )
        charges = (charge + stake * new1 for charge, stake in zip(self.charges, stakes, strict=True))
        window = Window(treated, held_back, treated, held_back, stakes)
        return Evidence(tuple(scores), tuple(charges), {**self.windows, group: window})

    def log_wealth(self, limit: float) -> float:
        """The logarithm of the mean wealth against an excess of at most `limit` (share of units)."""
        logs = [score - limit * charge for score, charge in zip(self.scores, self.charges, strict=True)]
        best = max(logs)
        return best + math.log(sum(math.exp(each - best) for each in logs) / len(logs))

    def lower_bound(self, alpha: float) -> float | None:
        """What the excess failure rate exceeds, with a chance of at most `alpha` to be wrong at any look.

        None: it may be zero or less.
        """
        low, high = 0.0, 1.0
        if self.log_wealth(low) < -math.log(alpha):
            return None
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.log_wealth(middle) >= -math.log(alpha) else (low, middle)
        return low

    def excess(self) -> float:
        """The failure rate of the treated beyond that of the held-back, estimated; windows weigh by treated units."""
        more = 0.0
        for window in self.windows.values():
            background = window.held_back.failed / max(window.held_back.watched, 1)
            more += window.treated.failed - window.treated.watched * background
        return more / max(self.treated.watched, 1)


def together(evidences: Iterable[Evidence]) -> Evidence:
    """The evidence of several revisions as one, each compared within itself."""
    total = Evidence()
    for number, each in enumerate(evidences):
        scores = tuple(a + b for a, b in zip(total.scores, each.scores, strict=True))
        charges = tuple(a + b for a, b in zip(total.charges, each.charges, strict=True))
        total = Evidence(scores, charges, {**total.windows, **{(number, at): w for at, w in each.windows.items()}})
    return total


def _grown(before: Arm, now: Arm) -> tuple[int, int]:
    """(units watched since, failures since)."""
    watched, failed = now.watched - before.watched, now.failed - before.failed
    if watched < 0 or failed < 0:
        raise InvalidError(f"{before} became {now}: watched and failed units only grow; give all counts so far")
    return watched, failed
