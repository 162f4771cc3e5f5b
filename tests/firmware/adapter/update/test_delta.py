"""A delta makes its image in pieces of any size and after any cut; damaged, it makes a DeltaError and nothing else."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.update.delta import DeltaApplier
from adapter.update.errors import DeltaError
from protocol.wire import delta as wire
from tests.conftest import REPOSITORY
from tests.firmware.adapter.update.zlib_inflater import ZlibInflater
from tools.release.delta import apply_delta, make_delta

UNIT = wire.BLOCK_UNIT_BYTES
FUZZED = 1000


def name_of(data: bytes) -> tuple[int, bytes]:
    return len(data), sha256(data).digest()


class Flash:
    """The base, and the other slot as far as it is written."""

    def __init__(self, base: bytes, image: bytes) -> None:
        self.base = base
        self.image_name = name_of(image)
        self.slot = bytearray()

    def applier(self, resume: tuple[int, int] = (0, 0)) -> DeltaApplier:
        """A fresh one after a cut: what was written after `resume` counts for nothing."""
        del self.slot[resume[1] :]
        return DeltaApplier(name_of(self.base), self.image_name, self._read, self._write, ZlibInflater(), resume)

    def _read(self, offset: int, buffer: memoryview) -> None:
        assert offset >= 0
        assert offset + len(buffer) <= len(self.base), "read outside the base"
        buffer[:] = self.base[offset : offset + len(buffer)]

    def _write(self, data: bytes) -> None:
        self.slot += data
        assert len(self.slot) <= self.image_name[0], "written beyond the image"


def images(seed: int, parts: int, most_new: int = 300) -> tuple[bytes, bytes]:
    """A base, and an image of its pieces, changed pieces and new bytes, up to `most_new` at a time."""
    chance = random.Random(seed)
    base = chance.randbytes(chance.randrange(1, 4000 * parts))
    image = bytearray(chance.randbytes(1))
    for _ in range(parts):
        at = chance.randrange(len(base))
        piece = bytearray(base[at : at + chance.choice((3, 40, 1000, 9000))])
        for _ in range(chance.choice((0, 0, 1, 20))):
            piece[chance.randrange(len(piece))] += 1 if piece[0] < 255 and max(piece) < 255 else 0
        image += piece + chance.randbytes(chance.choice((0, 0, 1, 30, most_new)))
    return base, bytes(image)


@cache
def many_blocks() -> tuple[bytes, bytes, bytes]:
    """(base, image, delta), the delta in several blocks."""
    base, image = images(2, 14, 5000)
    return base, image, make_delta(base, image)


def blocks_of(delta: bytes, image_length: int) -> list[tuple[int, int]]:
    """(offset in the delta, offset in the image) of each block's start, and of both ends."""
    starts = [(wire.HEADER_BYTES, 0)]
    while starts[-1][0] < len(delta):
        at, made = starts[-1]
        size, deflated, _ = wire.unpack_block_head(delta[at : at + wire.BLOCK_HEAD_BYTES], image_length - made)
        starts.append((at + wire.BLOCK_HEAD_BYTES + deflated, made + size))
    return starts


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 5000))
def test_any_image_is_made_from_pieces_of_any_size(seed: int, parts: int, size: int) -> None:
    base, image = images(seed, parts)
    flash = Flash(base, image)
    applier = flash.applier()
    for piece in in_pieces(make_delta(base, image), size):
        assert not applier.is_whole
        applier.feed(piece)
    assert applier.is_whole
    assert flash.slot == image


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.binary(min_size=1, max_size=300))
def test_any_two_texts_are_base_and_image(base: bytes, image: bytes) -> None:
    flash = Flash(base, image)
    flash.applier().feed(make_delta(base, image))
    assert flash.slot == image


def test_resumed_at_every_block_the_rest_makes_the_image() -> None:
    base, image, delta = many_blocks()
    starts = blocks_of(delta, len(image))
    assert len(starts) > 4
    for at, made in starts[:-1]:
        flash = Flash(base, image)
        first = flash.applier()
        first.feed(delta[: at + 1])  # the cut: one byte after the block's start
        assert first.resume == (at, made)
        assert made % UNIT == 0
        second = flash.applier(first.resume)
        second.feed(delta[at:])
        assert second.is_whole
        assert flash.slot == image


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60_000), max_size=6))
def test_cuts_at_any_bytes_lose_no_whole_block(cuts: list[int]) -> None:
    base, image, delta = many_blocks()
    starts = blocks_of(delta, len(image))
    flash = Flash(base, image)
    resume = (0, 0)
    for cut in cuts:
        applier = flash.applier(resume)
        applier.feed(delta[resume[0] : resume[0] + cut])
        reached = min(resume[0] + cut, len(delta))
        resume = applier.resume
        assert resume == max([(0, 0), *(start for start in starts if start[0] <= reached)])
    flash.applier(resume).feed(delta[resume[0] :])
    assert flash.slot == image


