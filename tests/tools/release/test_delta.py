"""Deltas are made the same each time, tried before they are given away, and never longer than their image by much."""

from __future__ import annotations

import random
import time
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.update.delta import DeltaApplier
from protocol.wire import delta as wire
from protocol.wire.errors import WireError
from tests.firmware.adapter.update.test_delta import images, many_blocks
from tests.firmware.adapter.update.zlib_inflater import ZlibInflater
from tools.release import delta
from tools.release.delta import DeltaFaultError, apply_delta, make_delta
from tools.release.delta_parse import COPY, Run

UNRELATED_BYTES = 60_000
UNRELATED_CPU_S = 10.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_delta_makes_its_image_and_is_the_same_each_time(seed: int, parts: int) -> None:
    base, image = images(seed, parts)
    made = make_delta(base, image)
    assert apply_delta(base, made) == image
    assert make_delta(base, image) == made


def test_the_header_names_base_and_image() -> None:
    base, image, made = many_blocks()
    named_base, named_image = wire.unpack_header(made[: wire.HEADER_BYTES])
    assert (named_base[0], named_image[0]) == (len(base), len(image))
    assert named_base[1] != named_image[1]


def test_an_unchanged_image_costs_a_few_bytes_a_block() -> None:
    image = random.Random(1).randbytes(200_000)
    blocks = -(-len(image) // wire.MAX_BLOCK_IMAGE_BYTES)
    assert len(make_delta(image, image)) <= wire.HEADER_BYTES + blocks * (wire.BLOCK_HEAD_BYTES + 10)


def test_an_image_with_nothing_of_the_base_is_hardly_longer_and_soon_made() -> None:
    chance = random.Random(2)
    base, image = chance.randbytes(UNRELATED_BYTES), chance.randbytes(UNRELATED_BYTES)
    began = time.process_time()
    made = make_delta(base, image)
    assert time.process_time() - began < UNRELATED_CPU_S
    assert len(made) < len(image) * 1.01 + wire.HEADER_BYTES


def test_copies_that_are_longer_than_their_bytes_give_way_to_an_insertion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parse by wrong costs: a copy for each byte, from places without order."""
    chance = random.Random(6)
    base, image = bytes(range(256)) * 16, chance.randbytes(wire.BLOCK_UNIT_BYTES)
    runs = [Run(at, at + 1, COPY, chance.randrange(16) * 256 + byte - at) for at, byte in enumerate(image)]
    monkeypatch.setattr(delta.Parser, "parse", lambda self, costs: runs)
    assert len(make_delta(base, image)) < len(image) + wire.HEADER_BYTES + 40


@pytest.mark.parametrize("each", [1, 9])
def test_no_block_has_more_copies_than_a_unit_takes(monkeypatch: pytest.MonkeyPatch, each: int) -> None:
    """However little room they take deflated."""
    image = random.Random(7).randbytes(5) * 10_000
    runs = [Run(at, min(at + each, len(image)), COPY, 0) for at in range(0, len(image), each)]
    monkeypatch.setattr(delta.Parser, "parse", lambda self, costs: runs)
    made = make_delta(image, image)
    slot = bytearray()

    def read(offset: int, buffer: memoryview) -> None:
        buffer[:] = image[offset : offset + len(buffer)]

    name = (len(image), sha256(image).digest())
    DeltaApplier(name, name, read, slot.extend, ZlibInflater()).feed(made)
    assert slot == image


@pytest.mark.parametrize(("base", "image"), [(b"", b"x"), (b"x", b"")])
def test_there_is_no_delta_from_or_to_nothing(base: bytes, image: bytes) -> None:
    with pytest.raises(WireError, match="not 0"):
        make_delta(base, image)


def test_a_delta_that_does_not_make_its_image_is_not_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = delta.difference
    monkeypatch.setattr(delta, "difference", lambda *run: bytes(byte ^ 1 for byte in honest(*run)))
    base = bytes(range(256)) * 8
    image = bytearray(base)
    image[1000] += 1
    with pytest.raises(DeltaFaultError):
        make_delta(base, bytes(image))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda made: made[:79], "the delta is damaged|makes another image"),
        (lambda made: made[:-1], "the delta is damaged"),
        (lambda made: made + b"\0" * 5, "the delta is damaged: a block of 0"),
        (lambda made: b"x" + made[1:], "no delta of format 1"),
        (lambda made: made[:50] + bytes([made[50] ^ 1]) + made[51:], "makes another image"),
    ],
)
def test_a_damaged_delta_is_refused(spoil: object, message: str) -> None:
    base, _, made = many_blocks()
    assert callable(spoil)
    with pytest.raises(DeltaFaultError, match=message):
        apply_delta(base, spoil(made))


def test_a_delta_of_another_base_is_refused() -> None:
    base, _, made = many_blocks()
    with pytest.raises(DeltaFaultError, match="another base"):
        apply_delta(base + b"x", made)
