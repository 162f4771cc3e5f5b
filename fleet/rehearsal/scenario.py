"""What a rehearsal tries: a TOML file with units, habits, troubles, a release, its plan, and what is expected."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fleet.domain.errors import InvalidError
from fleet.domain.rollout import RolloutState
from fleet.domain.rollout_course import Course
from fleet.domain.rollout_plan import read_course
from fleet.domain.treatment import Mode, Treatment
from fleet.rehearsal.behaviour import DAY_S, WEEK_S, Fate

WHOLE_PERCENT = 100.0
_TOLERANCE = 1e-6
Percent = Annotated[float, Field(ge=0, le=WHOLE_PERCENT)]


class ScenarioError(InvalidError):
    """A scenario that cannot be; says the file, the place in it, what is there and what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Revision(_Part):
    """A hardware revision, and its share of the fleet."""

    revision: Annotated[int, Field(ge=0, le=255)]
    share_percent: Percent
    board: Annotated[str, Field(min_length=1, max_length=16)] = "simulated"


class Habit(_Part):
    """A share of the fleet that is away, without power: each night, each weekend, or weeks on end."""

    share_percent: Percent
    away: Literal["nights", "weekends", "weeks"]
    hours: Annotated[float, Field(gt=0)] | None = None  # of each absence; its usual length if not given
    begins_hour_utc: Annotated[float, Field(ge=0, lt=24)] = 4.0  # of nights: 23:00 in New York

    @property
    def period_s(self) -> int:
        """How often it is away."""
        return {"nights": DAY_S, "weekends": WEEK_S, "weeks": 8 * WEEK_S}[self.away]

    @property
    def length_s(self) -> int:
        """How long it is away each time, less than the whole period."""
        usual_s = {"nights": 8 * 3600, "weekends": 2 * DAY_S, "weeks": 3 * WEEK_S}[self.away]
        return min(int(self.hours * 3600) if self.hours else usual_s, self.period_s - 3600)


class Calls(_Part):
    """How much the telephones are used."""

    a_day: Annotated[float, Field(ge=0, le=1000)] = 4.0
    minutes: Annotated[float, Field(gt=0, le=1440)] = 5.0


class Trouble(_Part):
    """What befalls units anyway, with the release and without: crashes, and silences of one to three days."""

    percent_a_day: Annotated[float, Field(ge=0, le=50)] = 0.5
    silent_percent: Percent = 30.0


class Storm(_Part):
    """Days on which trouble comes more often, to all alike; counted from the rollout's start."""

    from_day: Annotated[float, Field(ge=0)]
    until_day: Annotated[float, Field(gt=0)]
    times: Annotated[float, Field(gt=0, le=100)] = 3.0


class Fault(_Part):
    """How much more often a revision fails by the release, and the shares of the ways, of all its failures."""

    revision: Annotated[int, Field(ge=0, le=255)]
    excess_percent: Percent
    board: str = "simulated"
    kinds: dict[Fate, Annotated[float, Field(gt=0)]] = {Fate.REVERTS: 5.0, Fate.CRASHES: 2.0, Fate.GOES_DARK: 3.0}

    def shares(self) -> tuple[tuple[Fate, float], ...]:
        """Each way with its share of the revision's units."""
        whole = sum(self.kinds.values()) * WHOLE_PERCENT
        return tuple((kind, self.excess_percent * share / whole) for kind, share in self.kinds.items())


class Expectation(_Part):
    """How it has to end; `before_percent` of the fleet has the release then, `by` begins the reason."""

    state: Literal["stopped", "finished", "paused", "running"]
    before_percent: Percent | None = None
    by: str = ""

    @property
    def rollout_state(self) -> RolloutState:
        """The rollout's state it names."""
        return RolloutState(self.state)


