"""What a rollout by groups does next: opens a group, pauses, stops, finishes, and when at the latest. Pure.

- What speaks against the release comes first: a rollout whose last unit failed stops or pauses, it does not finish.
- Every state that is no end has a time limit (`due`), after which it is left, with a reason.
- A person who resumes a paused rollout knows why it paused: its group's clocks begin anew, and a group that was over
  is not judged again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet.domain.rollout import (
    IN_FLIGHT,
    Command,
    RolloutEvent,
    RolloutState,
    Snapshot,
    summary,
    units_in_words,
)
from fleet.domain.rollout_evidence import Evidence
from fleet.domain.rollout_gate import Pace
from fleet.domain.rollout_groups import Group, Joining, Plan, Then
from fleet.domain.rollout_stop import EvidenceRule, PlainRule, stops

DRAFT_LIMIT = timedelta(days=30)
APPROVAL_LIMIT = timedelta(days=14)
READY_LIMIT = timedelta(days=14)
PAUSED_LIMIT = timedelta(days=30)
STOPPING_LIMIT = timedelta(days=3)  # a trial takes a day at most, in a call too
LAST_GROUP_LIMIT = timedelta(days=90)

_R, _E = RolloutState, RolloutEvent


@dataclass(frozen=True, slots=True)
class Course:
    """How a rollout goes, as its author planned it. `send_back_to`: the release units go back to once it stopped."""

    plan: Plan
    evidence: EvidenceRule | None = None
    plain: PlainRule | None = None
    pause_after_failures: int | None = None
    send_back_to: str | None = None
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class GroupStanding:
    """A group that was opened: its units that have the release, and since when `minimum` of them have settled.

    `accepted`: it was judged and the rollout paused, and a person resumed it.
    """

    opened_at: datetime
    assigned: int = 0
    confirmed: int = 0
    failed: int = 0
    ripe_at: datetime | None = None
    accepted: bool = False

    @property
    def settled(self) -> int:
        """Units that said how it ended, or were silent for too long."""
        return self.confirmed + self.failed


@dataclass(frozen=True, slots=True)
class Standing:
    """A rollout by groups as it stands; `since`: it came into its state. `groups`: those opened, in order."""

    course: Course
    snapshot: Snapshot
    since: datetime
    groups: Sequence[GroupStanding] = ()
    revisions: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def group(self) -> tuple[Group, GroupStanding]:
        """The group that was opened last."""
        return self.course.plan.groups[len(self.groups) - 1], self.groups[-1]


@dataclass(frozen=True, slots=True)
class Due:
    """When a state is left at the latest, by which step, and why."""

    at: datetime
    event: RolloutEvent
    reason: str


# Of a state that waits for people or units: how long, by which step it is left then, and why.
LIMITS: Mapping[RolloutState, tuple[timedelta, RolloutEvent, str]] = {
    _R.DRAFT: (DRAFT_LIMIT, _E.STOP, "nobody asked for its approval"),
    _R.WAITING_FOR_APPROVAL: (APPROVAL_LIMIT, _E.STOP, "nobody approved it"),
    _R.READY: (READY_LIMIT, _E.STOP, "nobody started it"),
    _R.PAUSED: (PAUSED_LIMIT, _E.STOP, "nobody resumed it"),
    _R.STOPPING: (STOPPING_LIMIT, _E.SETTLE, "units on trial have not said how it ended"),
}


def due(standing: Standing) -> Due | None:
    """The time limit of the state it is in; None if it is at its end."""
    state = standing.snapshot.state
    if state in LIMITS:
        limit, event, reason = LIMITS[state]
        return Due(standing.since + limit, event, f"{reason} in {limit.days} days")
    if state is not _R.RUNNING:
        return None
    group, seen = standing.group
    if seen.ripe_at is not None:
        return _judged(standing, group, seen, seen.ripe_at + group.soak)
    missing = f"{seen.settled} of {group.minimum} units of group {group.name} settled"
    at = max(seen.opened_at, standing.since) + group.deadline
    return Due(at, _E.PAUSE, f"only {missing} in {_hours(group.deadline)}")


def _judged(standing: Standing, group: Group, seen: GroupStanding, soaked_at: datetime) -> Due:
    """What becomes of the open group, which has its minimum, when its soak is over."""
    plan, snapshot = standing.course.plan, standing.snapshot
    confirmed = f"{seen.confirmed} of {seen.settled} in group {group.name} confirmed"
    if seen.confirmed < group.success * seen.settled and not seen.accepted:
        return Due(soaked_at, _E.PAUSE, f"{confirmed}, {group.success * 100:g} % are wanted")
    if len(standing.groups) == len(plan.groups):
        if plan.joining is Joining.REGISTERED and snapshot.settled >= snapshot.expected:
            return Due(soaked_at, _E.FINISH, summary(snapshot))
        at = max(seen.opened_at, standing.since) + LAST_GROUP_LIMIT
        return Due(
            at, _E.FINISH, f"{summary(snapshot)}; it was open to the last group for {LAST_GROUP_LIMIT.days} days"
        )
    following = plan.groups[len(standing.groups)].name
    well = f"{confirmed}, soaked {_hours(group.soak)}"
    if group.then is Then.PAUSE and not seen.accepted:
        return Due(soaked_at, _E.PAUSE, f"{well}; resume it to open {following}")
    return Due(soaked_at, _E.ADVANCE, f"{well}; opens {following}")


def accepts(standing: Standing) -> bool:
    """Whether who resumes that paused rollout accepts its open group: it paused when that was over."""
    group, seen = standing.group
    return seen.ripe_at is not None and standing.since >= seen.ripe_at + group.soak


def decide(standing: Standing, now: datetime) -> list[Command]:
    """What to do now: at most one step; what comes after it is decided from where it leads."""
    snapshot = standing.snapshot
    if snapshot.state is _R.RUNNING:
        against = _against(standing, now)
        if against is not None:
            return [against]
    if snapshot.state is _R.STOPPING and not snapshot.count(IN_FLIGHT):
        return [Command(_E.SETTLE, now, summary(snapshot))]
    limit = due(standing)
    if limit is None or now < limit.at:
        return []
    return [_command(standing, limit.event, now, limit.reason)]


def _against(standing: Standing, now: datetime) -> Command | None:
    """Evidence stops it, more failures than a number pause it."""
    course, snapshot = standing.course, standing.snapshot
    finding = stops(standing.revisions, course.evidence, course.plain)
    if finding is not None:
        return _command(standing, _E.STOP, now, finding.reason)
    fresh, limit = snapshot.failures - snapshot.tolerated_failures, course.pause_after_failures
    if limit is None or fresh < limit:
        return None
    return Command(_E.PAUSE, now, f"{units_in_words(fresh)} failed, the limit is {limit}")


def _command(standing: Standing, event: RolloutEvent, now: datetime, reason: str) -> Command:
    """The step; a stop says where the units go."""
    back = standing.course.send_back_to if event is _E.STOP and standing.groups else None
    return Command(event, now, f"{reason}; sends its units back to {back}" if back else reason, back)


def _hours(period: timedelta) -> str:
    return f"{period / timedelta(hours=1):g} h"
