"""The flash and its cuts obey the hardware's rule: a program clears bits, an erase sets them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import FlashError
from tests.firmware.power_cuts.cut_points import SCATTERED_A_PROGRAM, cuts_of
from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, PARTITIONS, NorFlash, digest_of

JOURNAL, _ = PARTITIONS["journal"]


def number_of(block: bytes) -> int:
    return int.from_bytes(block, "big")


def whole_digest(blocks: list[bytes]) -> int:
    digest = 0
    for index, block in enumerate(blocks):
        digest ^= digest_of(index, block)
    return digest


@settings(max_examples=60, deadline=None)
@given(st.integers(0, BLOCK_BYTES), st.binary(min_size=1, max_size=600), st.integers(0, 1 << 32))
def test_a_cut_program_has_cleared_only_bits_that_it_was_to_clear(at: int, data: bytes, seed: int) -> None:
    flash = NorFlash()
    flash.operations = []
    flash.partition("journal").program(at, data)
    (operation,) = flash.operations
    cuts = list(cuts_of(operation, random.Random(seed)))
    assert [cut.how for cut in cuts].count("before") == 1
    assert len(cuts) > SCATTERED_A_PROGRAM
    for cut in cuts:
        assert cut.digest == whole_digest(cut.blocks)
        for before, found, after in zip(operation.blocks, cut.blocks, flash.blocks, strict=True):
            if found is not before:
                assert number_of(before) & number_of(found) == number_of(found)
                assert number_of(found) & number_of(after) == number_of(after)


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=1, max_size=BLOCK_BYTES), st.integers(0, 1 << 32))
def test_a_cut_erase_has_set_bits_of_its_block_only(data: bytes, seed: int) -> None:
    flash = NorFlash()
    flash.partition("journal").program(0, data)
    flash.operations = []
    flash.partition("journal").erase(0, BLOCK_BYTES)
    (operation,) = flash.operations
    index = JOURNAL // BLOCK_BYTES
    cuts = list(cuts_of(operation, random.Random(seed)))
    assert len(cuts) > 10
    for cut in cuts:
        before, found = number_of(operation.blocks[index]), number_of(cut.blocks[index])
        assert before & found == before
        assert [*cut.blocks[:index], *cut.blocks[index + 1 :]] == [
            *operation.blocks[:index], *operation.blocks[index + 1 :],
        ]  # fmt: skip
        assert cut.digest == whole_digest(cut.blocks)


def test_a_program_is_cut_at_every_byte_and_in_a_slot_at_three() -> None:
    flash = NorFlash()
    flash.operations = []
    for name in ("journal", "slot_b"):
        flash.partition(name).program(0, bytes(300))
    for operation, places in zip(flash.operations, (set(range(300)), {0, 150, 299}), strict=True):
        cuts = [cut.how.split(" at byte ") for cut in cuts_of(operation, random.Random(1))]
        assert {int(at) for kind, *at_ in cuts for at in at_ if kind == "torn"} == places
        assert {int(at) for kind, *at_ in cuts for at in at_ if kind == "clean"} == places - {0}


def test_a_program_that_would_set_a_bit_is_refused_and_changes_nothing() -> None:
    flash = NorFlash()
    journal = flash.partition("journal")
    journal.program(10, b"\x0f")
    before = (list(flash.blocks), flash.digest)
    with pytest.raises(FlashError):
        journal.program(9, b"\xff\x1f")
    assert (flash.blocks, flash.digest) == before
    assert len(flash.faults) == 1


def test_a_copy_of_the_flash_moves_on_its_own() -> None:
    first = NorFlash()
    first.partition("journal").program(0, b"one")
    second = NorFlash(first.blocks, first.digest)
    second.partition("journal").erase(0, BLOCK_BYTES)
    found = bytearray(3)
    first.partition("journal").readinto(0, found)
    assert found == b"one"
    assert second.digest == whole_digest(second.blocks) != first.digest


def test_reads_and_programs_cross_blocks() -> None:
    flash = NorFlash()
    data = random.Random(1).randbytes(3 * BLOCK_BYTES)
    flash.partition("slot_b").program(100, data)
    found = bytearray(len(data))
    flash.partition("slot_b").readinto(100, found)
    assert found == data
    assert flash.digest == whole_digest(flash.blocks)
