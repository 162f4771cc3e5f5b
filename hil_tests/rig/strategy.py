"""The states of a board, and the ways between: a table, as labgrid's strategies are. Where a board is, is looked at.

| state       | how one gets there                                             | how one sees it                     |
|-------------|----------------------------------------------------------------|-------------------------------------|
| off         | from any: the power is cut                                     | the switch says so, the port is dumb |
| factory     | from off: the chip's loader writes the first image             | hello: factory, not provisioned     |
| provisioned | from factory: the station's own `flash_unit`                   | hello: locked; the fleet: in stock  |
| active      | from provisioned: sold and shipped, the cable in               | hello: ready or line; fleet: active |
| registered  | from active: the voice profile names the session's registrar   | the fleet: line registered          |
| trial       | from registered: a release rolled out, the cable out at once   | hello: the new version, no link     |

What a test left is put right first (button, faults, cable, power). A state above the wanted one does for `active`,
whose line may be registered; for any other the board goes down by `off`. Down from `active` to `provisioned` there is
no way within a session: a unit that was sold comes back by an RMA only. Tests are sorted by state for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from hil_tests.rig.errors import NoWayError, StateError
from hil_tests.rig.hand import Hand
from hil_tests.rig.house import House
from protocol.wire.enumerations import UNIT_STATES
from protocol.wire.link_enumerations import LINK_MODES
from tools.station.flasher import flasher_for
from tools.station.watch import opened

SILENCE_S: Final = 0.6
STEP_LIMIT_S: Final = 45.0
UPDATE_LIMIT_S: Final = 90.0
_SERVING: Final = ("line", "ready")


class State(StrEnum):
    """In the order in which a board goes through them."""

    OFF = "off"
    FACTORY = "factory"
    PROVISIONED = "provisioned"
    ACTIVE = "active"
    REGISTERED = "registered"
    TRIAL = "trial"


ORDER: Final = tuple(State)
# A state that does for another one.
DOES_FOR: Final[Mapping[State, frozenset[State]]] = {State.ACTIVE: frozenset({State.REGISTERED})}


class Strategy:
    """Brings one board into a state. `serial` is its serial number once it has one."""

    def __init__(self, hand: Hand, house: House) -> None:
        """`house` starts its fleet where a step needs one, so that a test of a bare board starts none."""
        self.hand = hand
        self.serial = ""
        self.trial_version = ""
        self.house = house
        # state: from where, and by what; each leaves the board so that `look` sees the state.
        self.ways: Final[Mapping[State, tuple[State, Callable[[], None]]]] = {
            State.FACTORY: (State.OFF, self._write_first_image),
            State.PROVISIONED: (State.FACTORY, self._provision),
            State.ACTIVE: (State.PROVISIONED, self._sell),
            State.REGISTERED: (State.ACTIVE, self._open_line),
            State.TRIAL: (State.REGISTERED, self._update),
        }

    def to(self, wanted: State) -> None:
        """Returns when the board is seen in that state; StateError says where it is instead."""
        if wanted is State.OFF:
            self._switch_off()
            return
        if wanted is State.TRIAL and self.hand.sim is not None and self.hand.has(State.TRIAL):
            self._bring_trial_back()
            return
        seen = self.look()
        if (seen is wanted and wanted is not State.TRIAL) or seen in DOES_FOR.get(wanted, ()):
            return
        if ORDER.index(seen) > ORDER.index(wanted) or (seen is State.OFF and wanted is not State.FACTORY):
            seen = State.OFF
        for state in ORDER[ORDER.index(seen) + 1 : ORDER.index(wanted) + 1]:
            before, way = self.ways[state]
            if before is State.OFF:
                self._switch_off()
            way()
            if state is not State.TRIAL:  # which `look`, putting the cable in, would end
                self.hand.wait(f"state {state}", lambda state=state: self._is(state), STEP_LIMIT_S)

    def _is(self, state: State) -> bool:
        seen = self.look()
        return seen is state or seen in DOES_FOR.get(state, ())

    def look(self) -> State:
        """Where the board is, as seen from outside once it was put right."""
        self.hand.set_right()
        hello = self.hand.hello()
        if hello is None or hello.name != "hello_reply":
            return State.OFF  # or bare, or in its loader: what begins from there is the same
        if LINK_MODES[hello["mode"]] != "locked":  # with a serial number its provisioning has begun
            return State.OFF if hello["serial"] or LINK_MODES[hello["mode"]] == "reset" else State.FACTORY
        unit = self.house.unit(hello["serial"])
        if unit is None:
            return State.OFF  # of a fleet that is gone
        self.serial = hello["serial"]
        if unit["service"] != "active":
            return State.PROVISIONED
        self._serving()
        unit = self.house.unit(self.serial)
        return State.REGISTERED if unit["line"]["state"] == "registered" else State.ACTIVE

    def _serving(self) -> None:
        self.hand.wait(
            "the unit in service again", lambda: UNIT_STATES[self._hello()["state"]] in _SERVING, STEP_LIMIT_S
        )

    def _hello(self) -> Any:
        hello = self.hand.hello()
        if hello is None or hello.name != "hello_reply":
            raise StateError(f"no firmware answers; {self.hand.told()}")
        return hello

    def _switch_off(self) -> None:
        if self.hand.power is None:
            raise NoWayError("nobody switches this board's power; give the bench file a power switch")
        self.hand.power.off()
        if self.hand.power.is_on() or self.hand.hello(SILENCE_S) is not None:
            raise StateError(f"the board is not off after its power was cut; {self.hand.told()}")

    def _write_first_image(self) -> None:
        hand, image = self.hand, self.house.first_image
        if hand.sim is not None:
            hand.sim.hold_strap(True)
        hand.switch_on()
        if hand.sim is not None:
            hand.sim.hold_strap(False)
        with opened(hand.port) as port:
            flasher = flasher_for(port, hand.board)
            flasher.identify()
            flasher.write(hand.board, image, lambda done, total: None)
            flasher.run()

    def _provision(self) -> None:
        with opened(self.hand.port) as port:
            self.serial = self.house.make(port)

    def _sell(self) -> None:
        """Shipped without power: a unit that was refused asks again only after minutes."""
        if self.hand.power is not None:
            self.hand.power.off()
        self.house.sell(self.serial)
        self.hand.switch_on()
        self.hand.wait("service begun", lambda: self.house.unit(self.serial)["service"] == "active", STEP_LIMIT_S)

    def _open_line(self) -> None:
        house = self.house
        house.open_lines()
        self.hand.wait(
            "its line registered", lambda: house.unit(self.serial)["line"]["state"] == "registered", STEP_LIMIT_S
        )

    def _update(self) -> None:
        """The cable is out before the new image has anybody to prove itself to."""
        hand, house = self.hand, self.house
        if hand.ethernet is None:
            raise NoWayError("nobody pulls this board's cable; give the bench file an Ethernet switch")
        self.trial_version = house.roll_out_next(self.serial)
        hand.wait(f"{self.trial_version} on its way in", self._restarts_into_it, UPDATE_LIMIT_S)
        hand.ethernet.off()
        hand.wait(f"{self.trial_version} on trial", self._on_trial, STEP_LIMIT_S)
        if hand.sim is not None:
            self._switch_off()
            hand.keep(State.TRIAL)
            hand.switch_on()
            hand.wait(f"{self.trial_version} on trial again", self._on_trial, STEP_LIMIT_S)

    def _restarts_into_it(self) -> bool:
        if self.hand.sim is not None:
            pins = self.hand.sim.pins()
            return pins.trial or pins.more.get("update_state") in ("armed", "trial")
        return bool(self._hello()["version"] == self.trial_version)

    def _on_trial(self) -> bool:
        if self.hand.sim is not None and not self.hand.sim.pins().trial:
            return False
        hello = self._hello()
        return hello["version"] == self.trial_version and UNIT_STATES[hello["state"]] == "link"

    def _bring_trial_back(self) -> None:
        """A simulated board gets the flash back that it had on trial; on a real one each trial is a release more."""
        self._switch_off()
        self.hand.bring_back(State.TRIAL)
        if self.hand.ethernet is not None:
            self.hand.ethernet.off()
        self.hand.switch_on()
        self.hand.wait(f"{self.trial_version} on trial", self._on_trial, STEP_LIMIT_S)
