"""Whether a unit that a rollout watches has failed, and by which signal: for both arms by the same rules. Pure.

A watch begins when the unit checks in: a treated unit is assigned the release then, a held-back one is only watched. It
ends after the group's deadline. A held-back unit's next watch, in the window of a later group, begins after that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fleet.domain.rollout import REACHED, UnitState


class Signal(StrEnum):
    """What speaks against a release; the first that holds is told."""

    REVERTED = "reverted"
    GAVE_UP = "gave_up"
    CRASHED = "crashed"
    REGISTRATION_LOST = "registration_lost"
    SILENT = "silent"
    NOT_CONFIRMED = "not_confirmed"
    HEARTBEAT_GAP = "heartbeat_gap"
    POOR_CALLS = "poor_calls"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a unit is let do without counting as failed: what happens anyway to some, held back or not."""

    crashes: int = 0
    lost_registrations: int = 1
    heartbeat_gap: timedelta = timedelta(hours=2)
    least_mos_tenths: int = 30  # of the mean over its calls in the watch
    least_calls: int = 3  # fewer that were measured say nothing of the release


@dataclass(frozen=True, slots=True)
class Watch:
    """A watched unit, since `began_at`. `state`: its part in the rollout; None: it is held back.

    `line_down`: its last heartbeat says that its line, which has an account, is not registered.
    """

    began_at: datetime
    state: UnitState | None
    heard_at: datetime
    crashes: int = 0
    lost_registrations: int = 0
    line_down: bool = False
    longest_gap: timedelta = timedelta(0)
    calls: int = 0  # of which the unit measured what it heard
    mos_tenths: float = 0.0  # their mean


DEFAULT = Tolerance()
LINE_UP = frozenset({"registered", "emergency_only", "in_call"})  # states of a line, as units tell them
NO_LINE = "not_configured"


def signal(watch: Watch, deadline: timedelta, now: datetime, tolerance: Tolerance = DEFAULT) -> Signal | None:
    """What the unit failed by, if it did."""
    over = now - watch.began_at >= deadline
    lost = watch.lost_registrations > tolerance.lost_registrations or (over and watch.line_down)
    poor = watch.calls >= tolerance.least_calls and watch.mos_tenths < tolerance.least_mos_tenths
    settled = watch.state in REACHED | {None, UnitState.SUPERSEDED}
    signals = (
        (watch.state is UnitState.REVERTED, Signal.REVERTED),
        (watch.state is UnitState.FAILED, Signal.GAVE_UP),
        (watch.crashes > tolerance.crashes, Signal.CRASHED),
        (lost, Signal.REGISTRATION_LOST),
        (over and now - watch.heard_at >= min(deadline, tolerance.heartbeat_gap), Signal.SILENT),
        (over and not settled, Signal.NOT_CONFIRMED),
        (watch.longest_gap > tolerance.heartbeat_gap, Signal.HEARTBEAT_GAP),
        (poor, Signal.POOR_CALLS),
    )
    return next((each for holds, each in signals if holds), None)


@dataclass(frozen=True, slots=True)
class Beat:
    """What a watch counts of a heartbeat. `line_up`: the line is registered; None: it is to have no account."""

    at: datetime
    uptime: timedelta
    line_up: bool | None


def line_up(state: str) -> bool | None:
    """Whether a line in that state is registered; None: it is to have no account."""
    return None if state == NO_LINE else state in LINE_UP


def heard(watch: Watch, before: Beat, beat: Beat) -> Watch:
    """The watch after another heartbeat; `before`: the unit's last one, maybe from before the watch.

    A registration that a restart ended is not lost: the restart into the release would count against it.
    """
    lost = before.line_up is True and beat.line_up is False and beat.uptime >= before.uptime
    return replace(
        watch,
        heard_at=beat.at,
        line_down=beat.line_up is False,
        lost_registrations=watch.lost_registrations + lost,
        longest_gap=max(watch.longest_gap, beat.at - max(watch.began_at, before.at)),
    )
