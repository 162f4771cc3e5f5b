"""A real unit goes through refurbishing, and somebody kept a copy of all that was in it: the door knows the difference.

The copy is of the identity partition alone, put back into the unit as it is now: the same firmware, settings and
journal, with the key and certificate of before.
"""

from __future__ import annotations

from boards import catalogue
from tests.sweeps.sweep import Outcome
from tools.demo import living, making
from tools.demo.narrator import Narrator
from tools.demo.story import FIRST, opened_world
from tools.demo.world import World
from tools.errors import ToolError
from tools.sim.board import SimBoard
from tools.sim.service import ServiceError

IDENTITY = catalogue.load(making.BOARD).flash.partitions["identity"]
READY_TIMEOUT_S = 60.0


def customer(number: int) -> dict[str, str]:
    """The unit's next account."""
    mail = f"owner{number}@shop.example"
    return {"name": f"Shop {number}", "administrator_name": f"Owner {number}", "administrator_email": mail}


def refurbished(rounds: int) -> Outcome:
    """A unit at one account after the other; the count is that of the rounds, failures what was accepted or lost."""
    failures, done = list[str](), 0
    try:
        with opened_world(Narrator(as_json=True)) as world:
            making.open_house(world)
            image = making.sign_first_release(world, FIRST)
            (serial,) = making.make_units(world, 1, image)
            past = [live(world, serial, 0)]
            for number in range(1, rounds + 1):
                refurbish(world, serial, str(image))
                past.append(live(world, serial, number))
                failures += [fault for old in past[:-1] for fault in try_again(world, serial, old, past[-1])]
                done += 1
    except (AssertionError, ToolError, ServiceError) as error:
        failures.append(f"round {done + 1}: {type(error).__name__}: {error}")
    return Outcome(done, tuple(failures))


def live(world: World, serial: str, number: int) -> bytes:
    """The unit serves its next account; the identity it did so with."""
    board = world.boards[serial]
    making.sell(world, [serial], customer(number))
    making.plug_in(world, [serial])
    board.power_off()
    return identity_of(board)


def refurbish(world: World, serial: str, image: str) -> None:
    """It comes back, and is stock again by the commands a person runs."""
    support, warehouse, board = world.people.support.client, world.people.warehouse, world.boards[serial]
    wrong = {"unit": serial, "kind": "defect", "mode": "on_receipt", "reason": "they changed their mind"}
    name = support.post("/v1/rmas", wrong)["id"]
    support.post(f"/v1/rmas/{name}/approve")
    warehouse.client.post(f"/v1/rmas/{name}/receive", {"serial": serial, "condition": "sound"})
    warehouse.client.post(f"/v1/rmas/{name}/inspect", {"code": "no_fault_found", "note": "as new"})
    to_loader(board)
    world.command(warehouse, "station", "wipe", serial, "--port", str(board.usb))
    folders = ("--labels", str(world.folder / "labels"), "--journal", str(world.folder / "station"))
    flash = ("station", "flash", "--port", str(board.usb), "--image", image, *folders)
    world.command_lines(warehouse, *flash, "--new-epoch", "refurbished")
    board.power_off()
    graded = world.command(warehouse, "unit", "refurbish", "grade", serial, "--grade", "a", "--reason", "as new")
    assert (graded["state"], graded["custody"]) == ("restocked", "in_stock"), graded


def to_loader(board: SimBoard) -> None:
    """Power it on with the boot button held."""
    board.hold_strap(True)
    board.power_on()
    board.hold_strap(False)


def try_again(world: World, serial: str, old: bytes, present: bytes) -> list[str]:
    """The unit with an identity of before is refused, and serves again with its own; what is not so."""
    board, before = world.boards[serial], facts(world, serial)
    give(board, old)
    said_before = len(board.folder.log.read_text())
    board.power_on()
    world.until(
        f"{serial} refused by the broker",
        lambda: living.REFUSAL in board.folder.log.read_text()[said_before:],
        living.REFUSED_TIMEOUT_S,
    )
    state = board.pins().state
    board.power_off()
    faults = [] if facts(world, serial) == before else [f"what the fleet knows of {serial} changed by an old identity"]
    faults += [f"{serial} is ready with an old identity"] if state == "ready" else []
    give(board, present)
    board.power_on()
    board.wait(lambda pins: pins.state == "ready", READY_TIMEOUT_S)
    board.power_off()
    return faults


def facts(world: World, serial: str) -> object:
    """What a unit that is let in would change."""
    unit = world.unit(serial)
    return [unit[name] for name in ("epoch", "trust", "custody", "service", "heartbeat", "ready", "commands")]


def identity_of(board: SimBoard) -> bytes:
    """A copy of the board's identity partition."""
    return board.folder.flash.read_bytes()[IDENTITY.offset : IDENTITY.end]


def give(board: SimBoard, identity: bytes) -> None:
    """Put an identity into a board that is off."""
    with board.folder.flash.open("r+b") as file:
        file.seek(IDENTITY.offset)
        file.write(identity)
