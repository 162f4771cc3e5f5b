"""What the story says into its telephones comes through G.711 unchanged, and its absence is noticed."""

from __future__ import annotations

import pytest

from adapter.media.stream import Stream
from tools.demo.words import FRAME_BYTES, RATE_HZ, heard_of, words


def sent_and_heard(said: bytes) -> bytes:
    """Through two of the firmware's streams, mu-law."""
    mouth, ear = (Stream("PCMU", 20, (101, 101), lambda count: bytes(range(count))) for _ in range(2))
    out, frame = bytearray(), bytearray(FRAME_BYTES)
    silence = bytes(FRAME_BYTES)
    for number in range(len(said) // FRAME_BYTES + 10):
        spoken = said[number * FRAME_BYTES : (number + 1) * FRAME_BYTES].ljust(FRAME_BYTES, b"\0") or silence
        length = mouth.send(bytearray(spoken), 20 * number)
        ear.push(mouth.packet, length, 20 * number)
        ear.pull(frame)
        out += frame
    return bytes(out)


def test_words_last_as_long_as_asked_and_differ_by_seed() -> None:
    assert len(words(0.5, 1)) == RATE_HZ
    assert words(0.5, 1) == words(0.5, 1) != words(0.5, 2)


def test_words_come_through_a_call_sample_by_sample() -> None:
    said = words(1.0, 1)
    assert heard_of(said, sent_and_heard(said)) >= 0.9
    assert heard_of(said, bytes(1000) + said + bytes(1000)) == 1.0


@pytest.mark.parametrize("heard", [b"", bytes(16_000), words(1.0, 2), words(1.0, 1)[::-1]])
def test_anything_else_is_not_taken_for_them(heard: bytes) -> None:
    assert heard_of(words(1.0, 1), heard) == 0.0


def test_what_is_missing_is_missed() -> None:
    said = words(1.0, 1)
    assert heard_of(said, said[: len(said) // 2]) == pytest.approx(0.5, abs=0.15)
    assert heard_of(bytes(1000), bytes(1000)) == 0.0
