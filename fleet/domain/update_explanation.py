"""Why a unit runs what it runs, in one sentence and as data, and what to do about it. Pure.

The cause is `update_diagnosis.py`'s, its words are a row of `update_advice.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from fleet.domain.rollout import RolloutState, UnitState
from fleet.domain.unit import IN_SERVICE, Trust
from fleet.domain.update_advice import ADVICE, Who
from fleet.domain.update_cause import Cause
from fleet.domain.update_diagnosis import (
    RolloutPart,
    UpdateFacts,
    cause_of,
    is_for_it,
    is_loaded,
    is_on_trial,
    is_there,
    parted,
    until,
)

__all__ = ["REASONS", "Explanation", "RolloutPart", "UpdateFacts", "UpdateState", "explain"]


class UpdateState(StrEnum):
    """Where a unit stands with respect to updates."""

    REVOKED = "revoked"
    QUARANTINED = "quarantined"
    NOT_IN_SERVICE = "not_in_service"
    NEVER_REGISTERED = "never_registered"
    NO_ROLLOUT = "no_rollout"
    HELD_BACK = "held_back"
    LATER_GROUP = "later_group"
    COMPARED = "compared"
    WAITING = "waiting"
    ASSIGNED = "assigned"
    DOWNLOADING = "downloading"
    STAGED = "staged"
    TRIAL = "trial"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    FAILED = "failed"
    SUPERSEDED = "superseded"


# What the wire's UPDATE_REASONS mean of a unit, as the end of "because ..."; "none" says nothing.
REASONS: Final[Mapping[str, str]] = {
    "none": "",
    "signature": "a signature was not by the keys it trusts",
    "expired": "the metadata or its order had expired",
    "rollback": "it was offered something older than it had seen or may run",
    "mismatch": "director and release owners did not say the same",
    "hash": "what came was not what was signed",
    "length": "more or less came than was signed",
    "wrong_board": "the image is for other hardware",
    "too_big": "the image does not fit its flash or memory",
    "network": "the download failed too often",
    "self_test": "its self-test failed",
    "crash": "it crashed",
    "watchdog": "it hung and its watchdog restarted it",
    "deadline": "its trial took too long",
    "fleet_unreachable": "it did not reach the fleet from the new release",
    "refused_before": "it had gone back from this image before",
    "flash": "its flash could not be written",
    "cancelled": "it was called off",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`cause` None: the unit is where it is wanted; then there is no `remedy` and nobody (`who`) to do it.

    `reason` names one of REASONS where the unit gave one; `since` is of the state, `until` when the cause ends by
    itself; both are None where it is not known.
    """

    state: UpdateState
    cause: Cause | None
    reason: str | None
    sentence: str
    remedy: str | None
    who: Who | None
    since: datetime | None
    until: datetime | None
    offline_since: datetime | None


def explain(facts: UpdateFacts, now: datetime) -> Explanation:
    """Where the unit stands, why, since when, and what to do."""
    state, cause, part = _state(facts), cause_of(facts, now), facts.part
    advice = ADVICE[cause] if cause is not None else None
    clause = advice.clause if advice is not None else _THERE.get(state, _RUNS_IT)
    offline_since = facts.heard_at if facts.offline(now) else None
    runs = f"{'last ran' if offline_since else 'runs'} {facts.version}" if facts.version else "has not registered yet"
    notes = "; its account is suspended, which holds back no update" if facts.suspended else ""
    notes += f"; it is offline since {_time(offline_since)}" if offline_since else ""
    reported = parted(part.reason)[0] if part and state in (UpdateState.REVERTED, UpdateState.FAILED) else None
    return Explanation(
        state=state,
        cause=cause,
        reason=reported,
        sentence=f"{facts.serial} {runs}: {clause.format_map(_words(facts, cause))}{notes}.",
        remedy=advice.remedy if advice is not None else None,
        who=advice.who if advice is not None else None,
        since=part.since if part is not None and state not in _NO_PART else None,
        until=until(facts, cause),
        offline_since=offline_since,
    )


_NO_PART: Final = frozenset(
    {
        UpdateState.REVOKED,
        UpdateState.QUARANTINED,
        UpdateState.NOT_IN_SERVICE,
        UpdateState.NEVER_REGISTERED,
        UpdateState.NO_ROLLOUT,
    }
)
# What is said of a unit that is where it is wanted.
_RUNS_IT: Final = "it runs what {rollout} is to bring it, {release}"
_THERE: Final[Mapping[UpdateState, str]] = {
    UpdateState.NO_ROLLOUT: "no rollout names it",
    UpdateState.CONFIRMED: "{rollout} brought it {release}, confirmed {since}{because}",
    UpdateState.STAGED: "it has loaded {release} of {rollout}, which restarts nobody; another rollout is to do that",
}


def _words(facts: UpdateFacts, cause: Cause | None) -> dict[str, str]:
    """What a clause may name."""
    words = {
        "serial": facts.serial,
        "version": facts.version,
        "service": facts.service.replace("_", " "),
        "custody": facts.custody.replace("_", " "),
        "window": facts.window,
    }
    part, ends = facts.part, until(facts, cause)
    if part is None:
        return words
    return words | {
        "rollout": part.rollout,
        "release": part.release,
        "rollout_state": part.rollout_state.replace("_", " "),
        "rollout_reason": f" ({part.rollout_reason})" if part.rollout_reason else "",
        "group": part.group or "",
        "left_out": part.left_out,
        "because": _because(*parted(part.reason)),
        "detail": f": {parted(part.reason)[1]}",
        "progress": f", {part.reason}" if part.reason else "",
        "since": _time(part.since),
        "until": f" until {_time(ends)}" if ends is not None else "",
        "latest": f", at the latest {_time(part.treatment.deadline)}" if part.treatment.deadline is not None else "",
    }


def _state(facts: UpdateFacts) -> UpdateState:
    hidden = _hidden(facts)
    if hidden is not None:
        return hidden
    part = facts.part
    if part is None or not is_for_it(part):
        return UpdateState.NO_ROLLOUT
    if part.state is None or part.state is UnitState.WAITING:
        return _before_its_turn(part)
    if is_on_trial(part):
        return UpdateState.TRIAL
    if is_loaded(facts, part):
        return UpdateState.STAGED
    return UpdateState.COMPARED if part.state is UnitState.HELD_BACK else UpdateState(part.state)


def _before_its_turn(part: RolloutPart) -> UpdateState:
    """What a unit waits for that its rollout has not come to."""
    if part.rollout_state is not RolloutState.RUNNING and not is_there(part):
        return UpdateState.HELD_BACK
    return UpdateState.WAITING if part.group is None or is_there(part) else UpdateState.LATER_GROUP


def _hidden(facts: UpdateFacts) -> UpdateState | None:
    """What keeps every rollout from the unit; the first that holds."""
    hindrances = (
        (facts.trust is Trust.REVOKED, UpdateState.REVOKED),
        (facts.trust is Trust.QUARANTINED, UpdateState.QUARANTINED),
        (facts.service not in IN_SERVICE, UpdateState.NOT_IN_SERVICE),
        (not facts.version, UpdateState.NEVER_REGISTERED),
    )
    return next((state for holds, state in hindrances if holds), None)


def _because(name: str | None, detail: str) -> str:
    words = REASONS.get(name or "none", "")
    text = ": ".join(part for part in (words, detail) if part)
    return f" because {text}" if text else ""


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
