"""A board on an engineer's bench: written, and found in factory mode by the station afterwards."""

import json
from pathlib import Path

import pytest

from protocol.wire.link_enumerations import LINK_MODES
from tests.tools.station.flashers.test_uf2 import a_drive
from tools.release.build import build_image
from tools.sim.board import SimBoard
from tools.station import bare
from tools.station.errors import StationError
from tools.station.flashers import uf2
from tools.station.link import UnitLink
from tools.station.watch import opened


def test_a_bare_board_gets_an_image_and_waits_for_the_station(
    tmp_path: Path, image: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "1.0.0.img"
    path.write_bytes(image)
    with SimBoard.create(tmp_path / "board", board_uid=b"12345678") as board:
        board.power_on()
        bare.write(path, board.usb, as_json=True)
        assert json.loads(capsys.readouterr().out)["board_uid"] == b"12345678".hex()
        with opened(board.usb) as port:
            hello = UnitLink(port).find()
    assert (hello["version"], LINK_MODES[hello["mode"]]) == ("1.0.0", "factory")


def test_a_board_with_a_boot_drive_needs_no_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "2.0.0.img"
    path.write_bytes(build_image("w5500-evb-pico", "2.0.0", 2))
    runtime = tmp_path / "runtimes" / "w5500-evb-pico"
    runtime.mkdir(parents=True)
    (runtime / "micropython.uf2").write_bytes(uf2.write_uf2({0x10000000: b"program"}, 0xE48BFF56))
    monkeypatch.setenv("PLUGTONE_RUNTIMES", str(tmp_path / "runtimes"))
    drive = a_drive(tmp_path / "RPI-RP2")
    monkeypatch.setattr(uf2, "_mount_points", lambda: [drive.path])
    monkeypatch.setattr(uf2, "GONE_LIMIT_S", 0.0)  # nobody takes this drive away
    with pytest.raises(StationError, match="still there"):
        bare.write(path)
    assert (drive.path / "plugtone.uf2").stat().st_size == 2 * (2 << 20)


def test_an_image_for_another_board_than_the_one_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "2.0.0.img"
    path.write_bytes(build_image("wesp32", "2.0.0", 2))
    with pytest.raises(StationError, match="name it by --port"):
        bare.write(path)
