"""What the firmware on a real chip reads of its board file: a generated module named `board_config`."""

from boards.link import RmiiLink, SpiLink
from boards.schema import Board
from boards.telephone_line import Line


def board_config_source(board: Board) -> str:
    """Source text of the module that tells the firmware of `board` what hangs on which pin.

    LINK and LINE are dicts of plain values; LINE is None where no telephone line is fitted. A chip cannot tell its
    board's revision: the first of the file's range stands for all of them.
    """
    facts = {
        "BOARD": board.name,
        "HARDWARE_REVISION": board.hardware_revisions[0],
        "WATCHDOG_MS": board.watchdog_ms,
        "STATUS_LED": board.pins.status_led,
        "BOOT_BUTTON": _button(board),
        "LINK: dict": _link(board),
        "LINE: dict": _line(board.line) if board.line else None,
        "PROGRAM_BYTES": _program_bytes(board),
    }
    lines = [f'"""Board {board.name}; generated from boards/{board.name}.toml."""', ""]
    return "\n".join([*lines, *(f"{name} = {value!r}" for name, value in facts.items()), ""])


def _button(board: Board) -> int | None:
    """The boot button, where firmware may read it: one on the link's clock is the MAC's as soon as that runs."""
    clock = board.link.clock if isinstance(board.link, RmiiLink) else None
    return None if board.pins.boot_button == clock else board.pins.boot_button


def _link(board: Board) -> dict[str, object]:
    link = board.link
    if not isinstance(link, RmiiLink | SpiLink):
        raise ValueError(f"board {board.name} is simulated and has no pins: nothing asks for its board_config")
    return link.model_dump(exclude={"kind"})


def _line(line: Line) -> dict[str, object]:
    return line.model_dump(exclude={"slic", "codec"})


def _program_bytes(board: Board) -> int:
    """Where the runtime's program ends, from which on MicroPython's rp2.Flash counts."""
    program = board.flash.runtime.get("program")
    return program.end if program else 0
