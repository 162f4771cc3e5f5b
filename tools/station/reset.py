"""A factory reset of a unit in service by whoever has it in hand: key and customer data are destroyed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from protocol.wire.link_enumerations import LINK_MODES
from tools.sim.loader import SerialPort
from tools.station.errors import RefusedByUnitError, UnitError
from tools.station.link import UnitLink

HAND_LIMIT_S: Final = 60.0  # for somebody to find the boot button and hold it
_PAUSE_S: Final = 0.25  # the unit wants to be asked once a second


def reset_unit(port: SerialPort, say: Callable[[str], None]) -> str:
    """The serial number of the unit that was reset; `say` is told what to do meanwhile. UnitError if nobody did it."""
    link = UnitLink(port)
    hello = link.find()
    if hello.name != "hello_reply" or LINK_MODES[hello["mode"]] != "locked":
        raise UnitError("only a unit in service is reset; this one has nothing to forget, or is in its ROM loader")
    until, last = time.monotonic() + HAND_LIMIT_S, ""
    while time.monotonic() < until:
        try:
            link.ask("factory_reset", {})
        except RefusedByUnitError as error:
            if str(error) != last:
                last = str(error)
                say(last)
            time.sleep(_PAUSE_S)
            continue
        say("let go of the boot button")
        return str(hello["serial"])
    raise UnitError(f"{hello['serial']} was not reset within {HAND_LIMIT_S:.0f} s; it is as it was: {last}")
