"""`plugtone sim`: simulated boards to flash, plug in and watch on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from tools.commands.presentation import JsonOption, show_one
from tools.commands.sim_phone import phone
from tools.commands.sim_registrar import registrar
from tools.sim.board import SimBoard
from tools.sim.folder import BoardFolder, Pins, SimulationError

LOOK_S = 3600.0

sim = typer.Typer(no_args_is_help=True, add_completion=False)
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The board's folder.")]


@sim.callback()
def describe() -> None:
    """Simulated boards: a MicroPython process, a file as flash, a pseudo-terminal as USB."""


@sim.command("board")
def board(
    folder: FolderArgument,
    revision: Annotated[int, typer.Option(min=0, max=255, help="Hardware revision of a new board.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON at each change.")] = False,
) -> None:
    """Power a board on and say what it does, until Ctrl-C cuts the power. A new folder is a bare board.

    Its serial port is FOLDER/usb; flash it with `plugtone station flash --port FOLDER/usb`.

    Example: plugtone sim board boards/one
    """
    made = SimBoard(folder) if (folder / "chip.json").exists() else SimBoard.create(folder, hardware_revision=revision)
    seen: list[Pins] = []

    def changed(pins: Pins) -> bool:
        if not seen or pins != seen[-1]:
            seen[:] = [pins]
            typer.echo(json.dumps(asdict(pins)) if as_json else _line(pins))
            typer.get_text_stream("stdout").flush()
        return False

    with made:
        made.power_on()
        try:
            while True:
                _watch(made, changed)
        except KeyboardInterrupt:
            return


@sim.command("cable")
def cable(
    folder: FolderArgument,
    position: Annotated[Literal["up", "down"], typer.Argument(help="In (up) or out (down).")],
    as_json: JsonOption = False,
) -> None:
    """Plug the Ethernet cable of a board in or out.

    Example: plugtone sim cable boards/one down
    """
    made = SimBoard(folder)
    made.set_ethernet(position == "up")
    show_one({"folder": str(folder), "ethernet": position}, as_json)


@sim.command("show")
def show(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Show what can be seen of a board from outside.

    Example: plugtone sim show boards/one
    """
    show_one(asdict(BoardFolder(folder.resolve()).read_pins()), as_json)


sim.command("phone")(phone)
sim.command("registrar")(registrar)


def _watch(made: SimBoard, changed: Callable[[Pins], bool]) -> None:
    try:
        made.wait(changed, LOOK_S)
    except SimulationError:
        if not made.powered:
            raise


def _line(pins: Pins) -> str:
    facts = [pins.mode, pins.state, f"light {pins.led}" if pins.led else "", pins.version and f"version {pins.version}"]
    return ", ".join(fact for fact in facts if fact)
