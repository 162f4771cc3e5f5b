"""The header of a delta and the heads of its blocks: what fits is taken as it was packed, all else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire import delta
from protocol.wire.errors import WireError
from protocol.wire.image import MAX_IMAGE_BYTES
from tests.conftest import RunMicroPython

NAMES = st.tuples(st.integers(1, MAX_IMAGE_BYTES), st.binary(min_size=32, max_size=32))
BASE = (1000, bytes(range(32)))
IMAGE = (70_000, bytes(range(32, 64)))
UNIT = delta.BLOCK_UNIT_BYTES


@given(NAMES, NAMES)
def test_a_header_is_read_as_it_was_packed(base: tuple[int, bytes], image: tuple[int, bytes]) -> None:
    header = delta.pack_header(base, image)
    assert len(header) == delta.HEADER_BYTES
    assert delta.unpack_header(header) == (base, image)


@pytest.mark.parametrize("at", range(8))
def test_a_header_of_another_magic_or_format_is_refused(at: int) -> None:
    header = bytearray(delta.pack_header(BASE, IMAGE))
    header[at] ^= 1
    with pytest.raises(WireError, match="no delta of format 1"):
        delta.unpack_header(header)


@pytest.mark.parametrize("length", [0, MAX_IMAGE_BYTES + 1])
def test_an_image_of_no_bytes_or_of_too_many_is_refused_by_both_ends(length: int) -> None:
    for pair in (((length, bytes(32)), IMAGE), (BASE, (length, bytes(32)))):
        with pytest.raises(WireError, match=f"not {length}"):
            delta.pack_header(*pair)
    for at in (8, 44):
        header = bytearray(delta.pack_header(BASE, IMAGE))
        header[at : at + 4] = length.to_bytes(4, "big")
        with pytest.raises(WireError, match=f"not {length}"):
            delta.unpack_header(header)


@given(st.integers(1, 15), st.integers(0, 100_000), st.integers(1, delta.MAX_DEFLATED_BYTES), st.integers(9, 12))
def test_a_block_of_whole_units_is_read_as_it_was_packed(units: int, after: int, deflated: int, window: int) -> None:
    head = delta.pack_block_head(units * UNIT, deflated, window)
    assert len(head) == delta.BLOCK_HEAD_BYTES
    assert delta.unpack_block_head(head, units * UNIT + after) == (units * UNIT, deflated, window)


def test_only_the_last_block_may_end_within_a_unit() -> None:
    head = delta.pack_block_head(UNIT + 1, 10, 9)
    assert delta.unpack_block_head(head, UNIT + 1) == (UNIT + 1, 10, 9)
    with pytest.raises(WireError, match="4097 image bytes, 4098 are left"):
        delta.unpack_block_head(head, UNIT + 2)


@pytest.mark.parametrize(
    ("head", "left"),
    [
        ((0, 10, 9), UNIT),
        ((2 * UNIT, 10, 9), UNIT),
        ((16 * UNIT - 1, 10, 9), 20 * UNIT),
        ((15 * UNIT + 1, 10, 9), 15 * UNIT + 1),
        ((UNIT, 0, 9), UNIT),
        ((UNIT, delta.MAX_DEFLATED_BYTES + 1, 9), UNIT),
        ((UNIT, 10, 8), UNIT),
        ((UNIT, 10, 13), UNIT),
    ],
)
def test_a_block_out_of_bounds_is_refused(head: tuple[int, int, int], left: int) -> None:
    with pytest.raises(WireError, match="a block of"):
        delta.unpack_block_head(delta.pack_block_head(*head), left)


def test_micropython_packs_and_reads_the_same(micropython: RunMicroPython) -> None:
    script = f"""
from binascii import hexlify
from protocol.wire import delta
header = delta.pack_header({BASE!r}, {IMAGE!r})
assert delta.unpack_header(header) == ({BASE!r}, {IMAGE!r})
head = delta.pack_block_head(4096, 77, 10)
assert delta.unpack_block_head(head, 5000) == (4096, 77, 10)
print(hexlify(header + head).decode())
"""
    expected = delta.pack_header(BASE, IMAGE) + delta.pack_block_head(4096, 77, 10)
    assert micropython(script).strip() == bytes(expected).hex()