def test_a_delta_that_ends_early_is_not_whole() -> None:
    base, image, delta = many_blocks()
    applier = Flash(base, image).applier()
    applier.feed(delta[:-1])
    assert not applier.is_whole


def test_a_byte_after_the_image_is_refused() -> None:
    base, image, delta = many_blocks()
    flash = Flash(base, image)
    applier = flash.applier()
    with pytest.raises(DeltaError, match="goes on after the image's last byte"):
        applier.feed(delta + b"\0")
    assert flash.slot == image


@pytest.mark.parametrize("wrong", ["base", "image"])
def test_a_delta_of_another_base_or_image_writes_nothing(wrong: str) -> None:
    base, image, delta = many_blocks()
    flash = Flash(base + b"x" if wrong == "base" else base, image + b"x" if wrong == "image" else image)
    with pytest.raises(DeltaError, match="another base or image"):
        flash.applier().feed(delta)
    assert not flash.slot


def deflated(records: bytes, window_bits: int = 12) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, -window_bits)
    return pack.compress(records) + pack.flush()


def block(size: int, data: bytes, window_bits: int = 12) -> bytes:
    return bytes(wire.pack_block_head(size, len(data), window_bits)) + data


BASE = bytes(range(200))
SIZE = 100
INSERTED = bytes([0, 0, 0, SIZE]) + bytes(SIZE)
FULL_BUFFER = b"\0\0\0\1x" * 6 + b"\0\0\0\x5e" + bytes(94)  # 128 bytes of records, as much as is inflated at a time
REFUSED: dict[str, tuple[bytes, str]] = {
    "no_block": (bytes(5), "a block of 0"),
    "too_long": (block(SIZE + 1, deflated(INSERTED)), "a block of 101"),
    "no_data": (block(SIZE, b""), "a block of 0 bytes"),
    "wide_window": (block(SIZE, deflated(INSERTED), 13), "13 window bits"),
    "no_deflate": (block(SIZE, b"\xff" * 20), "does not inflate"),
    "cut_deflate": (block(SIZE, deflated(bytes(range(100)))[:-5]), "does not inflate|goes on|left to make"),
    "early_end": (block(SIZE, deflated(INSERTED[:-1])), "ends within a record"),
    "no_records": (block(SIZE, deflated(b"")), "ends within a record"),
    "data_after_records": (block(SIZE, deflated(INSERTED + b"x")), "goes on after its last record"),
    "data_after_a_full_buffer": (block(SIZE, deflated(FULL_BUFFER + bytes(60))), "goes on after its last record"),
    "bytes_after_deflate": (block(SIZE, deflated(INSERTED) + b"\0"), "goes on after its last record"),
    "long_number": (block(SIZE, deflated(b"\x80\x80\x80\x80\x00")), "a number of more than 4 bytes"),
    "empty_record": (block(SIZE, deflated(b"\0\0\0\0" + INSERTED)), "an empty record"),
    "jump_only": (block(SIZE, deflated(b"\x02\0\0\0" + INSERTED)), "an empty record"),
    "before_the_base": (block(SIZE, deflated(b"\x01\x64\0\0")), "100 bytes from -1"),
    "after_the_base": (block(SIZE, deflated(b"\xca\x01\x64\0\0")), "100 bytes from 101"),
    "far_after_the_base": (block(SIZE, deflated(b"\xfe\xff\xff\x7f\x01\0\0")), "the base has 200"),
    "copied_too_much": (block(SIZE, deflated(b"\0\x65\0\0")), "101 bytes from 0.*100 are left"),
    "changed_too_much": (block(SIZE, deflated(b"\0\x60\x05" + bytes(5) + b"\0")), "101 bytes from 0.*100 are left"),
    "changed_after_the_base": (block(SIZE, deflated(b"\x90\x03\0\x01\0")), "1 bytes from 200"),
    "inserted_too_much": (block(SIZE, deflated(b"\0\x60\0\x05" + bytes(5))), "an insertion of 5 bytes, 4 are left"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_block_is_refused_and_its_place_stays(name: str) -> None:
    data, message = REFUSED[name]
    flash = Flash(BASE, bytes(SIZE))
    applier = flash.applier()
    applier.feed(wire.pack_header(name_of(BASE), flash.image_name))
    with pytest.raises(DeltaError, match=message):
        applier.feed(data)
    assert applier.resume == (wire.HEADER_BYTES, 0)
    assert not applier.is_whole


@pytest.mark.parametrize("one", [b"\0\1\0\0", b"\0\0\0\1x"], ids=["copied", "inserted"])
def test_a_block_has_no_more_copies_than_a_unit_has_time_for(one: bytes) -> None:
    """Records of a byte each, 61,440 of them in 258 bytes, held up all else on a unit for seconds."""
    size = wire.MAX_BLOCK_COPIES + 1
    base = b"x" * size
    flash = Flash(base, base)
    applier = flash.applier()
    applier.feed(wire.pack_header(name_of(base), flash.image_name))
    with pytest.raises(DeltaError, match="more than 2048 copies"):
        applier.feed(block(size, deflated(one * size)))
    assert applier.resume == (wire.HEADER_BYTES, 0)
    flash = Flash(base[1:], base[1:])
    flash.applier().feed(wire.pack_header(*[name_of(base[1:])] * 2) + block(size - 1, deflated(one * (size - 1))))
    assert flash.slot == base[1:]


def full_buffer_delta() -> tuple[bytes, bytes, bytes]:
    """(base, image, delta), the delta's deflated data ending a byte after its records do."""
    image = b"x" * 6 + bytes(94)
    pack = zlib.compressobj(9, zlib.DEFLATED, -12)
    data = pack.compress(FULL_BUFFER) + pack.flush(zlib.Z_FULL_FLUSH) + pack.flush()
    return BASE, image, bytes(wire.pack_header(name_of(BASE), name_of(image))) + block(SIZE, data)


def test_records_that_end_with_what_was_inflated_are_no_fault() -> None:
    base, image, delta = full_buffer_delta()
    flash = Flash(base, image)
    flash.applier().feed(delta)
    assert flash.slot == image


def test_an_inflater_without_memory_is_a_delta_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: ZlibInflater, buffer: bytearray) -> int:
        raise MemoryError

    monkeypatch.setattr(ZlibInflater, "readinto", full)
    base, image, delta = full_buffer_delta()
    flash = Flash(base, image)
    with pytest.raises(DeltaError, match="does not inflate"):
        flash.applier().feed(delta)
    assert not flash.slot


def test_a_block_may_begin_where_the_base_has_ended() -> None:
    image = BASE * (wire.MAX_BLOCK_IMAGE_BYTES // len(BASE) + 2)
    flash = Flash(BASE, image)
    flash.applier().feed(make_delta(BASE, image))
    assert flash.slot == image


def test_changes_may_be_longer_than_what_is_written_at_a_time() -> None:
    base = bytes(range(250)) * 20
    image = base[:10] + bytes((byte + 3) & 255 for byte in base[10:4000])
    flash = Flash(base, image)
    records = b"\0\x0a\x96\x1f" + b"\3" * 3990 + b"\0\0\0"
    header = wire.pack_header(name_of(base), flash.image_name)
    flash.applier().feed(header + block(len(image), deflated(records)))
    assert flash.slot == image


def test_the_documented_example_makes_its_image() -> None:
    text = (REPOSITORY / "docs" / "delta.md").read_text()
    delta = bytes.fromhex(text.partition("```hex\n")[2].partition("```")[0])
    image = bytes([*range(10, 50), 52, *range(51, 90)]) + b"new bytes of this on"
    flash = Flash(BASE, image)
    flash.applier().feed(delta)
    assert flash.slot == image
    assert apply_delta(BASE, delta) == image


def test_a_bomb_is_refused_before_it_costs_much() -> None:
    """Records that make nothing, as many as a block can hold."""
    flash = Flash(BASE, bytes(SIZE))
    applier = flash.applier()
    applier.feed(wire.pack_header(name_of(BASE), flash.image_name))
    with pytest.raises(DeltaError, match="an empty record"):
        applier.feed(block(SIZE, deflated(bytes(4_000_000))))
    assert not flash.slot


def mutated(delta: bytes, chance: random.Random) -> bytes:
    """Bytes flipped, cut out, put in or doubled; or other records in a block, deflated as they should be."""
    data = bytearray(delta)
    if chance.random() < 0.5:
        at = wire.HEADER_BYTES + wire.BLOCK_HEAD_BYTES
        size, length, window_bits = struct.unpack(">HHB", delta[wire.HEADER_BYTES : at])
        records = spoiled(bytearray(zlib.decompress(delta[at : at + length], -window_bits)), chance)
        return delta[: wire.HEADER_BYTES] + block(size, deflated(bytes(records)), 12) + delta[at + length :]
    return bytes(spoiled(data, chance))


def spoiled(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(data))
        edits: list[Callable[[], bytes]] = [
            lambda at=at: bytes([data[at] ^ 1 << chance.randrange(8)]),
            lambda: bytes([chance.choice((0, 1, 127, 128, 255))]),
            lambda: b"",
            lambda: chance.randbytes(3),
        ]
        data[at : at + 1] = chance.choice(edits)()
    return data


def test_a_mutated_delta_makes_the_image_or_a_delta_error_or_another_hash() -> None:
    chance = random.Random(7)
    base, image = images(5, 8)
    delta = make_delta(base, image)
    ends = {"refused": 0, "short": 0, "wrong": 0, "right": 0}
    for _ in range(FUZZED):
        flash = Flash(base, image)
        applier = flash.applier()
        try:
            applier.feed(mutated(delta, chance))
        except DeltaError:
            ends["refused"] += 1
            assert not applier.is_whole or bytes(flash.slot) == image or len(flash.slot) == len(image)
            continue
        end = "short" if not applier.is_whole else "right" if flash.slot == image else "wrong"
        ends[end] += 1
    assert ends["refused"] > FUZZED // 4, ends
    assert ends["wrong"], ends
