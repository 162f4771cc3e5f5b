"""The boards as people read of them: the table of docs/boards.md, drawn from the catalogue."""

from boards import catalogue
from boards.link import RmiiLink, SpiLink
from boards.schema import Board

_HEADER = (
    "| Board | Chip, MicroPython's board | Link | Telephone line | Flash, slots | USB, and in boot mode "
    "| First flashed by |"
)


def render() -> str:
    """A Markdown table of every board."""
    rows = [_row(catalogue.load(name)) for name in catalogue.names()]
    return "\n".join([_HEADER, "|---|---|---|---|---|---|---|", *rows, ""])


def _row(board: Board) -> str:
    flash = board.flash
    slot = flash.partitions["slot_a"].bytes >> 10
    micropython = f", {board.micropython_board}" if board.micropython_board else ""
    cells = (
        f"`{board.name}`: {board.title}",
        board.chip + micropython,
        _link(board),
        f"{board.line.slic}, {board.line.codec}" if board.line else "-" if board.chip != "host" else "by `phone`",
        f"{flash.bytes >> 20} MB, 2 x {slot} KB",
        _usb(board),
        {"simulated": "its own loader", "esptool": "esptool", "uf2": "UF2 on its boot drive"}[board.loader.kind],
    )
    return f"| {' | '.join(cells)} |"


def _link(board: Board) -> str:
    link = board.link
    if isinstance(link, RmiiLink):
        return f"RMII, {link.phy} at {link.phy_address}, clock {link.clock_mode} on {link.clock}"
    if isinstance(link, SpiLink):
        return f"SPI {link.bus}, {link.controller}, {link.frequency_hz // 1_000_000} MHz"
    return "the host's loopback"


def _usb(board: Board) -> str:
    usb = board.usb
    if usb.vendor_id is None or usb.boot_vendor_id is None:
        return usb.link
    running = f"{usb.vendor_id:04x}:{usb.product_id:04x}"
    boot = f"{usb.boot_vendor_id:04x}:{usb.boot_product_id:04x}"
    return f"{usb.link}: {running}" + (f", {boot}" if boot != running else "")