class Scenario(_Part):
    """A fleet and what is rolled out to it. Units check in every `heartbeat_minutes` where it can matter.

    Those whose group is not open, and those that are done with, do so every `idle_heartbeat_hours` (0: not at all).
    """

    about: str
    units: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    seed: int = 1
    days: Annotated[float, Field(gt=0, le=365)] = 60.0
    tick_seconds: Annotated[int, Field(ge=1, le=3600)] = 300
    steer_minutes: Annotated[float, Field(gt=0, le=1440)] = 15.0
    heartbeat_minutes: Annotated[int, Field(ge=1, le=1440)] = 100
    idle_heartbeat_hours: Annotated[float, Field(ge=0, le=720)] = 24.0
    revision: Annotated[list[Revision], Field(min_length=1)]
    habit: list[Habit] = []
    calls: Calls = Calls()
    trouble: Trouble = Trouble()
    storm: list[Storm] = []
    fault: list[Fault] = []
    plan: dict[str, Any]
    mode: Mode = Mode.SOFT
    deadline_days: Annotated[float, Field(gt=0)] | None = None  # from then on no hours hold a restart back
    expect: Expectation

    def treatment(self, now: datetime) -> Treatment:
        """How units take it, if it begins now."""
        deadline = None if self.deadline_days is None else now + timedelta(days=self.deadline_days)
        return Treatment(self.mode, deadline=deadline)

    @property
    def course(self) -> Course:
        """The plan, read."""
        return read_course(self.plan)


def read_scenario(path: Path, **changes: object) -> Scenario:
    """The scenario in that file; `changes` of its top level, as the command line names them. ScenarioError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ScenarioError(f"there is no scenario {path}; those of the docs are in docs/scenarios") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: no TOML: {error}") from error
    data |= {name: value for name, value in changes.items() if value is not None}
    return parse_scenario(data, str(path), path.parent)


def parse_scenario(data: dict[str, Any], name: str, folder: Path) -> Scenario:
    """The scenario that `data` describes; a plan named by a file is found from `folder`."""
    if isinstance(data.get("plan"), str):
        data = data | {"plan": _plan(folder / data["plan"], name)}
    try:
        scenario = Scenario.model_validate(data)
        _check(scenario)
    except ValidationError as error:
        raise ScenarioError("\n".join(f"{name}: {_said(each)}" for each in error.errors())) from error
    except InvalidError as error:
        raise ScenarioError(f"{name}: {error}") from error
    return scenario


def _plan(path: Path, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{name}: plan: {path} is no plan: {error}") from error


def _check(scenario: Scenario) -> None:
    """What no single field can say."""
    _ = scenario.course
    hardware = [(each.board, each.revision) for each in scenario.revision]
    whole = sum(each.share_percent for each in scenario.revision)
    if abs(whole - WHOLE_PERCENT) > _TOLERANCE:
        raise InvalidError(f"revision: the shares add up to {whole:g} %, they have to be 100 %")
    for board, revision in hardware:
        if hardware.count((board, revision)) > 1:
            raise InvalidError(f"revision: {board} {revision} is there twice; give it one share")
    away = sum(each.share_percent for each in scenario.habit)
    if away > WHOLE_PERCENT + _TOLERANCE:
        raise InvalidError(f"habit: the shares add up to {away:g} %, a unit has one habit at most")
    for number, fault in enumerate(scenario.fault, 1):
        if (fault.board, fault.revision) not in hardware:
            raise InvalidError(f"fault {number}: there is no {fault.board} revision {fault.revision} in the fleet")
    for number, storm in enumerate(scenario.storm, 1):
        if storm.until_day <= storm.from_day:
            raise InvalidError(f"storm {number}: until_day {storm.until_day:g} is not after {storm.from_day:g}")


def _said(error: Any) -> str:
    """`revision 2: share_percent: Input should be ..., it is 120`."""
    place = ": ".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in error["loc"])
    seen = "" if error["type"] == "missing" else f", it is {str(error['input'])[:60]!r}"
    return f"{place}: {error['msg']}{seen}"
