"""Whether a unit that a rollout watches has failed, and by which signal: for both arms by the same rules. Pure.

A watch begins when the unit checks in: a treated unit is assigned the release then, a held-back one is only watched. It
ends after the group's deadline. A held-back unit's next watch, in the window of a later group, begins after that.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    lost_registrations: int = 1  # the restart into the release is one
    heartbeat_gap: timedelta = timedelta(hours=2)
    least_mos_tenths: int = 30  # of the mean over its calls in the watch


@dataclass(frozen=True, slots=True)
class Watch:
    """A watched unit, since `began_at`. `state`: its part in the rollout; None: it is held back."""

    began_at: datetime
    state: UnitState | None
    heard_at: datetime
    crashes: int = 0
    lost_registrations: int = 0
    longest_gap: timedelta = timedelta(0)
    mos_tenths: int | None = None  # None: no call was measured


DEFAULT = Tolerance()


def signal(watch: Watch, deadline: timedelta, now: datetime, tolerance: Tolerance = DEFAULT) -> Signal | None:
    """What the unit failed by, if it did."""
    over = now - watch.began_at >= deadline
    poor = watch.mos_tenths is not None and watch.mos_tenths < tolerance.least_mos_tenths
    settled = watch.state in REACHED | {None, UnitState.SUPERSEDED}
    signals = (
        (watch.state is UnitState.REVERTED, Signal.REVERTED),
        (watch.state is UnitState.FAILED, Signal.GAVE_UP),
        (watch.crashes > tolerance.crashes, Signal.CRASHED),
        (watch.lost_registrations > tolerance.lost_registrations, Signal.REGISTRATION_LOST),
        (over and now - watch.heard_at >= min(deadline, tolerance.heartbeat_gap), Signal.SILENT),
        (over and not settled, Signal.NOT_CONFIRMED),
        (watch.longest_gap > tolerance.heartbeat_gap, Signal.HEARTBEAT_GAP),
        (poor, Signal.POOR_CALLS),
    )
    return next((each for holds, each in signals if holds), None)
