"""A unit that was reset, and what strangers get from it while a station that is cut again and again provisions it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import serial

from protocol.wire.link_enumerations import LINK_RESULTS
from protocol.wire.mac import MacAddress
from tests.tools.station.conftest import Bench
from tests.tools.station.fleet_double import FleetDouble
from tests.usb_door import ways
from tests.usb_door.doors import Door, identity_of, made
from tools.sim.board import SimBoard
from tools.station.errors import StationError

UID = bytes(range(1, 9))
WHY = "it was reset by hand"
_STRANGER = 9  # the boot id of its session
_ATTEMPTS = [
    *((name, values) for name, values in ways.MESSAGES_OF_HOSTS.items() if name != "ask_challenge"),
    *(("begin_provisioning", {**ways.BEGIN, "epoch": epoch}) for epoch in (2, 3)),
]
_REPORTS = 26  # of `flash_unit` for a unit that was reset: about as many as there are


class CutError(BaseException):
    """The station's process ends here."""


@contextmanager
def emptied_unit(bench: Bench) -> Iterator[SimBoard]:
    """A unit of epoch 1 that the fleet has in stock, and that was reset."""
    _, unit = bench.fleet.answer("/v1/units", {"board_uid": UID.hex()})
    unit["custody"] = "in_stock"
    identity = identity_of(bench.folder / "other-pki")
    blobs = list(identity.blobs)
    blobs[4] = bench.fleet.tokens.blob
    known = identity.but(serial=unit["serial"], mac=MacAddress.parse(unit["mac"]), blobs=tuple(blobs))
    board, _ = made(bench.folder / "board", True, known, UID)
    with board:
        yield board


def mode_for_strangers(board: SimBoard) -> str:
    """A session without a token tries every message; the mode it is told, or in other words what it got."""
    with serial.Serial(str(board.usb)) as port:
        door = Door(board, port, b"")
        if door.say(b"")[2] == "locked":
            return "locked"  # tests/usb_door
        before = door.flash()
        frames = b"".join(ways.frame(name, boot_id=_STRANGER, **values) for name, values in _ATTEMPTS)
        _, answers, mode = door.say(frames, boot_id=_STRANGER)
        taken = [answer for answer in answers if answer.name != "done" or LINK_RESULTS[answer["result"]] == "ok"]
        if len(answers) != len(_ATTEMPTS) or taken:
            return f"{len(answers)} answers to {len(_ATTEMPTS)} questions, among them {taken}"
        return mode if door.flash() == before else "its flash was written"


def cut_again_and_again(folder: Path, image: bytes, seed: int, cuts: int) -> list[str]:
    """What is wrong after `cuts` deaths of the station, some of them with the power, and one whole run."""
    chance = random.Random(f"resetting/{seed}")
    bench = Bench(folder, image, FleetDouble(folder / "pki"))
    with emptied_unit(bench) as board:
        for number in range(cuts):
            reports = chance.randrange(_REPORTS)

            def cut(*_: object) -> None:
                nonlocal reports
                reports -= 1
                if reports < 0:
                    raise CutError

            try:
                bench.flash(board, cut, new_epoch=WHY)
            except CutError:
                pass
            except StationError as error:
                return [f"cut {number}: {error}"]
            if chance.random() < 0.5:
                board.power_off()
                board.power_on()
            mode = mode_for_strangers(board)
            if mode not in ("reset", "locked"):
                return [f"after cut {number} a session without a token: {mode}"]
        finished = bench.flash(board, new_epoch=WHY)
    if (finished.epoch, finished.custody, list(bench.fleet.stocked)) != (2, "in_stock", [finished.serial]):
        return [f"it became {finished}, in stock are {list(bench.fleet.stocked)}"]
    return []
