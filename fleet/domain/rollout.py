"""How a release reaches units, and what stops it: states, units' states, and the decision. Pure.

A rollout is decided on counts alone (`Snapshot`), so deciding costs the same for ten units and a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.domain.access import ForbiddenError
from fleet.domain.configuration import Channel
from fleet.domain.references import Noun, refer
from fleet.domain.treatment import SOFTLY, Mode, Treatment


class RolloutState(StrEnum):
    DRAFT = "draft"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"


class RolloutEvent(StrEnum):
    SUBMIT = "submit"
    APPROVE = "approve"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    ADVANCE = "advance"  # opens the next group
    STOP = "stop"
    SETTLE = "settle"
    FINISH = "finish"


_R, _E = RolloutState, RolloutEvent

TRANSITIONS: Mapping[tuple[RolloutState, RolloutEvent], RolloutState] = {
    (_R.DRAFT, _E.SUBMIT): _R.WAITING_FOR_APPROVAL,
    (_R.WAITING_FOR_APPROVAL, _E.APPROVE): _R.READY,
    (_R.READY, _E.START): _R.RUNNING,
    (_R.RUNNING, _E.PAUSE): _R.PAUSED,
    (_R.PAUSED, _E.RESUME): _R.RUNNING,
    (_R.RUNNING, _E.ADVANCE): _R.RUNNING,
    (_R.RUNNING, _E.FINISH): _R.FINISHED,
    (_R.DRAFT, _E.STOP): _R.STOPPED,
    (_R.WAITING_FOR_APPROVAL, _E.STOP): _R.STOPPED,
    (_R.READY, _E.STOP): _R.STOPPED,
    (_R.RUNNING, _E.STOP): _R.STOPPING,
    (_R.PAUSED, _E.STOP): _R.STOPPING,
    (_R.STOPPING, _E.SETTLE): _R.STOPPED,
}
ENDS = frozenset({_R.STOPPED, _R.FINISHED})


class UnitState(StrEnum):
    """A unit in a rollout. WAITING: a target that has not checked in since the start.

    HELD_BACK: it is only watched, for the others to be compared with. STAGED: it has loaded the image, and its
    rollout (download only) asks no more; in any other it is still DOWNLOADING then.
    """

    WAITING = "waiting"
    ASSIGNED = "assigned"
    DOWNLOADING = "downloading"
    STAGED = "staged"
    TRIAL = "trial"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    HELD_BACK = "held_back"


_U = UnitState
IN_FLIGHT = frozenset({_U.ASSIGNED, _U.DOWNLOADING, _U.TRIAL})
FAILURES = frozenset({_U.REVERTED, _U.FAILED})
REACHED = frozenset({_U.CONFIRMED, _U.STAGED})  # where the rollout wants it
UNSETTLED = IN_FLIGHT | {_U.WAITING}
# Up to the trial an assignment can still be taken back; from then on only the unit knows how it ends.
RECALLABLE = frozenset({_U.WAITING, _U.ASSIGNED, _U.DOWNLOADING, _U.STAGED})

# What a unit's report may move it to. Reports can come late and twice; one that is not here is old news. A unit that
# failed may try again by itself, and one recalled too late still says how it ended; neither is under way again.
REPORTED: Mapping[UnitState, frozenset[UnitState]] = {
    _U.WAITING: frozenset(),
    _U.ASSIGNED: frozenset({_U.DOWNLOADING, _U.STAGED, _U.TRIAL, _U.CONFIRMED, _U.REVERTED, _U.FAILED}),
    _U.DOWNLOADING: frozenset({_U.STAGED, _U.TRIAL, _U.CONFIRMED, _U.REVERTED, _U.FAILED}),
    _U.STAGED: frozenset(),
    _U.TRIAL: frozenset({_U.CONFIRMED, _U.REVERTED, _U.FAILED}),
    _U.CONFIRMED: frozenset(),
    _U.REVERTED: frozenset(),
    _U.FAILED: frozenset({_U.STAGED, _U.CONFIRMED, _U.REVERTED}),
    _U.SUPERSEDED: frozenset({_U.CONFIRMED, _U.REVERTED}),
    _U.HELD_BACK: frozenset(),
}

# The state a unit reports (protocol UPDATE_STATES) as its state in the rollout; others change nothing.
STATE_OF_REPORT: Mapping[str, UnitState] = {
    "downloading": _U.DOWNLOADING,
    "staged": _U.DOWNLOADING,
    "armed": _U.DOWNLOADING,
    "trial": _U.TRIAL,
    "confirmed": _U.CONFIRMED,
    "reverted": _U.REVERTED,
    "failed": _U.FAILED,
}


def state_of(report: str, mode: Mode) -> UnitState | None:
    """The unit's state in a rollout of that mode after that report; None: it changes nothing."""
    ends = mode is Mode.DOWNLOAD_ONLY and report == "staged"
    return _U.STAGED if ends else STATE_OF_REPORT.get(report)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rollout as it stands. `expected`: its targets, checked in or not; `counts` of those that have a state.

    `tolerated_failures`: how many there were when a person last resumed it, knowing them.
    """

    state: RolloutState
    expected: int
    counts: Mapping[UnitState, int]
    pause_after_failures: int
    tolerated_failures: int = 0

    def count(self, states: frozenset[UnitState]) -> int:
        """How many units are in one of `states`."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def failures(self) -> int:
        """Units that went back by themselves or gave up."""
        return self.count(FAILURES)

    @property
    def settled(self) -> int:
        """Units whose part in this rollout is over."""
        return self.failures + self.count(REACHED | {_U.SUPERSEDED, _U.HELD_BACK})


