"""Frames of the USB link that come in parts: the same bytes, and one large block of the heap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocol.wire.link import decode_frame, encode_frame, frame_of
from tests.conftest import RunMicroPython

RUNS = st.one_of(st.binary(max_size=40), st.integers(250, 512).map(lambda size: b"x" * size), st.just(bytes(3)))


@given(st.lists(RUNS, max_size=6))
def test_parts_make_the_frame_of_the_whole(parts: list[bytes]) -> None:
    frame = bytes(frame_of(*parts))
    assert frame == encode_frame(b"".join(parts))
    assert frame.index(0) == len(frame) - 1
    assert decode_frame(frame[:-1]) == b"".join(parts)


def test_a_frame_of_1_kb_takes_one_block_of_that_size_and_small_ones(micropython: RunMicroPython) -> None:
    script = """
import gc
from protocol.wire.link import frame_of
head, data = b"h" * 20, b"x" * 1000  # without zeros: each costs small objects, in any encoder
frame_of(head, data)
gc.collect()
gc.disable()
before = gc.mem_alloc()
frame = frame_of(head, data)
print(gc.mem_alloc() - before)
"""
    assert (
        int(micropython(script)) < 4 * 1020
    )  # one block of it, a second in pieces of 254, and their views; it was 5.6
