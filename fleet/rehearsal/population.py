"""The units of a scenario: which there are, how each behaves, and the releases they run and are to get."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from fleet.domain.release import ReleaseImage
from fleet.domain.rollout import Fit, Running
from fleet.rehearsal.behaviour import DAY_S, Absence, Background, Behaviour, CallPattern, Image, Odds, Storm
from fleet.rehearsal.chance import Chance
from fleet.rehearsal.scenario import WHOLE_PERCENT, Habit, Scenario
from fleet.rehearsal.unit_model import MAX_BOOT_ID, UnitModel
from fleet.rehearsal.unit_session import ABI, Configuration, Hardware
from fleet.store.simulated_units import SimulatedUnit
from protocol.wire.serial_number import make_serial

OLD, NEW = "1.0.0", "2.0.0"  # what all units run, and what is rolled out
MAC_BYTES = 6
PHASES = 32  # so many different beginnings of an absence
LAST_REVISION = 255


@dataclass(frozen=True, slots=True)
class Population:
    """The units by serial number."""

    units: dict[str, UnitModel]

    def rows(self) -> list[SimulatedUnit]:
        """What the fleet's tables say of them."""
        return [
            SimulatedUnit(serial, int.from_bytes(unit.hardware.mac, "big"), _running(unit), unit.session.boot_id)
            for serial, unit in self.units.items()
        ]


def populate(scenario: Scenario, now: datetime, configuration: Configuration) -> Population:
    """The scenario's units, in service since `now`; the same seed makes the same."""
    images = _images(scenario)
    now_s, units = int(now.timestamp()), {}
    behaviours = _Behaviours(scenario, now_s, list(images.values()))
    for number in range(1, scenario.units + 1):
        chance, serial = Chance.of(scenario.seed, number), str(make_serial(number))
        hardware = Hardware(serial, number.to_bytes(MAC_BYTES, "big"), *_hardware(scenario, chance.random()))
        behaviour = behaviours.of(hardware.board, hardware.revision, _habit(scenario, chance.random()), chance)
        unit = UnitModel(hardware, behaviour, images[OLD, hardware.board], chance.below(1 << 64))
        unit.settle_in(now_s, 1 + chance.below(MAX_BOOT_ID), configuration)
        units[serial] = unit
    return Population(units)


def releases_of(scenario: Scenario) -> dict[str, list[ReleaseImage]]:
    """Their images by version: what all units run, and what is rolled out."""
    images = _images(scenario).items()
    return {wanted: [_release(image) for (version, _), image in images if version == wanted] for wanted in (OLD, NEW)}


def _images(scenario: Scenario) -> dict[tuple[str, str], Image]:
    boards = sorted({each.board for each in scenario.revision})
    return {(version, board): _image(version, board) for version in (OLD, NEW) for board in boards}


class _Behaviours:
    """One object for all units that behave alike."""

    def __init__(self, scenario: Scenario, now_s: int, images: Sequence[Image]) -> None:
        self._scenario, self._images, self._now_s = scenario, {image.sha256: image for image in images}, now_s
        self._of = cache(self._make)

    def of(self, board: str, revision: int, habit: Habit | None, chance: Chance) -> Behaviour:
        """That of a unit; when its absences begin is by chance, but for nights."""
        return self._of(board, revision, habit, chance.below(PHASES))

    def _make(self, board: str, revision: int, habit: Habit | None, phase: int) -> Behaviour:
        scenario, background = self._scenario, self._scenario.trouble
        faults = [each for each in scenario.fault if (each.board, each.revision) == (board, revision)]
        storms = [
            Storm(self._now_s + int(each.from_day * DAY_S), self._now_s + int(each.until_day * DAY_S), each.times)
            for each in scenario.storm
        ]
        return Behaviour(
            images=self._images,
            odds={NEW: Odds(tuple(share for each in faults for share in each.shares()))},
            background=Background(
                background.percent_a_day / WHOLE_PERCENT,
                background.silent_percent / WHOLE_PERCENT,
                storms=tuple(storms),
            ),
            absence=None if habit is None else _absence(habit, phase),
            calls=CallPattern(scenario.calls.a_day, int(scenario.calls.minutes * 60)),
        )


def _absence(habit: Habit, phase: int) -> Absence:
    """Nights begin at their hour, weekends on Saturday (1970 began on a Thursday), weeks in any week."""
    if habit.away == "weeks":
        return Absence(habit.period_s, habit.length_s, habit.period_s * phase // PHASES)
    begins_s = int(habit.begins_hour_utc * 3600)
    return Absence(habit.period_s, habit.length_s, begins_s + (2 * DAY_S if habit.away == "weekends" else 0))


def _hardware(scenario: Scenario, drawn: float) -> tuple[str, int]:
    for each in scenario.revision:
        if drawn < each.share_percent / WHOLE_PERCENT:
            return each.board, each.revision
        drawn -= each.share_percent / WHOLE_PERCENT
    return scenario.revision[-1].board, scenario.revision[-1].revision


def _habit(scenario: Scenario, drawn: float) -> Habit | None:
    for each in scenario.habit:
        if drawn < each.share_percent / WHOLE_PERCENT:
            return each
        drawn -= each.share_percent / WHOLE_PERCENT
    return None


def _image(version: str, board: str) -> Image:
    sha256 = hashlib.sha256(f"{board} {version}".encode()).hexdigest()
    return Image(version, int(version.partition(".")[0]), sha256, board)


def _release(image: Image) -> ReleaseImage:
    return ReleaseImage(
        name=f"{image.board}-{image.version}",
        length=256 * 1024,
        sha256=image.sha256,
        fit=Fit(image.board, 0, LAST_REVISION, ABI),
        release_counter=image.release_counter,
        security_counter=0,
        data_schema=1,
        minimum_heap_bytes=0,
    )


def _running(unit: UnitModel) -> Running:
    image, hardware = unit.image, unit.hardware
    return Running(hardware.board, hardware.revision, ABI, image.version, image.release_counter, image.sha256)
