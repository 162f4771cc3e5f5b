"""Which one cause keeps a unit from where its rollout wants it; None: nothing does. Pure.

Asked in this order, the first that holds: can any rollout reach the unit; is it where it is wanted; how did it end, if
it has; is the rollout for it; has the rollout come to it; and what holds it up on its way, where being offline comes
before all that a unit can only do online.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fleet.domain.heartbeat import MISSED_HEARTBEATS
from fleet.domain.rollout import IN_FLIGHT, REACHED, Misfit, RolloutState, UnitState
from fleet.domain.rollout_gate import Hindrance
from fleet.domain.treatment import SOFTLY, Mode, Treatment
from fleet.domain.unit import IN_SERVICE, Custody, Service, Trust
from fleet.domain.update_cause import Cause
from protocol.wire.enumerations import UPDATE_REASONS

CLOCK_TOLERANCE = timedelta(minutes=5)  # as the unit's own (firmware/adapter/update/assignment.py)
SLOW_AFTER = timedelta(hours=1)  # of downloading: a whole image takes minutes


@dataclass(frozen=True, slots=True)
class RolloutPart:
    """What a rollout has to do with the unit; `state` None: it has not come to it. `since` is of that state."""

    rollout: str
    release: str
    rollout_state: RolloutState
    rollout_reason: str
    state: UnitState | None
    reason: str  # as kept: a reason of the wire and what the unit said of it, or words of the fleet
    since: datetime
    treatment: Treatment = SOFTLY
    misfit: Misfit | None = None  # why none of the release's images is for the unit
    joined_late: bool = False
    left_out: str = ""  # what of the unit the plan's filter does not take; empty: it takes it
    beta_only: bool = False  # release or filter are for the channel beta, and the unit is on another
    group: str | None = None  # the unit's, of a rollout by groups, that is not open yet
    opens_at: datetime | None = None  # when that is at the earliest, where it is known
    hindrance: Hindrance | None = None  # why it is not assigned now
    free_at: datetime | None = None  # when that ends, where it is known
    has_delta: bool = True  # from what the unit runs
    runs_it: bool = False  # it registered with the very image


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """What is known of a unit's updates; `update_state` and `line_state` are the wire's, as of the last heartbeat."""

    serial: str
    trust: Trust
    service: Service
    version: str  # as it registered; empty if it never did
    heard_at: datetime | None
    update_state: str | None
    part: RolloutPart | None
    window: str  # the site's local time, as 02:00-05:00; empty: any time
    heartbeat: timedelta
    custody: Custody = Custody.AT_ACCOUNT
    suspended: bool = False
    line_state: str | None = None
    hours_at: datetime | None = None  # the maintenance hours begin; None: they are now
    clock_wrong: bool = False  # by more than CLOCK_TOLERANCE, as its last heartbeat showed it
    no_heap: bool = False  # it said since it was assigned that it found no memory for a connection

    @property
    def call_up(self) -> bool:
        """Whether somebody was on the telephone at the last heartbeat."""
        return self.line_state == "in_call"

    def offline(self, now: datetime) -> bool:
        """Whether it has missed so many heartbeats that it counts as offline."""
        return self.heard_at is not None and now - self.heard_at > MISSED_HEARTBEATS * self.heartbeat


def cause_of(facts: UpdateFacts, now: datetime) -> Cause | None:
    """The one cause; None if the unit is where its rollout wants it, or no rollout wants anything of it."""
    part, reach = facts.part, _out_of_reach(facts)
    if reach is not None or part is None or is_there(part):
        return reach
    if part.state in IN_FLIGHT:
        return _on_its_way(facts, part, now)
    return _ended(part) or _not_for_it(part) or _not_come(part) or _not_assigned(facts, part, now)


def is_there(part: RolloutPart) -> bool:
    """Whether the unit has come as far as the rollout wants; one that registered with it in flight is on trial yet."""
    return part.state in REACHED or (part.runs_it and part.state not in IN_FLIGHT)


def is_on_trial(part: RolloutPart) -> bool:
    """Whether the unit is on trial: it says so by the image it registers with, before it says how it ended."""
    return part.state is UnitState.TRIAL or (part.runs_it and part.state in IN_FLIGHT)


def is_for_it(part: RolloutPart) -> bool:
    """Whether the rollout wants this unit."""
    return part.state is not None or _not_for_it(part) is None


def is_loaded(facts: UpdateFacts, part: RolloutPart) -> bool:
    """Whether the unit has the image whole: it reported so, or its heartbeat says it."""
    return part.state is UnitState.DOWNLOADING and (
        facts.update_state in {"staged", "armed"} or part.reason.startswith(LOADED)
    )


def parted(kept: str) -> tuple[str | None, str]:
    """(reason of the wire, detail) of what was kept; (None, the words) if they are the fleet's."""
    name, colon, detail = kept.partition(": ")
    if name in UPDATE_REASONS and (colon or name == kept):
        return name, detail
    return None, kept


