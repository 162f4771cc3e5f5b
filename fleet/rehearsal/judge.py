"""What must hold in every rehearsal, whatever happens: checked as it runs, by what units know and the fleet does not.

- No unit restarts by itself in a call.
- No unit that is held back gets the release, and none whose group is not open.
- No unit is told of an order with a number below one it was told before.
- What the fleet counts at the end is what its units said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet.domain.errors import FleetError
from fleet.domain.rollout import UnitProgress, UnitState
from fleet.domain.rollout_groups import HELD_BACK, Placement
from fleet.rehearsal.order import Order
from fleet.rehearsal.unit_model import UnitModel
from protocol.wire.enumerations import COMMANDS, UPDATE_STATES
from protocol.wire.messages import Message

_ENDS = {
    "confirmed": UnitState.CONFIRMED,
    "reverted": UnitState.REVERTED,
    "failed": UnitState.FAILED,
}
_NO_END = frozenset({UnitState.ASSIGNED, UnitState.DOWNLOADING, UnitState.TRIAL, UnitState.SUPERSEDED})


class BrokenRuleError(FleetError):
    """Something happened that must not, in whatever scenario: a fault of the product, or of the rehearsal."""


@dataclass(slots=True)
class Judge:
    """`placements` of every unit by the plan, worked out here once more; `opened`: how many groups are open."""

    placements: Mapping[str, Placement | None]
    opened: int = 0
    restarts: int = 0
    _told: dict[str, int] = field(default_factory=dict)  # the highest number of each unit
    _ends: dict[str, UnitState] = field(default_factory=dict)  # by the reports the fleet has taken in

    def commanded(self, serial: str, message: Message) -> None:
        """The fleet tells a unit to look for an order."""
        if message.name != "command" or COMMANDS[message["command"]] != "check_update":
            return
        before, number = self._told.get(serial, 0), message["argument"]
        if number < before:
            raise BrokenRuleError(f"{serial} was told of order {before}, and now of {number}")
        self._told[serial] = number

    def ordered(self, serial: str, order: Order, release: frozenset[str]) -> None:
        """A unit reads an order; `release`: the images of the release that is rolled out."""
        placement = self.placements[serial]
        if order.sha256 not in release:
            return
        if placement == HELD_BACK or placement is None:
            raise BrokenRuleError(
                f"{serial} is {'held back' if placement else 'no target'}, and order {order} names it"
            )
        if not placement.is_open(self.opened):
            raise BrokenRuleError(f"{serial} is in group {placement.group}, {self.opened} are open, and it has {order}")

    def restarted(self, unit: UnitModel) -> None:
        """A unit may have restarted by itself."""
        for at_s, reason in unit.restarts:
            self.restarts += 1
            if unit.behaviour.calls.until(unit.seed, at_s):
                raise BrokenRuleError(f"{unit.hardware.serial} restarted ({reason}) at {at_s} s, in a call")
        unit.restarts.clear()

    def reported(self, serial: str, message: Message) -> None:
        """The fleet took in what a unit said."""
        if message.name == "update_report":
            end = _ENDS.get(UPDATE_STATES[message["state"]])
            if end is not None and self._ends.get(serial) in {None, UnitState.FAILED}:
                self._ends[serial] = end

    def compare(self, parts: Mapping[str, UnitProgress], counts: Mapping[UnitState, int]) -> None:
        """What the fleet says of each unit, and of how many, against what they said."""
        seen = dict.fromkeys(UnitState, 0)
        for serial, part in parts.items():
            seen[part.state] += 1
            end = self._ends.get(serial)
            right = part.state in _NO_END if end is None else part.state is end
            if part.state is UnitState.SUPERSEDED:
                right = end in {None, UnitState.FAILED}  # that it failed of being taken back
            if part.state is UnitState.HELD_BACK:
                right = self.placements[serial] == HELD_BACK
            if not right:
                raise BrokenRuleError(f"{serial} is {part.state} by the fleet, and said {end}")
        missing = sorted(self._ends.keys() - parts.keys())
        if missing:
            raise BrokenRuleError(f"{missing[0]} said {self._ends[missing[0]]}, and the fleet knows nothing of it")
        wrong = {state: (counts.get(state, 0), count) for state, count in seen.items() if counts.get(state, 0) != count}
        if wrong:
            raise BrokenRuleError(f"the fleet's counts are not its units' (counted, there): {wrong}")
