"""A unit that came back is stock again by `plugtone` alone, wiped and flashed on a real board."""

import json
from pathlib import Path

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run
from tools.release.build import build_image
from tools.sim.board import SimBoard


def to_loader(board: SimBoard) -> None:
    """Power it on with the boot button held."""
    board.power_off()
    board.hold_strap(True)
    board.power_on()
    board.hold_strap(False)


def test_a_returned_unit_is_wiped_flashed_in_a_new_epoch_and_graded(
    plugtone: Run, services: Services, tmp_path: Path
) -> None:
    image, labels = tmp_path / "1.0.0.img", tmp_path / "labels"
    image.write_bytes(build_image("simulated", "1.0.0", 1))
    plugtone("mac", "add", "--first", "8C:1F:64:00:10:00", "--prefix-bits", 36, "--registry", "MA-S")
    with SimBoard.create(tmp_path / "board") as board:
        board.power_on()
        port = ("--port", board.usb)
        flash = ("station", "flash", *port, "--image", image, "--labels", labels)
        plugtone(*flash)
        warehouse = Warehouse(services, someone(Role.ADMIN))
        (unit,) = services.units.page(warehouse.actor, 10, None)
        warehouse.send(warehouse.open_account(), unit)
        warehouse.register(unit)
        warehouse.take_back(unit)

        serial = unit.serial
        assert "runs its firmware: hold its boot button" in plugtone("station", "wipe", serial, *port, status=1)
        to_loader(board)
        assert "is waiting: begin_epoch is not possible now" in plugtone(*flash, "--new-epoch", "back", status=1)
        wiped = plugtone("station", "wipe", serial, *port, "--json")
        assert wiped["state"] == "wiped"
        assert set(board.folder.flash.read_bytes()) == {0xFF}
        assert plugtone("station", "wipe", serial, *port, "--json") == wiped, "done already"
        assert f"{serial}, {unit.mac}, 1.0.0: passed, to be graded" in plugtone(*flash, "--new-epoch", "refurbished")
        listed = plugtone("unit", "refurbish", "list", "--json")
        assert [(each["unit"], each["state"]) for each in listed] == [(serial, "tested")]
        graded = plugtone(
            "unit", "refurbish", "grade", serial, "--grade", "b", "--reason", "a scratch on the lid", "--json"
        )
        assert (graded["state"], graded["custody"], graded["epoch"]) == ("restocked", "in_stock", 2)
        shown = plugtone("unit", "show", serial, "--json")["refurbishing"]
        assert shown == {"round": 1, "state": "restocked", "grade": "b"}
        assert "a scratch on the lid" in plugtone("unit", "refurbish", "show", serial)
        again = [json.loads(line) for line in plugtone(*flash, "--json").splitlines()]
        assert [line["unit"]["custody"] for line in again if "unit" in line] == ["in_stock"]


def test_the_wrong_board_is_not_wiped(plugtone: Run, services: Services, tmp_path: Path) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    warehouse.take_back(unit)
    with SimBoard.create(tmp_path / "board", board_uid=b"not that") as board:
        board.folder.flash.write_bytes(b"\x00" + board.folder.flash.read_bytes()[1:])
        board.hold_strap(True)
        board.power_on()
        said = plugtone("station", "wipe", unit.serial, "--port", board.usb, status=1)
        assert "the board here is 6e6f742074686174" in said
        assert board.folder.flash.read_bytes()[0] == 0
        scrapped = plugtone("unit", "refurbish", "scrap", unit.serial, "--reason", "not found", "--json")
        assert scrapped["state"] == "scrapped"
        assert "is scrapped: a unit is wiped when" in plugtone(
            "station", "wipe", unit.serial, "--port", board.usb, status=1
        )
