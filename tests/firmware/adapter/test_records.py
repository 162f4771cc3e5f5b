"""Two records in two halves: a cut at any byte leaves the last value or the new one."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import FlashError
from adapter.records import RecordPair
from protocol.wire.record import HEADER_BYTES
from tests.firmware.model_flash import CuttingFlash, PowerCutError

BLOCK_BYTES = 64


class BlockFlash:
    """A partition in memory with small blocks: a program may only clear bits, and cells count their erases."""

    def __init__(self, blocks: int) -> None:
        self.size = blocks * BLOCK_BYTES
        self.block_bytes = BLOCK_BYTES
        self.bytes = bytearray(b"\xff" * self.size)
        self.erased = [0] * blocks
        self.read: list[int] = []  # how many bytes each time

    def readinto(self, offset: int, buffer: bytearray) -> None:
        self.read.append(len(buffer))
        buffer[:] = self.bytes[offset : offset + len(buffer)]

    def program(self, offset: int, data: bytes) -> None:
        old = self.bytes[offset : offset + len(data)]
        assert all(found & new == new for found, new in zip(old, data, strict=True)), "sets bits"
        self.bytes[offset : offset + len(data)] = data

    def erase(self, offset: int, length: int) -> None:
        assert not offset % BLOCK_BYTES
        assert not length % BLOCK_BYTES
        for block in range(offset // BLOCK_BYTES, (offset + length) // BLOCK_BYTES):
            self.erased[block] += 1
        self.bytes[offset : offset + length] = b"\xff" * length


def test_an_erased_partition_holds_nothing(tmp_path: Path) -> None:
    assert RecordPair(CuttingFlash(tmp_path / "flash").partition("journal")).load() is None


def test_the_last_value_stored_is_loaded_again(tmp_path: Path) -> None:
    for value in (b"first", b"second" * 100, b"", b"fourth"):
        RecordPair(CuttingFlash(tmp_path / "flash").partition("journal")).store(value)
        assert RecordPair(CuttingFlash(tmp_path / "flash").partition("journal")).load() == value


@pytest.mark.parametrize("values", [(b"old" * 30, b"new" * 20), (b"new" * 20, b"old" * 30, b"last" * 10)])
def test_only_the_newest_value_is_read_unless_it_is_not_whole(values: tuple[bytes, ...]) -> None:
    flash = BlockFlash(4)
    pair = RecordPair(flash)
    for value in values:
        pair.store(value)
    flash.read.clear()
    assert RecordPair(flash).load() == values[-1]
    assert [count for count in flash.read if count > HEADER_BYTES] == [len(values[-1])] * 2  # for its CRC, for itself
    flash.bytes[flash.bytes.index(values[-1])] ^= 1
    assert RecordPair(flash).load() == values[-2]


def test_a_long_value_is_found_and_read_in_pieces() -> None:
    flash, value = BlockFlash(400), bytes(range(256)) * 40
    RecordPair(flash).store(value)
    flash.read.clear()
    pair = RecordPair(flash)
    assert pair.find() == len(value)
    assert pair.read(1000, 200) == value[1000:1200]
    assert max(flash.read) <= 256
    flash.bytes[flash.bytes.index(value) + 9000] ^= 1
    assert pair.find() is None


@pytest.mark.parametrize("torn_share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("cut_at", range(3))
@pytest.mark.parametrize("stored_before", [1, 2, 3])
def test_a_torn_record_falls_back_to_the_other_one(
    tmp_path: Path, cut_at: int, torn_share: float, stored_before: int
) -> None:
    path = tmp_path / "flash"
    pair = RecordPair(CuttingFlash(path).partition("journal"))
    for count in range(stored_before):
        pair.store(b"value %d" % count)
    with pytest.raises(PowerCutError):
        RecordPair(CuttingFlash(path, cut_at, torn_share).partition("journal")).store(b"never whole")
    after = RecordPair(CuttingFlash(path).partition("journal"))
    assert after.load() == b"value %d" % (stored_before - 1)
    after.store(b"next")
    assert RecordPair(CuttingFlash(path).partition("journal")).load() == b"next"


def test_a_value_that_does_not_fit_is_refused_and_nothing_moves(tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    pair = RecordPair(flash.partition("journal"))
    pair.store(b"kept")
    before = flash.operations
    with pytest.raises(FlashError, match="holds 4080 bytes, got 4081"):
        pair.store(bytes(4081))
    assert (pair.load(), flash.operations) == (b"kept", before)


def test_a_store_erases_the_blocks_its_record_needs_and_no_other() -> None:
    flash = BlockFlash(8)
    pair = RecordPair(flash)
    for payload, blocks in ((b"1" * 48, [0]), (b"2" * 49, [4, 5]), (b"", [0]), (b"4" * 240, [4, 5, 6, 7])):
        flash.erased = [0] * 8
        pair.store(payload)
        assert [block for block, count in enumerate(flash.erased) if count] == blocks
        assert RecordPair(flash).load() == payload


@given(payloads=st.lists(st.binary(max_size=4 * BLOCK_BYTES - 16), min_size=1, max_size=12), cut=st.integers(0, 3))
def test_long_and_short_values_in_any_order_never_mix(payloads: list[bytes], cut: int) -> None:
    """`cut`: how many of the last store's steps (erase, payload, header) are done before the power goes."""
    flash = BlockFlash(8)
    pair = RecordPair(flash)
    for payload in payloads[:-1]:
        pair.store(payload)
        assert pair.load() == RecordPair(flash).load() == payload
    steps = iter(range(3))

    def until_cut(operation: Callable[[int, Any], None]) -> Callable[[int, Any], None]:
        def step(offset: int, argument: Any) -> None:
            if next(steps) >= cut:
                raise PowerCutError
            operation(offset, argument)

        return step

    flash.erase, flash.program = until_cut(flash.erase), until_cut(flash.program)  # type: ignore[method-assign]
    with contextlib.suppress(PowerCutError):
        pair.store(payloads[-1])
    before = payloads[-2] if len(payloads) > 1 else None
    assert RecordPair(flash).load() == (payloads[-1] if cut == 3 else before)


def test_two_pairs_in_one_partition_leave_each_other_alone() -> None:
    flash = BlockFlash(8)
    pairs = [RecordPair(flash, start, 4 * BLOCK_BYTES) for start in (0, 4 * BLOCK_BYTES)]
    for count in range(5):
        for at, pair in enumerate(pairs):
            pair.store(bytes([at, count]) * 56)
            assert [each.load() for each in pairs[: at + 1]] == [bytes([n, count]) * 56 for n in range(at + 1)]
    with pytest.raises(FlashError, match="holds 112 bytes"):
        pairs[1].store(bytes(113))
    with pytest.raises(FlashError, match="two blocks"):
        RecordPair(flash, 0, BLOCK_BYTES)
