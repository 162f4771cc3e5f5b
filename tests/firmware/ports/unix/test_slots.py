"""Staging, trial and confirmation in flash, with the power cut at every operation: a whole image always boots."""

from hashlib import sha256
from pathlib import Path

import pytest

from adapter.errors import SlotError
from adapter.records import RecordPair
from adapter.slot_check import Runnable, select
from ports.unix.slots import Slots
from protocol.wire.enumerations import BOOT_REASONS, UPDATE_REASONS
from protocol.wire.image import ImageHeader
from tests.conftest import RunMicroPython
from tests.firmware.model_flash import BOARD, CuttingFlash, PowerCutError
from tools.release.build import _romfs, initial_boot_record

POWER_ON = BOOT_REASONS.index("power_on")
RESTART = BOOT_REASONS.index("restart")
CHUNK_BYTES = 1024


def image(counter: int, board: str = "simulated", size: int = 9000, security: int = 0) -> bytes:
    payload = bytes([counter]) * size
    header = ImageHeader(board, 1, 4, 6, counter, security, 1, 1000, f"{counter}.0.0")
    return bytes(header.pack(payload)) + payload


def bare(path: Path, first: bytes) -> None:
    flash = CuttingFlash(path)
    flash.partition("slot_a").program(0, first)
    flash.partition("boot_record").program(0, initial_boot_record(first))


def boot(flash: CuttingFlash, cause: int = POWER_ON) -> Runnable | None:
    log: list[str] = []
    return select(flash, RecordPair(flash.partition("boot_record")), "simulated", 1, 6, cause, log.append)


