"""A returned unit forgets everything: its flash is erased, and the chip's own digest of it is the proof.

The fleet is asked first whether that unit waits to be wiped and which board it is: nothing is erased by mistake.
"""

from __future__ import annotations

from typing import Any, Final

from boards import catalogue
from tools.client import FleetClient
from tools.sim.loader import SerialPort
from tools.station.errors import UnitError
from tools.station.flasher import SimulatedFlasher
from tools.station.link import UnitLink

TO_BE_WIPED: Final = ("waiting", "repaired")
WIPED: Final = "wiped"


def wipe_unit(port: SerialPort, serial: str, fleet: FleetClient) -> dict[str, Any]:
    """The unit's round through refurbishing, as the fleet has it then; done already, nothing is done again."""
    path = f"/v1/units/{serial}/refurbishing"
    current: dict[str, Any] = fleet.get(path)
    if current["state"] == WIPED:
        return current
    if current["state"] not in TO_BE_WIPED:
        raise UnitError(f"{serial} is {current['state']}: a unit is wiped when it waits for it, or is repaired")
    if UnitLink(port).find().name == "hello_reply":
        raise UnitError(f"{serial} runs its firmware: hold its boot button, power it on and run this again")
    flasher = SimulatedFlasher(port)
    chip = flasher.identify()
    if chip.board_uid.hex() != current["board_uid"]:
        raise UnitError(f"the board here is {chip.board_uid.hex()}, {serial} is {current['board_uid']}: read its label")
    proof = {
        "board_uid": chip.board_uid.hex(),
        "erased_bytes": chip.flash_bytes,
        "sha256": flasher.wipe(catalogue.load(chip.board)),
    }
    wiped: dict[str, Any] = fleet.post(f"{path}/wipe", proof)
    return wiped
