"""A rollout over a fleet at count level: groups of units check in, fail and report late, and the domain decides.

No unit is modelled, only how many of each revision and arm check in and fail in each step, drawn by chance from a seed;
every decision is the product's own (`fleet.domain.rollout_course.decide` on the plan of docs/rollout-plan.toml).
"""

from __future__ import annotations

import math
import random
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from fleet.domain.rollout import RolloutEvent, RolloutState, Snapshot, UnitState
from fleet.domain.rollout_course import Course, GroupStanding, Standing, decide
from fleet.domain.rollout_evidence import Arm, Evidence
from fleet.domain.rollout_plan import read_course
from fleet.domain.rollout_stop import OTHERS

PLAN = Path(__file__).parent.parent.parent / "docs" / "rollout-plan.toml"
START = datetime(2026, 11, 23, tzinfo=UTC)
STEP = timedelta(hours=6)
MAX_STEPS = 400
BAD = "revision 1"
SOUND = ("revision 2", "revision 3", "revision 4")
# In which step after its group was opened a unit checks in, and in which after that a failure is reported: at once or
# by and by, or by nothing but silence, which counts at the deadline, after 24 hours.
CHECK_IN = (0.5, 0.25, 0.12, 0.06, 0.03, 0.02, 0.01, 0.01)
REPORT = (0.44, 0.16, 0.06, 0.04, 0.3)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is tried. `repeating`: the same held-back units fail in every window, not other ones by chance."""

    excess: float
    background: float = 0.005
    bad_share: float = 0.25
    fleet: int = 100_000
    repeating: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: the state, why, which share of the fleet had the release then, and after how long."""

    state: RolloutState
    reason: str
    reached: float
    took: timedelta


@dataclass(slots=True)
class _Cohort:
    """Units of one revision and arm in one window: how many check in and fail in each step, and the sums so far."""

    arriving: list[int]
    failing: list[int]
    arm: Arm = field(default_factory=Arm)
    confirmed: int = 0

    def step(self, age: int) -> bool:
        """Count what happens in that step; whether anything can."""
        if age >= len(self.failing):
            return False
        self.confirmed = self.arm.watched - self.arm.failed - self.failing[age]
        arrived = self.arriving[age] if age < len(self.arriving) else 0
        self.arm = Arm(self.arm.watched + arrived, self.arm.failed + self.failing[age])
        return True


@cache
def course() -> Course:
    """The plan of the docs."""
    return read_course(tomllib.loads(PLAN.read_text()))


def run(seed: int, scenario: Scenario) -> Ending:
    """One rollout from its start to its end; the same seed always goes the same way."""
    return _Run(random.Random(seed), scenario).to_its_end()


