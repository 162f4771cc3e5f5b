"""May a unit that a rollout wants be assigned now, and if not why and until when. Pure.

- Penalty box: a unit whose updates failed again and again gets nothing new for a while, whatever rollout it is. The
  box has an end, so no rollout waits for such a unit for ever, and none counts it before it is let out and assigned.
- Pace: each unit has its own moment in the ramp on which its group opens, by a point made of its serial number. So a
  rollout begins at a rate without a counter, and whoever asks twice hears the same. Held-back units are watched from
  their moment on, for both arms are to live through the same hours.
- Jitter: by the same point, a unit that has just started waits some minutes. Units that a power cut started together
  do not load together.
- Download slots: so many units are between their order and the end of their download. A slot is a lease: a unit that
  vanishes with one loses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_groups import Group, point_of

FAILURES_TO_PENALTY: Final = 2
FORGOTTEN_AFTER: Final = timedelta(days=7)  # a failure, counted from the end of the penalty it led to
FIRST_PENALTY: Final = timedelta(hours=24)  # and twice as long with each further failure
LONGEST_PENALTY: Final = timedelta(days=7)
JITTER: Final = timedelta(minutes=10)
USUAL_SLOT: Final = timedelta(minutes=30)
LONGEST_SLOT: Final = timedelta(days=1)
MAX_UNITS_PER_HOUR: Final = 10_000_000
MAX_DOWNLOAD_SLOTS: Final = 1_000_000
_HOUR: Final = timedelta(hours=1)


class Hindrance(StrEnum):
    """Why a unit that a rollout wants is not assigned now."""

    PENALTY_BOX = "penalty_box"
    NO_SLOT = "no_slot"
    PACE = "pace"


@dataclass(frozen=True, slots=True)
class Hindered:
    """`until` None: until a unit gives its slot back, at a time nobody knows."""

    by: Hindrance
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a rollout goes: units that begin in an hour, units that download at once, for how long a slot is leased.

    None: no limit.
    """

    units_per_hour: int | None = None
    download_slots: int | None = None
    slot: timedelta = USUAL_SLOT

    def __post_init__(self) -> None:
        if self.units_per_hour is None and self.download_slots is None:
            raise InvalidError("pace limits nothing: give units_per_hour, download_slots or both, or leave it out")
        for name, value, most in (
            ("units_per_hour", self.units_per_hour, MAX_UNITS_PER_HOUR),
            ("download_slots", self.download_slots, MAX_DOWNLOAD_SLOTS),
        ):
            if value is not None and not 1 <= value <= most:
                raise InvalidError(f"pace: {name} is {value}, allowed is 1 to {most}")
        if not timedelta(0) < self.slot <= LONGEST_SLOT:
            minutes = [period / timedelta(minutes=1) for period in (self.slot, LONGEST_SLOT)]
            raise InvalidError(f"pace: slot_minutes is {minutes[0]:g}, allowed is more than 0, at most {minutes[1]:g}")

    def ramp(self, units: int) -> timedelta:
        """How long that many units take to begin."""
        return timedelta(0) if self.units_per_hour is None else units / self.units_per_hour * _HOUR

    def check(self, group: Group) -> None:
        """InvalidError if the group cannot have its minimum in time at this pace."""
        if self.ramp(group.minimum) >= group.deadline:
            begun = int(group.deadline / _HOUR * (self.units_per_hour or 0))
            raise InvalidError(
                f"group {group.name!r} wants {group.minimum} units within {group.deadline / _HOUR:g} h, and at "
                f"{self.units_per_hour} an hour {begun} have begun; raise units_per_hour or deadline_hours"
            )


@dataclass(frozen=True, slots=True)
class Opening:
    """Since when a group is open, or goes on after a pause, and about how many units it has; None: not counted."""

    at: datetime
    units: int | None = None


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """A unit's failed updates since its last confirmed one, of any rollout."""

    failures: int
    failed_at: datetime

    @property
    def free_at(self) -> datetime:
        """When its penalty is over; the moment of its failure if that led to none."""
        beyond = self.failures - FAILURES_TO_PENALTY
        if beyond < 0:
            return self.failed_at
        doublings = min(beyond, LONGEST_PENALTY // FIRST_PENALTY)
        return self.failed_at + min(FIRST_PENALTY * (1 << doublings), LONGEST_PENALTY)

    def free_for_urgent_at(self) -> datetime:
        """When an urgent rollout may have the unit: it waits for the first penalty only, however many failed."""
        return min(self.free_at, self.failed_at + FIRST_PENALTY)


def after_failure(record: FailureRecord | None, now: datetime) -> FailureRecord:
    """The unit's record once another update failed."""
    if record is None or now >= record.free_at + FORGOTTEN_AFTER:
        return FailureRecord(1, now)
    return FailureRecord(record.failures + 1, now)


@dataclass(frozen=True, slots=True)
class Asking:
    """A unit that a rollout wants, or holds back; `opening` is its group's, None: the rollout has no groups."""

    serial: str
    registered_at: datetime | None  # its last start; None: not asked, the rollout has no pace
    record: FailureRecord | None
    opening: Opening | None


def turn(asking: Asking, rollout: str, pace: Pace | None, now: datetime, urgent: bool = False) -> Hindered | None:
    """What keeps the unit from its turn in the rollout of that reference (`RO-7`); it holds for both arms alike."""
    if asking.record is not None:
        free_at = asking.record.free_for_urgent_at() if urgent else asking.record.free_at
        if now < free_at:
            return Hindered(Hindrance.PENALTY_BOX, free_at)
    if pace is not None:
        at = _moment(asking, rollout, pace)
        if at is not None and now < at:
            return Hindered(Hindrance.PACE, at)
    return None


def slot(pace: Pace | None, taken: int) -> Hindered | None:
    """What keeps the unit from a download slot, now that `taken` are."""
    if pace is None or pace.download_slots is None or taken < pace.download_slots:
        return None
    return Hindered(Hindrance.NO_SLOT, None)


def _moment(asking: Asking, rollout: str, pace: Pace) -> datetime | None:
    """When its turn comes: its place in the ramp, and no sooner than its jitter after a start."""
    point = point_of(asking.serial, f"{rollout} pace")  # not its point of the rollout: that one made it a canary
    moments = []
    if asking.opening is not None:
        moments.append(asking.opening.at + point * pace.ramp(asking.opening.units or 0))
    if asking.registered_at is not None:
        moments.append(asking.registered_at + point * JITTER)
    return max(moments, default=None)
