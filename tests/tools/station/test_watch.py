"""Which ports a station watches: those of boards it knows, by the place of their plug; or those that were named."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from boards import catalogue
from tools.station.errors import StationError
from tools.station.watch import names_of, opened, present_of, usb_ports


@dataclass
class Plug:
    """What the operating system says of a serial port."""

    device: str
    vid: int | None
    pid: int | None
    location: str | None


def test_boards_of_the_catalogue_are_watched_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sorted({ids for name in catalogue.names() for ids in catalogue.load(name).usb.ids})
    assert known
    plugs = [
        Plug("/dev/ttyUSB1", *known[0], "1-1.2"),
        Plug("/dev/ttyUSB0", *known[-1], None),
        Plug("/dev/ttyUSB7", 0xDEAD, 0xBEEF, "1-1.7"),
        Plug("/dev/ttyS0", None, None, None),
    ]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: plugs)
    assert usb_ports() == {"1-1.2": Path("/dev/ttyUSB1"), "/dev/ttyUSB0": Path("/dev/ttyUSB0")}


def test_named_ports_are_there_while_something_is_behind_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "usb", tmp_path / "two" / "usb"
    names = names_of([one, two])
    assert list(names) == ["one", "two"]
    assert present_of(names) == {}
    one.parent.mkdir()
    one.symlink_to(tmp_path)
    assert present_of(names) == {"one": one}
    one.unlink()
    one.symlink_to(tmp_path / "gone")  # of a board without power
    assert present_of(names) == {}


def test_ports_that_would_share_a_name_keep_their_paths(tmp_path: Path) -> None:
    ports = [tmp_path / "a" / "board" / "usb", tmp_path / "b" / "board" / "usb"]
    assert list(names_of(ports)) == [str(port) for port in ports]


def test_port_that_cannot_be_had_says_so(tmp_path: Path) -> None:
    with pytest.raises(StationError, match=r"cannot open .*; is the cable in"), opened(tmp_path / "none"):
        pass