@dataclass(frozen=True, slots=True)
class Command:
    """A step the rollout takes by itself, and why; `send_back_to`: the release its units are to go back to."""

    event: RolloutEvent
    at: datetime
    reason: str
    send_back_to: str | None = None


def decide(snapshot: Snapshot, now: datetime) -> list[Command]:
    """What to do now. Failures come first: a rollout whose last unit failed pauses, it does not finish."""
    if snapshot.state is _R.RUNNING:
        fresh = snapshot.failures - snapshot.tolerated_failures
        if fresh >= snapshot.pause_after_failures:
            return [
                Command(_E.PAUSE, now, f"{units_in_words(fresh)} failed, the limit is {snapshot.pause_after_failures}")
            ]
        if snapshot.settled >= snapshot.expected:
            return [Command(_E.FINISH, now, summary(snapshot))]
    if snapshot.state is _R.STOPPING and snapshot.count(IN_FLIGHT) == 0:
        return [Command(_E.SETTLE, now, summary(snapshot))]
    return []


def check_approver(author: str, person: str, reference: str) -> None:
    """ForbiddenError for the rollout's own author, whichever token they use."""
    if person == author:
        raise ForbiddenError(f"{person} created {reference}; somebody else has to approve it")


def summary(snapshot: Snapshot) -> str:
    """How it went, in words."""
    confirmed, staged, held_back = (snapshot.counts.get(state, 0) for state in (_U.CONFIRMED, _U.STAGED, _U.HELD_BACK))
    loaded = f", {staged} staged" if staged else ""
    apart = f", {held_back} held back" if held_back else ""
    return f"{confirmed} of {snapshot.expected} confirmed{loaded}, {snapshot.failures} failed{apart}"


def units_in_words(count: int) -> str:
    """`1 unit`, `2 units`."""
    return "1 unit" if count == 1 else f"{count} units"


def counts_in(rollout: Rollout, fit: Fit | None, running: Running, first_at: datetime) -> bool:
    """Whether a rollout to all has that unit among its targets; `fit` of its image for the unit's board."""
    if not rollout.everyone or rollout.started_at is None or first_at > rollout.started_at:
        return False
    return fit is not None and not fit.refusal(running)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as people see it; `counts` of the units that have a state, WAITING among them for a list's."""

    id: int
    release: str  # its version
    everyone: bool
    state: RolloutState
    reason: str
    pause_after_failures: int
    tolerated_failures: int
    expected: int
    counts: Mapping[UnitState, int]
    author: str
    approver: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    version: int
    treatment: Treatment = SOFTLY
    by_groups: bool = False
    beta: bool = False  # an image of its release is for channel beta alone
    since: datetime | None = None  # it came into its state; None: before that was kept

    @property
    def reference(self) -> str:
        """Its public id."""
        return refer(Noun.ROLLOUT, self.id)

    @property
    def snapshot(self) -> Snapshot:
        """What `decide` needs of it."""
        return Snapshot(self.state, self.expected, self.counts, self.pause_after_failures, self.tolerated_failures)


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """One unit's part in a rollout, and why it is where it is."""

    serial: str
    state: UnitState
    reason: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """What a unit runs, by its last `register`."""

    board: str
    hardware_revision: int
    abi: int
    version: str
    release_counter: int
    image_sha256: str  # hexadecimal


class Misfit(StrEnum):
    """What of a unit an image is not for."""

    BOARD = "board"
    REVISION = "revision"
    ABI = "abi"


@dataclass(frozen=True, slots=True)
class Fit:
    """The units an image is for."""

    board: str
    revision_from: int
    revision_to: int
    abi: int
    beta: bool = False  # for units on channel beta alone

    def misfit(self, running: Running) -> Misfit | None:
        """What of that unit keeps it from running the image; None: it can."""
        if running.board != self.board:
            return Misfit.BOARD
        if not self.revision_from <= running.hardware_revision <= self.revision_to:
            return Misfit.REVISION
        return None if running.abi == self.abi else Misfit.ABI

    def refusal(self, running: Running) -> str:
        """Why that unit cannot run the image; empty if it can."""
        match self.misfit(running):
            case Misfit.BOARD:
                return f"the image is for board {self.board}, the unit is {running.board}"
            case Misfit.REVISION:
                return (
                    f"the image is for revisions {self.revision_from} to {self.revision_to}, "
                    f"the unit is revision {running.hardware_revision}"
                )
            case Misfit.ABI:
                return f"the image has .mpy ABI {self.abi}, the unit's runtime has {running.abi}"
        return ""

    def bars(self, channel: Channel) -> str:
        """Why units on that channel are not given the image; empty if they are."""
        if self.beta and channel is not Channel.BETA:
            return f"the release is beta, and the unit is on channel {channel}"
        return ""
