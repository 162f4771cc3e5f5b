"""The flash model: the NOR rule, bounds, sealing; the same under both interpreters."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import FlashError
from tests.conftest import RunMicroPython
from tests.firmware.model_flash import CuttingFlash


def test_a_program_only_clears_bits(tmp_path: Path) -> None:
    scratch = CuttingFlash(tmp_path / "flash").partition("scratch")
    found = bytearray(2)
    scratch.program(10, b"\xf0\x0f")
    scratch.program(10, b"\x70\x0f")
    with pytest.raises(FlashError, match="would set bits"):
        scratch.program(10, b"\x70\x1f")
    scratch.readinto(10, found)
    assert found == b"\x70\x0f"
    scratch.erase(0, 4096)
    scratch.readinto(10, found)
    assert found == b"\xff\xff"


@given(old=st.binary(min_size=1, max_size=700), new=st.binary(min_size=1, max_size=700))
def test_the_nor_rule_holds_for_any_bytes(tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes) -> None:
    scratch = CuttingFlash(tmp_path_factory.getbasetemp() / "nor").partition("scratch")
    scratch.erase(0, 4096)
    scratch.program(0, old)
    wanted = new[: len(old)]
    allowed = all(before & after == after for before, after in zip(old, wanted, strict=False))
    if allowed:
        scratch.program(0, wanted)
    else:
        with pytest.raises(FlashError, match="would set bits"):
            scratch.program(0, wanted)


@pytest.mark.parametrize(("offset", "length"), [(-1, 4), (4093, 4), (4096, 1)])
def test_no_operation_leaves_its_partition(tmp_path: Path, offset: int, length: int) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    scratch = flash.partition("scratch")
    for attempt in (
        lambda: scratch.readinto(offset, bytearray(length)),
        lambda: scratch.program(offset, bytes(length)),
        lambda: scratch.erase(offset, length),
    ):
        with pytest.raises(FlashError, match="has 4096 bytes"):
            attempt()
    assert flash.operations == 0


def test_a_sealed_partition_is_read_and_nothing_else(tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    identity = flash.partition("identity")
    identity.program(0, b"kept")
    flash.seal("identity")
    found = bytearray(4)
    for attempt in (lambda: identity.program(8, b"x"), lambda: identity.erase(0, 4096)):
        with pytest.raises(FlashError, match="sealed"):
            attempt()
    flash.partition("identity").readinto(0, found)
    assert found == b"kept"


def test_only_whole_blocks_are_erased(tmp_path: Path) -> None:
    with pytest.raises(FlashError, match="blocks of 4096"):
        CuttingFlash(tmp_path / "flash").partition("journal").erase(0, 100)


def test_the_model_keeps_the_nor_rule_on_the_real_runtime(micropython: RunMicroPython, tmp_path: Path) -> None:
    (tmp_path / "flash").write_bytes(b"\xff" * 8192)
    script = """
import sys
from adapter.errors import FlashError
from ports.unix.flash import Flash
flash = Flash(sys.argv[1], 8192, 4096, {"a": (4096, 4096)})
part = flash.partition("a")
part.program(700, b"\\x0f" * 1000)
try:
    part.program(1000, b"\\x0f\\x1f")
except FlashError as error:
    print(error)
part.erase(0, 4096)
part.program(0, b"whole")
"""
    assert "program at 0x13e8 would set bits" in micropython(script, tmp_path / "flash")
    assert (tmp_path / "flash").read_bytes() == b"\xff" * 4096 + b"whole" + b"\xff" * 4091
