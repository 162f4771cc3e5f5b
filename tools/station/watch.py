"""On which ports a board is now: serial ports of the catalogue's USB ids, or those that were named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import serial  # type: ignore[import-untyped]
from serial.tools import list_ports  # type: ignore[import-untyped]

from boards import catalogue
from tools.station.errors import StationError

WRITE_LIMIT_S: Final = 10.0


@cache
def _usb_ids() -> frozenset[tuple[int | None, int | None]]:
    return frozenset().union(*(catalogue.load(name).usb.ids for name in catalogue.names()))


def usb_ports() -> dict[str, Path]:
    """The serial ports behind which a board of the catalogue may be, by the place of their plug."""
    found = [each for each in list_ports.comports() if (each.vid, each.pid) in _usb_ids()]
    return {each.location or each.device: Path(each.device) for each in sorted(found, key=lambda each: each.device)}


def names_of(paths: Sequence[Path]) -> dict[str, Path]:
    """What people call these ports; a simulated board is known by its folder."""
    names = {path.parent.name if path.name == "usb" else str(path): path for path in paths}
    return names if len(names) == len(paths) else {str(path): path for path in paths}


def present_of(names: Mapping[str, Path]) -> dict[str, Path]:
    """Those of the ports behind which something is."""
    return {name: path for name, path in names.items() if path.exists()}


@contextmanager
def opened(path: Path) -> Iterator[serial.Serial]:
    """The serial port at `path`, ours alone; StationError if it cannot be had."""
    try:
        port = serial.Serial(os.path.realpath(path), 115200, write_timeout=WRITE_LIMIT_S, exclusive=True)
    except (serial.SerialException, OSError) as error:
        raise StationError(f"cannot open {path}: {error}; is the cable in, and no other program on it?") from error
    with port:
        try:
            yield port
        except serial.SerialException as error:
            raise StationError(f"{path} went away: {error}; plug it in and run this again") from error
