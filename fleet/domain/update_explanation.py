"""Why a unit runs what it runs, in one sentence and as data. Pure: a row of a table for each state and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fleet.domain.heartbeat import MISSED_HEARTBEATS
from fleet.domain.rollout import RolloutState, UnitState
from fleet.domain.treatment import SOFTLY, Mode, Treatment
from fleet.domain.unit import IN_SERVICE, Service, Trust


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
class RolloutPart:
    """What a rollout has to do with the unit; `state` None: it has not come to it. `since` is of that state.

    `group`: the unit's, of a rollout by groups, that is not open yet.
    """

    rollout: str
    release: str
    rollout_state: RolloutState
    rollout_reason: str
    state: UnitState | None
    reason: str  # as kept: a reason of the wire and what the unit said of it, or words of the fleet
    since: datetime
    treatment: Treatment = SOFTLY
    group: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """What is known of a unit's updates; `update_state` is the wire's, as of the last heartbeat."""

    serial: str
    trust: Trust
    service: Service
    version: str  # as it registered; empty if it never did
    heard_at: datetime | None
    update_state: str | None
    part: RolloutPart | None
    window: str  # the site's local time, as 02:00-05:00; empty: any time
    heartbeat: timedelta


@dataclass(frozen=True, slots=True)
class Explanation:
    """`reason` names one of REASONS where the unit gave one; `since` is None where it is not known."""

    state: UpdateState
    reason: str | None
    sentence: str
    since: datetime | None
    offline_since: datetime | None


def explain(facts: UpdateFacts, now: datetime) -> Explanation:
    """Where the unit stands, why, and since when."""
    state = _state(facts)
    part = facts.part
    name, detail = _parted(part.reason) if part is not None else (None, "")
    offline = facts.heard_at is not None and now - facts.heard_at > MISSED_HEARTBEATS * facts.heartbeat
    if part is None or state in _PLAIN:
        clause, since = _PLAIN[state].format(facts=facts), None
    else:
        clause, since = _CLAUSES[state](facts, part, _because(name, detail)), part.since
    runs = f"{'last ran' if offline else 'runs'} {facts.version}" if facts.version else "has not registered yet"
    ends = f"; it is offline since {_time(facts.heard_at)}" if offline else ""
    reported = name if state in (UpdateState.REVERTED, UpdateState.FAILED) else None
    return Explanation(
        state, reported, f"{facts.serial} {runs}: {clause}{ends}.", since, facts.heard_at if offline else None
    )


def _state(facts: UpdateFacts) -> UpdateState:
    hidden = _hidden(facts)
    if hidden is not None:
        return hidden
    part = facts.part
    if part is None:
        return UpdateState.NO_ROLLOUT
    if part.state is None or part.state is UnitState.WAITING:
        return _before_its_turn(part)
    if part.state is UnitState.DOWNLOADING and facts.update_state in ("staged", "armed"):
        return UpdateState.STAGED
    return UpdateState.COMPARED if part.state is UnitState.HELD_BACK else UpdateState(part.state)


def _before_its_turn(part: RolloutPart) -> UpdateState:
    """What a unit waits for that its rollout has not come to."""
    if part.rollout_state is not RolloutState.RUNNING:
        return UpdateState.HELD_BACK
    return UpdateState.WAITING if part.group is None else UpdateState.LATER_GROUP


def _hidden(facts: UpdateFacts) -> UpdateState | None:
    """What keeps every rollout from the unit; the first that holds."""
    hindrances = (
        (facts.trust is Trust.REVOKED, UpdateState.REVOKED),
        (facts.trust is Trust.QUARANTINED, UpdateState.QUARANTINED),
        (facts.service not in IN_SERVICE, UpdateState.NOT_IN_SERVICE),
        (not facts.version, UpdateState.NEVER_REGISTERED),
    )
    return next((state for holds, state in hindrances if holds), None)


_Clause = Callable[[UpdateFacts, RolloutPart, str], str]

# Where no rollout explains it; `facts` is put in.
_PLAIN: Final[Mapping[UpdateState, str]] = {
    UpdateState.REVOKED: "its identity is revoked, so it is given nothing",
    UpdateState.QUARANTINED: "it is quarantined, so no rollout reaches it until it is cleared",
    UpdateState.NOT_IN_SERVICE: "rollouts are for units in service, and it is {facts.service}",
    UpdateState.NEVER_REGISTERED: "rollouts reach it once it comes on",
    UpdateState.NO_ROLLOUT: "no rollout names it",
}


def _held_back(facts: UpdateFacts, part: RolloutPart, because: str) -> str:
    why = f" ({part.rollout_reason})" if part.rollout_reason else ""
    return f"{part.rollout}, which is to bring it {part.release}, is {part.rollout_state.replace('_', ' ')}{why}"


def _staged(facts: UpdateFacts, part: RolloutPart, because: str) -> str:
    treatment = part.treatment
    if treatment.mode is Mode.DOWNLOAD_ONLY:
        return f"it has loaded {part.release} of {part.rollout}, which restarts nobody; another rollout is to do that"
    hours = facts.window and treatment.mode is Mode.SOFT
    waits = f"its maintenance hours {facts.window}" if hours else "the end of a call"
    if treatment.not_before is not None:
        waits += f", not before {_time(treatment.not_before)}"
    if treatment.deadline is not None:
        waits += f", at the latest {_time(treatment.deadline)}"
    return f"it has loaded {part.release} of {part.rollout} and waits for {waits}"


_CLAUSES: Final[Mapping[UpdateState, _Clause]] = {
    UpdateState.HELD_BACK: _held_back,
    UpdateState.STAGED: _staged,
    UpdateState.LATER_GROUP: lambda f, p, b: (
        f"{p.rollout} gives it {p.release} when its group, {p.group}, is open; the groups before it try it first"
    ),
    UpdateState.COMPARED: lambda f, p, b: (
        f"{p.rollout} holds it back from {p.release}, to compare units with that release to units without"
    ),
    UpdateState.WAITING: lambda f, p, b: f"{p.rollout} gives it {p.release} when it is heard next",
    UpdateState.ASSIGNED: lambda f, p, b: f"{p.rollout} assigned it {p.release} on {_time(p.since)}; it has not begun",
    UpdateState.DOWNLOADING: lambda f, p, b: (
        f"it is downloading {p.release} of {p.rollout}{', ' + p.reason if p.reason else ''}, since {_time(p.since)}"
    ),
    UpdateState.TRIAL: lambda f, p, b: f"it is trying {p.release} of {p.rollout} since {_time(p.since)}",
    UpdateState.CONFIRMED: lambda f, p, b: f"{p.rollout} brought it {p.release}, confirmed {_time(p.since)}{b}",
    UpdateState.REVERTED: lambda f, p, b: f"it went back from {p.release} of {p.rollout} on {_time(p.since)}{b}",
    UpdateState.FAILED: lambda f, p, b: f"it did not take {p.release} of {p.rollout}{b}",
    UpdateState.SUPERSEDED: lambda f, p, b: f"{p.release} of {p.rollout} was taken back from it{b}",
}


def _parted(kept: str) -> tuple[str | None, str]:
    """(reason of the wire, detail) of what was kept; (None, the words) if they are the fleet's."""
    name, colon, detail = kept.partition(": ")
    if name in REASONS and (colon or name == kept):
        return name, detail
    return None, kept


def _because(name: str | None, detail: str) -> str:
    words = REASONS.get(name or "none", "")
    text = ": ".join(part for part in (words, detail) if part)
    return f" because {text}" if text else ""


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