def _out_of_reach(facts: UpdateFacts) -> Cause | None:
    """What keeps every rollout from the unit; one that came back or was replaced is revoked for that."""
    hindrances = (
        (facts.custody is Custody.RETURNED, Cause.RETURNED),
        (facts.service is Service.REPLACED, Cause.REPLACED),
        (facts.trust is Trust.REVOKED, Cause.REVOKED),
        (facts.trust is Trust.QUARANTINED, Cause.QUARANTINED),
        (facts.service not in IN_SERVICE, Cause.NOT_IN_SERVICE),
        (not facts.version, Cause.NEVER_REGISTERED),
    )
    return _first(hindrances)


# What a unit says of a download it loaded (firmware/adapter/update/loading.py).
LOADED: Final = ("whole, ", "by a delta of ")

# Of a reason of the wire: words of the unit's detail (firmware/adapter/update) that tell one cause from another, the
# first that occur; the row without words is what else it may be.
REFUSALS: Final = (
    ("mismatch", "was issued at", Cause.CLOCK),
    ("mismatch", "no role of the image repository lists", Cause.WITHDRAWN),
    ("mismatch", "do not agree on", Cause.DISAGREE),
    ("mismatch", "metadata says release", Cause.DISAGREE),
    ("mismatch", "", Cause.MALFORMED),
    ("expired", "", Cause.EXPIRED),
    ("signature", "", Cause.SIGNATURE),
    ("rollback", "below the security floor", Cause.SECURITY_FLOOR),
    ("rollback", "", Cause.OLDER),
    ("hash", "", Cause.HASH),
    ("length", "", Cause.LENGTH),
    ("wrong_board", "for revisions", Cause.WRONG_REVISION),
    ("wrong_board", ".mpy ABI", Cause.WRONG_ABI),
    ("wrong_board", "", Cause.WRONG_BOARD),
    ("too_big", "of heap", Cause.HEAP),
    ("too_big", "", Cause.TOO_BIG),
    ("network", "", Cause.NETWORK),
    ("deadline", "", Cause.SPENT),
    ("refused_before", "", Cause.BLOCKED),
    ("flash", "", Cause.FLASH),
    ("cancelled", "", Cause.CANCELLED),
)
RETURNS: Final = (
    ("self_test", "the line did not register", Cause.LINE),
    ("self_test", "", Cause.SELF_TEST),
    ("crash", "", Cause.CRASH),
    ("watchdog", "", Cause.WATCHDOG),
    ("deadline", "", Cause.TRIAL_DEADLINE),
    ("fleet_unreachable", "", Cause.FLEET_UNREACHABLE),
    ("hash", "", Cause.SLOT_DAMAGED),
)
_MISFITS: Final[Mapping[Misfit | None, Cause | None]] = {
    None: None,
    Misfit.BOARD: Cause.WRONG_BOARD,
    Misfit.REVISION: Cause.WRONG_REVISION,
    Misfit.ABI: Cause.WRONG_ABI,
}
# "timestamp 7 expired at 1795000000 s, now is 1900000000 s": by the unit's clock (firmware/adapter/update/metadata.py).
_EXPIRED: Final = re.compile(r"expired at ([0-9]{1,12}) s")


def _ended(part: RolloutPart) -> Cause | None:
    """How the unit's part in the rollout came to its end; None if it did not."""
    match part.state:
        case UnitState.FAILED:
            return _reported(part, REFUSALS + RETURNS)
        case UnitState.REVERTED:
            return _reported(part, RETURNS + REFUSALS)
        case UnitState.SUPERSEDED:
            return _taken_back(part)
        case UnitState.HELD_BACK:
            return Cause.HELD_BACK
    return None


def _reported(part: RolloutPart, rows: tuple[tuple[str, str, Cause], ...]) -> Cause:
    """What a unit that gave up or went back said of it, or the fleet that refused it."""
    name, detail = parted(part.reason)
    if name is None:
        return _MISFITS[part.misfit] or Cause.UNEXPLAINED
    cause = next((cause for reason, words, cause in rows if reason == name and words in detail), Cause.UNEXPLAINED)
    return Cause.CLOCK if cause is Cause.EXPIRED and _held_then(detail, part.since) else cause


def _held_then(detail: str, at: datetime) -> bool:
    """Whether what the unit found expired still held `at` that time, so that its clock is ahead."""
    found = _EXPIRED.search(detail)
    return found is not None and int(found[1]) > at.timestamp()


# Words of the fleet's reason that tell why a unit was taken back; without them its rollout was stopped.
TAKEN_BACK: Final = (
    (" is newer", Cause.SUPERSEDED),
    ("the unit began a new identity epoch", Cause.NEW_EPOCH),
    ("the unit left channel beta", Cause.BETA_ONLY),
    ("the release is beta", Cause.BETA_ONLY),
)


