"""The flash of a real chip over block devices (faked: NOR, whole pages only), under CPython."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import FlashError
from adapter.records import RecordPair
from ports.hardware.block_flash import BlockFlash

BLOCK, PAGE, START = 4096, 256, 0xA0000
PARTITIONS = {"one": (START, 2 * BLOCK), "two": (START + 2 * BLOCK, 2 * BLOCK)}


class NorDevice:
    """What rp2.Flash is: a program clears bits, of whole pages."""

    def __init__(self, size: int) -> None:
        self.cells = bytearray(b"\xff" * size)

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int) -> None:
        at = block * BLOCK + offset
        buffer[:] = self.cells[at : at + len(buffer)]

    def writeblocks(self, block: int, buffer: bytes, offset: int) -> None:
        at = block * BLOCK + offset
        assert at % PAGE == 0
        assert len(buffer) % PAGE == 0
        for index, byte in enumerate(buffer):
            self.cells[at + index] &= byte

    def ioctl(self, operation: int, block: int) -> None:
        assert operation == 6
        self.cells[block * BLOCK : (block + 1) * BLOCK] = b"\xff" * BLOCK


def flash_on(device: NorDevice) -> BlockFlash:
    return BlockFlash([(START, len(device.cells), device)], BLOCK, PARTITIONS)


@given(offset=st.integers(0, 2 * BLOCK - 1), data=st.binary(min_size=1, max_size=1500))
def test_what_is_programmed_anywhere_is_read_back_and_nothing_beside_it_moves(offset: int, data: bytes) -> None:
    device = NorDevice(4 * BLOCK)
    partition = flash_on(device).partition("two")
    data = data[: 2 * BLOCK - offset]
    partition.program(offset, data)
    found = bytearray(len(data))
    partition.readinto(offset, found)
    assert found == data
    at = 2 * BLOCK + offset
    assert device.cells[:at] + device.cells[at + len(data) :] == b"\xff" * (4 * BLOCK - len(data))


def test_bits_that_would_have_to_be_set_are_refused() -> None:
    partition = flash_on(NorDevice(4 * BLOCK)).partition("one")
    partition.program(300, b"\x0f")
    with pytest.raises(FlashError, match="program at 0xa012c would set bits"):
        partition.program(300, b"\xff")


def test_a_record_pair_lives_on_it() -> None:
    pair = RecordPair(flash_on(NorDevice(4 * BLOCK)).partition("one"))
    for number in range(5):
        pair.store(b"record %d" % number)
    assert pair.load() == b"record 4"


def test_a_sealed_partition_and_a_stretch_no_device_holds_are_refused() -> None:
    flash = flash_on(NorDevice(3 * BLOCK))
    flash.seal("one")
    with pytest.raises(FlashError, match="sealed"):
        flash.partition("one").erase(0, BLOCK)
    with pytest.raises(FlashError, match="no device of the flash holds 4096 bytes"):
        flash.partition("two").readinto(BLOCK, bytearray(BLOCK))