def update(flash: CuttingFlash, found: Runnable, new: bytes) -> None:
    """One life of a unit: stages `new` if it does not run, confirms it if it is on trial."""
    slots = Slots(flash, found.slot)
    if found.header.release_counter == new_counter(new):
        if slots.trial:
            slots.confirm()
        return
    length = -(-len(new) // BOARD.flash.block_bytes) * BOARD.flash.block_bytes
    slots.other.erase(0, length)
    for at in range(0, len(new), CHUNK_BYTES):
        slots.other.program(at, new[at : at + CHUNK_BYTES])
    slots.stage(len(new), sha256(new).digest())
    slots.arm_trial()


def live_twice(flash: CuttingFlash, new: bytes) -> None:
    """Installs `new`, resets, confirms it."""
    for _ in range(2):
        update(flash, boot(flash), new)  # type: ignore[arg-type]


def new_counter(new: bytes) -> int:
    return int(ImageHeader.unpack(new).release_counter)


def count_operations(tmp_path: Path, old: bytes, new: bytes) -> int:
    bare(tmp_path / "count", old)
    flash = CuttingFlash(tmp_path / "count")
    live_twice(flash, new)
    assert not Slots(flash, 1).trial
    return flash.operations


def test_a_power_cut_at_every_flash_operation_of_an_update_boots_a_whole_image(tmp_path: Path) -> None:
    old, new = image(1), image(2)
    operations = count_operations(tmp_path, old, new)
    assert operations > 20
    for torn_share in (0.0, 0.5, 0.99):
        for cut_at in range(operations):
            path = tmp_path / f"cut-{cut_at}-{torn_share}"
            bare(path, old)
            flash = CuttingFlash(path, cut_at, torn_share)
            with pytest.raises(PowerCutError):
                live_twice(flash, new)
            after = CuttingFlash(path)
            for _ in range(3):  # power returns, and the unit goes on by itself
                found = boot(after)
                assert found is not None, (cut_at, torn_share)
                length = len(old) if found.slot == 0 else len(new)
                assert bytes(found.image[:length]) in (old, new)
                update(after, found, new)
            assert boot(after).header.release_counter == 2  # type: ignore[union-attr]
            path.unlink()


def test_a_flipped_bit_in_the_confirmed_slot_is_refused_and_the_other_slot_boots(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    bare(path, image(1))
    flash = CuttingFlash(path)
    live_twice(flash, image(2))
    assert boot(flash).slot == 1  # type: ignore[union-attr]
    flash.partition("slot_b").program(5000, b"\x00")
    found = boot(flash)
    assert found is not None
    assert (found.slot, found.header.release_counter) == (0, 1)
    assert not Slots(flash, 0).trial
    assert boot(flash).slot == 0  # type: ignore[union-attr]


def test_two_damaged_slots_boot_nothing_and_leave_the_record_alone(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    bare(path, image(1))
    flash = CuttingFlash(path)
    flash.partition("slot_a").program(300, b"\x00")
    before = path.read_bytes()
    assert boot(flash) is None
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (image(2, board="other"), "image is for board other"),
        (b"\xff" + image(2)[1:], "not an image"),
        (image(2)[:-1] + b"x", ""),
    ],
)
def test_an_image_that_may_not_run_here_never_boots_even_if_its_hash_is_recorded(
    tmp_path: Path, wrong: bytes, why: str
) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    flash.partition("slot_a").program(0, wrong)
    record = initial_boot_record(wrong if why else image(2))
    flash.partition("boot_record").program(0, record)
    log: list[str] = []
    pair = RecordPair(flash.partition("boot_record"))
    assert select(flash, pair, "simulated", 1, 6, POWER_ON, log.append) is None
    assert (why or "fails its hash") in log[0]


def test_an_image_below_the_security_floor_does_not_boot_again(tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    bare(tmp_path / "flash", image(1))
    live_twice(flash, image(2, security=2))
    assert Slots(flash, 1).floor == 2
    flash.partition("slot_b").program(5000, b"\x00")
    assert boot(flash) is None


def test_staging_other_bytes_than_were_meant_is_refused_and_nothing_is_recorded(tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    bare(tmp_path / "flash", image(1))
    slots = Slots(flash, 0)
    slots.other.program(0, image(2))
    before = flash.operations
    with pytest.raises(SlotError, match="other bytes"):
        slots.stage(len(image(2)), sha256(image(3)).digest())
    with pytest.raises(SlotError, match="takes 786432 bytes"):
        slots.stage(1 << 20, bytes(32))
    with pytest.raises(SlotError, match="another length"):
        slots.stage(5000, sha256(image(2)[:5000]).digest())
    with pytest.raises(SlotError, match="nothing is staged"):
        slots.arm_trial()
    assert flash.operations == before


def test_a_reverted_image_is_remembered_with_its_reason(tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    bare(tmp_path / "flash", image(1))
    update(flash, boot(flash), image(2))  # type: ignore[arg-type]
    found = boot(flash, RESTART)
    assert found is not None
    slots = Slots(flash, found.slot)
    assert (slots.trial, slots.attempt, found.slot) == (True, 1, 1)
    slots.revert(UPDATE_REASONS.index("self_test"))
    back = Slots(flash, boot(flash).slot)  # type: ignore[union-attr]
    assert (back.running, back.trial, UPDATE_REASONS[back.revert_reason]) == (0, False, "self_test")
    assert back.reverted == sha256(image(2)).digest()
    assert back.refused_hashes == (back.reverted,)


FREED = """
import gc, sys, vfs
buffer = bytearray(int(sys.argv[2]))
behind = bytearray(8192)
with open(sys.argv[1], "rb") as file:
    file.readinto(buffer)
vfs.mount(vfs.VfsRom(memoryview(buffer)), "/rom")
del buffer
gc.collect()
before = gc.mem_free()
del behind
gc.collect()
print(gc.mem_free() - before >= 8192)
"""


def test_the_end_of_the_mounted_image_keeps_nothing_of_what_lies_behind_it(
    tmp_path: Path, micropython: RunMicroPython
) -> None:
    """The collector follows every word that looks like a reference, so `select` reads into a byte more."""
    filled = next(rom for rom in (_romfs({"a": bytes(100_000 + more)}) for more in range(32)) if len(rom) % 32 == 0)
    (tmp_path / "rom").write_bytes(filled)
    freed = [micropython(FREED, tmp_path / "rom", len(filled) + more).strip() for more in (0, 1)]
    assert freed == ["False", "True"]
    bare(tmp_path / "flash", image(1))
    found = boot(CuttingFlash(tmp_path / "flash"))
    assert found
    assert len(found.image) == found.header.image_bytes + 1
