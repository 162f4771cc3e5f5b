"""Whether what one end heard is what the other end said: where it begins, and which frames of it are missing.

Samples are compared as G.711 leaves them: each code's step is at most a sixteenth of the sample.
"""

from __future__ import annotations

import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8000
FRAME = 160
_LOUD = 1000  # peak of a frame by which the beginning is found
_SLIP = 400  # samples that a frame may come later or earlier than after the one before


@dataclass(frozen=True)
class Alignment:
    """`offset`: samples before the speech; `frames` were compared, `missing` are the numbers of those not in place.

    Of what is nowhere all frames are missing, and its offset is None.
    """

    offset: int | None
    frames: int
    missing: list[int]


def read_wav(path: Path) -> array[int]:
    """The samples of a WAV file of 8 kHz, 16 bits, mono."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE_HZ, 2, 1), str(path)
        return array("h", file.readframes(file.getnframes()))


def same(said: int, heard: int) -> bool:
    """Whether `heard` is `said` after G.711, of either law, once or twice."""
    return abs(said - heard) <= 24 + abs(said) // 12


def align(said: array[int], heard: array[int]) -> Alignment:
    """Finds the frames of `said` in `heard`, in order."""
    loud = [at for at in range(0, len(said) - FRAME, FRAME) if max(map(abs, said[at : at + FRAME])) >= _LOUD]
    assert loud, "what was said is silent"
    start = next(
        (at for at in (_find(said, one, heard, 0, len(heard)) - one for one in loud[:20]) if at > -FRAME), None
    )
    if start is None:
        return Alignment(None, len(loud), [one // FRAME for one in loud])
    missing, shift = [], start
    for one in loud:
        at = one + shift
        if not _matches(said, one, heard, at):
            missing.append(one // FRAME)
            found = _find(said, one, heard, at - _SLIP, at + _SLIP)
            if found >= 0:  # it came, but something was put before it, or taken
                shift = found - one
    return Alignment(start, len(loud), missing)


def _find(said: array[int], one: int, heard: array[int], first: int, last: int) -> int:
    """Where in `heard` the frame at `one` is, -2 * FRAME - one if nowhere."""
    for at in range(max(0, first), min(last, len(heard) - FRAME)):
        if _matches(said, one, heard, at):
            return at
    return -2 * FRAME


def _matches(said: array[int], one: int, heard: array[int], at: int) -> bool:
    if at < 0 or at + FRAME > len(heard):
        return False
    return all(same(said[one + n], heard[at + n]) for n in range(FRAME))
