"""What a scanner typed: a serial number, a MAC address, or a label's QR code, whose claim code goes no further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial
from tools.station.errors import StationError
from tools.station.journal import Journal
from tools.station.run import Port

MAX_SCANNED_CHARACTERS: Final = 256


class ScanError(StationError):
    """What was scanned is no unit, or none that this station knows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that was scanned: on a port (its name) or off it, and what is known of it in words."""

    serial: str
    port: str
    words: str


def unit_of(text: str) -> str:
    """The serial number, or the MAC in its usual form, in what was scanned; ScanError for anything else."""
    code = text.strip()
    if not code or len(code) > MAX_SCANNED_CHARACTERS:
        raise ScanError("nothing was scanned; scan the serial number or the QR code of a label")
    # The label's QR code is PAGE#SERIAL-CODE.
    name = code.rpartition("#")[2].partition("-")[0] if "#" in code else code
    try:
        serial: str = check_serial(name.upper())
    except WireError:
        pass
    else:
        return serial
    try:
        return str(MacAddress.parse(code))
    except WireError:
        # What was scanned may hold a claim code: it is not repeated.
        raise ScanError("that is no serial number, MAC address or label of ours; scan the unit's own label") from None


def find(text: str, ports: list[Port], journal: Journal) -> Found:
    """The unit that was scanned, if it is on a port or in this station's journal; ScanError if it is neither."""
    name = unit_of(text)
    for port in ports:
        if name in (port.board.serial, port.board.mac):
            return Found(port.board.serial, port.name, f"{port.board.serial} is on {port.name}: {port.state}")
    record = journal.find(name)
    if record is None:
        raise ScanError(f"{name} is not known at this station; set it aside")
    done = "labelled and in stock" if record.stocked else "not finished: plug it in"
    return Found(record.serial, "", f"{record.serial}, {record.mac}: {done}")
