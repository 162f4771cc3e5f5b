"""A returned unit forgets everything: its flash is erased, and the chip's own digest of it is the proof.

The fleet is asked first whether that unit waits to be wiped and which board it is: nothing is erased by mistake.
"""

from __future__ import annotations

from typing import Any, Final

from boards import catalogue
from boards.schema import Board
from tools.client import FleetClient
from tools.sim.loader import SerialPort
from tools.station.errors import LinkError, UnitError
from tools.station.flasher import flasher_for
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
    board = catalogue.load(fleet.get(f"/v1/units/{serial}")["board"])
    if _runs_firmware(port, board):
        raise UnitError(f"{serial} runs its firmware: hold its boot button, power it on and run this again")
    flasher = flasher_for(port, board)
    chip = flasher.identify()
    if chip.board_uid.hex() != current["board_uid"]:
        raise UnitError(f"the board here is {chip.board_uid.hex()}, {serial} is {current['board_uid']}: read its label")
    proof = {
        "board_uid": chip.board_uid.hex(),
        "erased_bytes": board.flash.bytes,
        "sha256": flasher.wipe(board),
    }
    wiped: dict[str, Any] = fleet.post(f"{path}/wipe", proof)
    return wiped


def _runs_firmware(port: SerialPort, board: Board) -> bool:
    """Whether firmware answers on the port; a real chip's own loader answers none of our frames."""
    try:
        return bool(UnitLink(port).find().name == "hello_reply")
    except LinkError:
        if board.loader.kind == "simulated":
            raise
        return False
