"""What is done to real units in a rehearsal: the part of a scenario that they can act in the time there is.

Each deed is looked at every second or so, and brought to an end once everybody else is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final, Protocol

from fleet.domain.rollout import IN_FLIGHT, UnitState
from fleet.rehearsal.behaviour import Fate
from fleet.rehearsal.scenario import Scenario
from tests.real_units.calling import Call
from tests.real_units.shrunk import share_in_calls
from tests.real_units.stage import RealUnit
from tests.real_units.stories import CRASH, FAILED_TEST

TALKS_ON_S: Final = 10.0  # after the order is out
AWAY_S: Final = 60.0
OUT_S: Final = 20.0  # for a moment
BUSY: Final = 0.2  # share of time in calls, from which on half of the units talk
_TRIES: Final = frozenset({"armed", "trial"})

Parts = Mapping[str, UnitState]
Change = tuple[str, str, str]


class Deed(Protocol):
    """`look` with the units' states in the rollout, and seconds since it started.

    What was done is counted in `did`; `kept`: units that it keeps from being done until all others are.
    """

    did: dict[str, int]
    kept: set[str]

    def look(self, parts: Parts, since_s: float) -> None:
        """Does what is due."""

    def end(self) -> None:
        """Leaves the units with power, and nobody on the telephone."""


class Talk:
    """Two units talk when the order comes, and until it has been out for a while."""

    def __init__(self, one: RealUnit, other: RealUnit, stack: ExitStack) -> None:
        self.did, self.kept = {"in a call at their order": 0}, set[str]()
        self._units, self._ordered_s, self._over = (one, other), dict[str, float](), False
        self._call = Call(one, other, stack)

    def look(self, parts: Parts, since_s: float) -> None:
        """Each unit that is to have the release is ordered while it talks; neither may restart."""
        for unit in self._units:
            if parts.get(unit.serial) in IN_FLIGHT:
                self._ordered_s.setdefault(unit.serial, since_s)
        waited = [unit for unit in self._units if parts.get(unit.serial) is not UnitState.HELD_BACK]
        if waited and all(since_s - self._ordered_s.get(unit.serial, since_s) >= TALKS_ON_S for unit in waited):
            self.end()

    def end(self) -> None:
        """Both heard each other to the end."""
        if not self._over:
            self._over = True
            self._call.goes_on()
            self.did["in a call at their order"] = len(self._ordered_s)
            self._call.hang_up()


class Dark:
    """A unit loses power as it starts the release, and has none until all others are done."""

    def __init__(self, unit: RealUnit) -> None:
        self.did, self.kept = {"dark in its trial": 0}, set[str]()
        self._unit = unit

    def look(self, parts: Parts, since_s: float) -> None:
        """At its trial."""
        board = self._unit.board
        if board.powered and not self.did["dark in its trial"] and board.pins().more.get("update_state") in _TRIES:
            board.power_off()
            self.did["dark in its trial"] = 1
            self.kept.add(self._unit.serial)

    def end(self) -> None:
        """Power again."""
        self._unit.board.power_on()


class Away:
    """A unit is unplugged before the order, and plugged in again after it."""

    def __init__(self, unit: RealUnit) -> None:
        self.did, self.kept = {"away at the order": 1}, set[str]()
        self._board = unit.board
        self._board.power_off()

    def look(self, parts: Parts, since_s: float) -> None:
        """Back after a while."""
        if since_s >= AWAY_S:
            self.end()

    def end(self) -> None:
        """Power again."""
        self._board.power_on()


class PowerCut:
    """A unit loses power for a moment while it loads."""

    def __init__(self, unit: RealUnit) -> None:
        self.did, self.kept = {"power cuts": 0}, set[str]()
        self._board, self._off_s = unit.board, 0.0

    def look(self, parts: Parts, since_s: float) -> None:
        """Off, and on again."""
        board = self._board
        if not self.did["power cuts"]:
            if board.pins().more.get("update_state") == "downloading":
                self.did["power cuts"], self._off_s = 1, since_s
                board.power_off()
        elif since_s - self._off_s >= OUT_S:
            self.end()

    def end(self) -> None:
        """Power again."""
        self._board.power_on()


def deeds_of(scenario: Scenario, units: Sequence[RealUnit], stack: ExitStack) -> list[Deed]:
    """What of the scenario real units act: the last two, or four, talk."""
    talkers = 4 if share_in_calls(scenario) >= BUSY else 2
    others, pairs = units[:-talkers], units[-talkers:]
    found: list[Deed] = [Talk(one, other, stack) for one, other in zip(pairs[::2], pairs[1::2], strict=True)]
    for fault in scenario.fault:
        if set(fault.kinds) == {Fate.GOES_DARK}:
            found += [Dark(unit) for unit in others if unit.revision == fault.revision]
    if scenario.habit:
        found += [Away(others[0]), PowerCut(others[1])]
    if scenario.storm:  # the rollout is over before it begins: it meets the real ones as they load
        found += [PowerCut(unit) for unit in others[:2]]
    return found


def change_of(scenario: Scenario, round_of: int) -> Change | None:
    """What is wrong with the release's sources: on a faulty revision it crashes, or its self-test fails, in turn."""
    revisions = {each.revision for each in scenario.fault if set(each.kinds) - {Fate.GOES_DARK}}
    if not revisions:
        return None
    bad = f"board.hardware_revision in {tuple(revisions)}"
    if round_of % 2:
        return FAILED_TEST[0], FAILED_TEST[1], f'"ram": lambda: (int({bad}), _ram(board)[1]),'
    return (
        CRASH[0],
        "    if handover.locked:\n",
        f"    if {bad}:\n        raise OSError(handover)\n    if handover.locked:\n",
    )
