"""The check of the real ports against MicroPython's stubs finds what it is there for."""

from pathlib import Path

import pytest

from boards import catalogue
from tests import device_types
from tools.release import build

pytestmark = pytest.mark.skipif(not device_types.STUBS.exists(), reason="make lint installs MicroPython's stubs")


@pytest.mark.parametrize(
    ("board", "old", "new", "module"),
    [
        ("wesp32", b"machine.WDT(", b"machine.WTD(", "pins.py"),
        ("wesp32", b"lan.active(", b"lan.activate(", "lan.py"),
        ("w5500-evb-pico", b"rp2.Flash()", b"rp2.Flash(size=5)", "chip.py"),
    ],
)
def test_a_name_that_the_chip_does_not_have_is_found(
    board: str, old: bytes, new: bytes, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_slip(*arguments: object) -> dict[str, bytes]:
        sources = build.sources_of(*arguments)  # type: ignore[arg-type]
        return {name: source.replace(old, new) for name, source in sources.items()}

    monkeypatch.setattr(device_types, "sources_of", with_a_slip)
    faults = device_types.faults_of(catalogue.load(board), tmp_path)
    assert len(faults) == 1
    assert module in faults[0]
