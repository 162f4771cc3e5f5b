"""Something to say into a telephone, known sample by sample: syllables of gliding pitch, at the levels of mu-law.

G.711 takes such samples unchanged, so what is heard can be compared with what was said by bytes alone.
"""

from __future__ import annotations

import math
import random
from array import array
from bisect import bisect
from typing import Final

RATE_HZ: Final = 8000
FRAME_BYTES: Final = 320
_LOUD: Final = 1000
# ITU-T G.711 table 2: 8 segments of 16 steps, of either sign, in 16 bits.
_POSITIVE: Final = [(((step << 3) + 0x84) << segment) - 0x84 for segment in range(8) for step in range(16)]
_LEVELS: Final = sorted({sign * level for level in _POSITIVE for sign in (1, -1)})


def words(seconds: float, seed: int) -> bytes:
    """Samples of 16 bits, 8 kHz; another seed says something else."""
    chance = random.Random(seed)  # noqa: S311 - sounds, not secrets
    out = array("h")
    while len(out) < seconds * RATE_HZ:
        first, last, loud = chance.uniform(90, 180), chance.uniform(90, 180), chance.uniform(6000, 11000)
        partials = [chance.uniform(0.2, 1.0) for _ in range(8)]
        count = int(chance.uniform(0.12, 0.3) * RATE_HZ)
        phase = 0.0
        for at in range(count):
            phase += 2 * math.pi * (first + (last - first) * at / count) / RATE_HZ
            value = sum(part * math.sin((number + 1) * phase) for number, part in enumerate(partials)) / 4
            out.append(_level(value * loud * math.sin(math.pi * at / count)))
        out.extend([0] * int(chance.uniform(0.02, 0.06) * RATE_HZ))
    return out[: int(seconds * RATE_HZ)].tobytes()


def heard_of(said: bytes, heard: bytes) -> float:
    """The share of the loud frames of `said` that are in `heard`, in their order, sample by sample."""
    loud = [frame for frame in _frames(said) if max(map(abs, array("h", frame)), default=0) >= _LOUD]
    found = at = 0
    for frame in loud:
        place = heard.find(frame, at)
        if place >= 0:
            found, at = found + 1, place + len(frame)
    return found / len(loud) if loud else 0.0


def _level(value: float) -> int:
    return _LEVELS[min(bisect(_LEVELS, int(value)), len(_LEVELS) - 1)]


def _frames(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