class _Run:
    def __init__(self, chance: random.Random, scenario: Scenario) -> None:
        self._chance, self._scenario, self._plan = chance, scenario, course().plan
        bad = round(scenario.fleet * scenario.bad_share)
        sound = (scenario.fleet - bad) // len(SOUND)
        self._sizes = {BAD: bad, **dict.fromkeys(SOUND, sound)}
        self._held_back = {name: binomial(chance, size, self._plan.hold_back) for name, size in self._sizes.items()}
        self._frail = {
            name: binomial(chance, size, scenario.background) for name, size in self._held_back.items()
        }  # those who fail each time, where it is the same ones
        self._evidence = {name: Evidence() for name in (*self._sizes, OTHERS)}
        self._windows: list[dict[str, tuple[_Cohort, _Cohort]]] = []
        self._opened: list[int] = []
        self._ripe: list[int | None] = []

    def to_its_end(self) -> Ending:
        self._open(0)
        for step in range(MAX_STEPS):
            for number, opened in enumerate(self._opened):
                self._count(number, step - opened)
            now = START + (step + 1) * STEP
            for command in decide(self._standing(step), now):
                if command.event is not RolloutEvent.ADVANCE:
                    ends = {RolloutEvent.STOP: RolloutState.STOPPED, RolloutEvent.FINISH: RolloutState.FINISHED}
                    state = ends.get(command.event, RolloutState.PAUSED)
                    return Ending(state, command.reason, self._assigned() / self._scenario.fleet, now - START)
                self._open(step + 1)
        raise AssertionError(f"no end in {MAX_STEPS} steps: {self._standing(MAX_STEPS)}")

    def _open(self, step: int) -> None:
        """Draw whom the next group takes, and who of both arms will fail in its window."""
        number = len(self._windows)
        below = self._plan.groups[number - 1].up_to if number else 0.0
        share = min(self._plan.groups[number].up_to, 1 - self._plan.hold_back) - below
        window = {}
        for name, size in self._sizes.items():
            excess = self._scenario.excess if name == BAD else 0.0
            treated = self._cohort(binomial(self._chance, size, share), self._scenario.background + excess)
            frail = self._frail[name] if self._scenario.repeating else None
            window[name] = treated, self._cohort(self._held_back[name], self._scenario.background, frail)
        self._windows.append(window)
        self._opened.append(step)
        self._ripe.append(None)

    def _cohort(self, size: int, rate: float, failing: int | None = None) -> _Cohort:
        arriving = _spread(self._chance, size, CHECK_IN)
        failed = [0] * (len(CHECK_IN) + len(REPORT))
        left, of = failing, size
        for age, arrived in enumerate(arriving):
            here = binomial(self._chance, arrived, rate if left is None else min(1.0, left / max(of, 1)))
            if left is not None:
                left, of = max(left - here, 0), of - arrived
            for later, count in enumerate(_spread(self._chance, here, REPORT)):
                failed[age + later] += count
        return _Cohort(arriving, failed)

    def _count(self, number: int, age: int) -> None:
        for name, (treated, held_back) in self._windows[number].items():
            if treated.step(age) | held_back.step(age):
                self._evidence[name] = self._evidence[name].look(number, treated.arm, held_back.arm)

    def _standing(self, step: int) -> Standing:
        groups = []
        for number, window in enumerate(self._windows):
            cohorts = [treated for treated, _ in window.values()]
            confirmed, failed = sum(each.confirmed for each in cohorts), sum(each.arm.failed for each in cohorts)
            if self._ripe[number] is None and confirmed + failed >= self._plan.groups[number].minimum:
                self._ripe[number] = step
            ripe = self._ripe[number]
            ripe_at = None if ripe is None else START + ripe * STEP
            assigned = sum(each.arm.watched for each in cohorts)
            groups.append(GroupStanding(START + self._opened[number] * STEP, assigned, confirmed, failed, ripe_at))
        counts = {
            UnitState.CONFIRMED: sum(group.confirmed for group in groups),
            UnitState.REVERTED: sum(group.failed for group in groups),
        }
        expected = sum(self._sizes.values()) - sum(self._held_back.values())
        counts[UnitState.ASSIGNED] = self._assigned() - sum(counts.values())
        # The last units of a drawn fleet are those that are there: it is complete when all who were drawn settled.
        if len(groups) == len(self._plan.groups):
            expected = sum(sum(treated.arriving) for window in self._windows for treated, _ in window.values())
        snapshot = Snapshot(RolloutState.RUNNING, expected, counts, 1)
        return Standing(course(), snapshot, START, groups, self._evidence)

    def _assigned(self) -> int:
        return sum(treated.arm.watched for window in self._windows for treated, _ in window.values())


def _spread(chance: random.Random, count: int, shares: tuple[float, ...]) -> list[int]:
    """`count` things over as many places as there are shares, each by chance."""
    found, left, rest = [], count, 1.0
    for share in shares[:-1]:
        here = binomial(chance, left, min(1.0, share / rest))
        found.append(here)
        left, rest = left - here, rest - share
    return [*found, left]


def binomial(chance: random.Random, tries: int, share: float) -> int:
    """How many of `tries` succeed: counted by the gaps between successes, or where these are many, normal."""
    if tries * share > 200 and tries * (1 - share) > 200:
        drawn = round(chance.gauss(tries * share, math.sqrt(tries * share * (1 - share))))
        return max(0, min(tries, drawn))
    if share > 0.5:
        return tries - (binomial(chance, tries, 1 - share) if share < 1 else 0)
    if share <= 0:
        return 0
    found, at, log = 0, 0, math.log1p(-share)
    while True:
        at += 1 + int(math.log(1 - chance.random()) / log)
        if at > tries:
            return found
        found += 1
