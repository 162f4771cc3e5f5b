"""`plugtone station write` and `files`: a board on an engineer's bench gets an image, or files, and no identity.

`write` is also how a board with a boot drive gets its first image, for its ROM tells no id by which a station could
take it into its books: after it the board answers on its serial port, and `station flash` goes on from there.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from boards import catalogue
from tools.commands.presentation import JsonOption, show_one
from tools.station.flasher import Image, flasher_for
from tools.station.flashers.files import at_prompt
from tools.station.watch import opened


def write(
    image: Annotated[Path, typer.Argument(help="The image, from `plugtone release build`; it names its board.")],
    port: Annotated[Path | None, typer.Option(help="The board's serial port; none for one with a boot drive.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a bare board and write MicroPython and an image, without an identity: hold its boot button first.

    Example: plugtone station write 1.2.0.img --port /dev/ttyUSB0
    """
    new = Image.parse(image.read_bytes())
    board = catalogue.load(new.header.board)
    with ExitStack() as held:
        line = held.enter_context(opened(port)) if port else None
        flasher = flasher_for(line, board)
        chip = flasher.identify()
        new.check_fits(catalogue.load(chip.board), chip.hardware_revision)
        bar = held.enter_context(Progress(console=Console(stderr=True)))
        task = bar.add_task(board.name)
        flasher.write(board, new.data, lambda done, total: bar.update(task, completed=done, total=total))
        flasher.run()
    facts = {"board": board.name, "version": new.header.version, "board_uid": chip.board_uid.hex()}
    show_one(facts, as_json)


def files(
    folder: Annotated[Path, typer.Argument(help="What is in it goes to the board, under the same names.")],
    port: Annotated[Path, typer.Option(help="The serial port of a board that runs stock MicroPython.")],
    to: Annotated[str, typer.Option(help="The folder on the board.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Copy a folder to a board that runs stock MicroPython, and have the board check it; what is there stays.

    Example: plugtone station files bring-up --port /dev/ttyUSB0
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    wanted = {f"{to}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in found}
    with at_prompt(str(port)) as board:
        who = board.identify()
        copied = board.put(wanted)
    show_one({"runs": f"{who.name} {who.version} on {who.platform}", "copied": copied}, as_json)