def _taken_back(part: RolloutPart) -> Cause:
    return next((cause for words, cause in TAKEN_BACK if words in part.reason), Cause.STOPPED)


def _not_for_it(part: RolloutPart) -> Cause | None:
    """Why the rollout does not want this unit."""
    misfit = _MISFITS[part.misfit]
    left_out = ((part.joined_late, Cause.JOINED_LATE), (part.beta_only, Cause.BETA_ONLY))
    return misfit or _first((*left_out, (part.left_out != "", Cause.LEFT_OUT)))


_AT_REST: Final[Mapping[RolloutState, Cause]] = {
    RolloutState.DRAFT: Cause.NOT_SUBMITTED,
    RolloutState.WAITING_FOR_APPROVAL: Cause.NOT_APPROVED,
    RolloutState.READY: Cause.NOT_STARTED,
    RolloutState.PAUSED: Cause.PAUSED,
    RolloutState.STOPPING: Cause.STOPPED,
    RolloutState.STOPPED: Cause.STOPPED,
    RolloutState.FINISHED: Cause.FINISHED,
}


def _not_come(part: RolloutPart) -> Cause | None:
    """Why the rollout has not come to a unit that it wants."""
    return _AT_REST.get(part.rollout_state) or (Cause.LATER_GROUP if part.group is not None else None)


def _not_assigned(facts: UpdateFacts, part: RolloutPart, now: datetime) -> Cause:
    """Why a unit that may have the release now was not assigned it."""
    if facts.offline(now):
        return Cause.OFFLINE
    return Cause(part.hindrance) if part.hindrance is not None else Cause.NOT_ASKED


def _on_its_way(facts: UpdateFacts, part: RolloutPart, now: datetime) -> Cause | None:
    """What holds up a unit that was assigned the release; None if it is to load it only, and has."""
    offline = facts.offline(now)
    if is_on_trial(part):
        return Cause.OFFLINE if offline else Cause.ON_TRIAL
    if is_loaded(facts, part):
        if part.treatment.mode is Mode.DOWNLOAD_ONLY:
            return None
        return Cause.OFFLINE if offline else _loaded(facts, part, now)
    return Cause.OFFLINE if offline and not _may_be_loading(facts, part, now) else _loads(facts, part, now)


def _may_be_loading(facts: UpdateFacts, part: RolloutPart, now: datetime) -> bool:
    """Whether a unit is silent as one that loads is: it lends the update its one connection, and tells afterwards."""
    heard = facts.heard_at is not None and facts.heard_at > part.since + facts.heartbeat
    return not heard and now - part.since < SLOW_AFTER


def _loads(facts: UpdateFacts, part: RolloutPart, now: datetime) -> Cause:
    """What a unit does that has not loaded the image yet."""
    waits = (
        (facts.call_up, Cause.CALL_UP),
        (part.state is UnitState.ASSIGNED and facts.clock_wrong, Cause.CLOCK),
        (part.state is UnitState.ASSIGNED and facts.no_heap, Cause.NO_HEAP),
        (part.state is UnitState.ASSIGNED, Cause.NOT_BEGUN),
        (now - part.since >= SLOW_AFTER, Cause.SLOW_DOWNLOAD),
        (not part.has_delta, Cause.NO_DELTA),
    )
    return _first(waits) or Cause.DOWNLOADING


def _loaded(facts: UpdateFacts, part: RolloutPart, now: datetime) -> Cause:
    """What the restart waits for; a deadline that is over outweighs the hours, never a call."""
    not_before, deadline = part.treatment.order_times(now)
    hurried = deadline is not None and now >= deadline
    waits = (
        (not_before is not None and now < not_before, Cause.NOT_BEFORE),
        (facts.hours_at is not None and not hurried, Cause.HOURS),
        (facts.call_up, Cause.CALL_UP),
    )
    return _first(waits) or Cause.RESTARTING


def until(facts: UpdateFacts, cause: Cause | None) -> datetime | None:
    """When the cause ends by itself, where that is known."""
    part = facts.part
    if part is None or cause is None:
        return None
    if cause is Cause.HOURS:
        return min(at for at in (facts.hours_at, part.treatment.deadline) if at is not None)
    known = {
        Cause.NOT_BEFORE: part.treatment.not_before,
        Cause.LATER_GROUP: part.opens_at,
        Cause.PENALTY_BOX: part.free_at,
        Cause.NO_SLOT: part.free_at,
        Cause.PACE: part.free_at,
    }
    return known.get(cause)


def _first(rows: tuple[tuple[bool, Cause], ...]) -> Cause | None:
    return next((cause for holds, cause in rows if holds), None)
