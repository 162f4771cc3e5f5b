"""A scenario in which a day lasts two minutes, for a small fleet that lives in real time. Pure.

- Periods of the plan, of trouble, storms and absences pass 720 times as fast; a group is soaked for seconds.
- What would then be too short to meet an order (calls) is made longer and rarer, what is so long that all would wait
  for it (absences) shorter and more frequent: at any time the same share of units is in a call, or away.
- Groups of the plan that have too few units of such a fleet are left out, and their units come with the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from fleet.domain.rollout_plan import write_course
from fleet.rehearsal.behaviour import DAY_S, Absence, Behaviour, CallPattern, Image, Storm
from fleet.rehearsal.population import NEW
from fleet.rehearsal.scenario import WHOLE_PERCENT, Scenario

DAY_LASTS_S: Final = 120
TIMES: Final = DAY_S // DAY_LASTS_S
LONGEST_S: Final = 120  # of absences
CALL_S: Final = 20
SOAK_S: Final = 5.0
SILENCE_S: Final = (DAY_LASTS_S // 2, DAY_LASTS_S)
MOMENT_S: Final = (1, 4)  # loading an image, and a trial
LEAST_UNITS: Final = 15  # that a group brings


def plan_of(scenario: Scenario, units: int) -> dict[str, Any]:
    """Its plan for so many units, as the API takes it; a group's minimum is half of what it brings."""
    data: dict[str, Any] = write_course(scenario.course)
    most, reached, groups = WHOLE_PERCENT - data["hold_back_percent"], 0.0, []
    for group in data["group"]:
        last = group is data["group"][-1]
        up_to = most if last else group["up_to_percent"]
        brings = units * (up_to - reached) / WHOLE_PERCENT
        if brings < LEAST_UNITS and not last:
            continue
        reached = up_to
        shrunk = {"minimum_units": max(1, int(brings / 2)), "soak_hours": SOAK_S / 3600}
        groups.append(group | shrunk | {"deadline_hours": group["deadline_hours"] / TIMES})
    return data | {"group": groups}


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What the scenario's `start` is in real time, and the images that its two releases are there."""

    start: datetime
    begun_s: int
    old: Image
    new: Image

    def at(self, instant_s: float) -> int:
        """The real moment of one of the scenario's."""
        return self.begun_s + int((instant_s - self.start.timestamp()) / TIMES)

    def behaviour(self, of: Behaviour) -> Behaviour:
        """The same, in real time."""
        images: Mapping[str, Image] = {image.sha256: image for image in (self.old, self.new)}
        storms = tuple(Storm(self.at(each.from_s), self.at(each.until_s), each.times) for each in of.background.storms)
        return replace(
            of,
            images=images,
            odds={self.new.version: of.odds[NEW]},
            background=replace(
                of.background, rate_a_day=of.background.rate_a_day * TIMES, silence_s=SILENCE_S, storms=storms
            ),
            absence=None if of.absence is None else self._absence(of.absence),
            calls=calls(of.calls),
            load_s=MOMENT_S,
            trial_s=MOMENT_S,
        )

    def _absence(self, of: Absence) -> Absence:
        times = max(TIMES, of.length_s / LONGEST_S)
        phase_s = (of.phase_s - int(self.start.timestamp())) % of.period_s
        return Absence(int(of.period_s / times), int(of.length_s / times), self.begun_s + int(phase_s / times))


def calls(of: CallPattern) -> CallPattern:
    """Calls of CALL_S, as many as fill the same share of a day."""
    return CallPattern(of.a_day * of.length_s / CALL_S, CALL_S)


def share_in_calls(scenario: Scenario) -> float:
    """How much of a day a unit's telephone is in use."""
    return scenario.calls.a_day * scenario.calls.minutes * 60 / DAY_S
