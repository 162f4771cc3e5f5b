"""Two real units that talk to each other, and are watched meanwhile."""

from __future__ import annotations

import json
import math
import struct
from contextlib import ExitStack
from typing import Final

from tests.real_units.stage import RealUnit
from tools.demo.calling import DIAL_TONE
from tools.sim.phone import Phone

LIMIT_S: Final = 45.0
RATE_HZ: Final = 8000
BEEPS_HZ: Final = (1400, 950)


def beep(hertz: int) -> bytes:
    """A second of it."""
    return struct.pack(
        f"<{RATE_HZ}h", *(int(6000 * math.sin(2 * math.pi * hertz * at / RATE_HZ)) for at in range(RATE_HZ))
    )


class Call:
    """Two units that talk; each is watched: no start since the call began."""

    def __init__(self, caller: RealUnit, called: RealUnit, stack: ExitStack) -> None:
        self.units = (caller, called)
        self.phones = [stack.enter_context(Phone(unit.hand.folder)) for unit in self.units]
        for phone in self.phones:
            phone.attach()
        one, other = self.phones
        one.lift()
        assert one.wait_for(lambda: one.tones() == DIAL_TONE, LIMIT_S), one.tones()
        one.dial(number_of(called), 60, 60)
        assert other.wait_for(lambda: other.ringing, LIMIT_S)
        other.lift()
        for unit in self.units:
            unit.board.wait(lambda pins: pins.more.get("line") == "in_call", LIMIT_S)
        self._processes = [unit.board.pins().pid for unit in self.units]

    def goes_on(self) -> None:
        """Both hear each other, and neither has started again."""
        for phone, hertz in zip(self.phones, BEEPS_HZ, strict=True):
            phone.say(beep(hertz))
        for phone, hertz in zip(self.phones, reversed(BEEPS_HZ), strict=True):
            assert phone.wait_for(lambda phone=phone, hertz=hertz: phone.tones() == (hertz,), LIMIT_S), phone.tones()  # type: ignore[misc]
        pins = [unit.board.pins() for unit in self.units]
        assert [each.pid for each in pins] == self._processes
        assert [each.more["line"] for each in pins] == ["in_call", "in_call"]

    def hang_up(self) -> None:
        """The caller ends it, then the other puts the handset down."""
        for phone in self.phones:
            phone.hang_up()


def number_of(unit: RealUnit) -> str:
    """As a neighbour dials it."""
    people = unit.stage.house.world.people
    listed = people.registrar.client.download(f"/v1/subscribers?format=json&serial={unit.serial}")
    return str(json.loads(listed)["user"]).removeprefix("+1")
