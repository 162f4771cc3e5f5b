"""When each group of a rollout will open and be over if all goes well, told before its start. Pure; no promise.

- Units come to their turn at the plan's pace and load through its slots; of those that were silent for long nobody
  knows when they are back, and they are left out.
- From its order on a unit takes as long as its mode lets it wait: a soft one for its hours, which come once a day.
- A person who is to resume the rollout after a group is taken to do it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fleet.domain.rollout_course import Standing
from fleet.domain.rollout_gate import Pace
from fleet.domain.rollout_groups import Then
from fleet.domain.treatment import Mode

HEARD_WITHIN: Final = timedelta(days=1)  # whoever was heard since counts as there
USUAL_DOWNLOAD: Final = timedelta(minutes=5)
TO_SETTLE: Final[Mapping[Mode, timedelta]] = {
    Mode.SOFT: timedelta(days=1),
    Mode.FORCED: timedelta(hours=1),
    Mode.DOWNLOAD_ONLY: timedelta(minutes=10),
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """About how many units each group of the plan has, the share of them that is there, and how they take an update."""

    sizes: Sequence[int]
    present: float
    mode: Mode


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """`enough_at`: its minimum has settled; `ends_at`: the next opens or, of the last, all that are there have it."""

    name: str
    units: int
    opens_at: datetime
    enough_at: datetime
    ends_at: datetime
    waits_for_person: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """`ends_at` None: it will pause before, in the group after those told, for the reason told."""

    groups: Sequence[GroupForecast]
    ends_at: datetime | None
    reason: str = ""


def forecast(standing: Standing, conditions: Conditions, now: datetime) -> Forecast:
    """How a rollout that has not ended will go from now on."""
    told: list[GroupForecast] = []
    pace, opens_at = standing.course.pace, now
    for number, group in enumerate(standing.course.plan.groups):
        seen = standing.groups[number] if number < len(standing.groups) else None
        if seen is not None:
            opens_at = seen.opened_at
        begins = opens_at if seen is None else max(seen.opened_at, standing.since)
        size = conditions.sizes[number]
        present = int(size * conditions.present)
        enough_at = seen.ripe_at if seen is not None else None
        if enough_at is None:
            if present < group.minimum:
                of = f"{present} of its {size} units are there"
                return Forecast(told, None, f"group {group.name} wants {group.minimum} units, and about {of}")
            begun = _begun_after(pace, size, group.minimum / present, group.minimum)
            if begun >= group.deadline:
                late = f"have begun after about {_hours(begun)}, and its deadline is {_hours(group.deadline)}"
                return Forecast(told, None, f"group {group.name} wants {group.minimum} units, which {late}")
            enough_at = max(now, begins + begun + TO_SETTLE[conditions.mode])
        ends_at = max(now, enough_at + group.soak)
        if number == len(standing.course.plan.groups) - 1:
            ends_at = max(ends_at, begins + _begun_after(pace, size, 1.0, present) + TO_SETTLE[conditions.mode])
        told.append(GroupForecast(group.name, size, opens_at, enough_at, ends_at, group.then is Then.PAUSE))
        opens_at = ends_at
    return Forecast(told, opens_at)


def _begun_after(pace: Pace | None, size: int, share: float, units: int) -> timedelta:
    """How long after a group of that size opened so many units, that share of those that are there, have loaded it."""
    if pace is None:
        return timedelta(0)
    loaded = timedelta(0) if pace.download_slots is None else units / pace.download_slots * USUAL_DOWNLOAD
    return max(pace.ramp(size) * share, loaded)


def _hours(period: timedelta) -> str:
    return f"{period / timedelta(hours=1):.3g} h"
