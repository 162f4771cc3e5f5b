"""Something like speech that is known sample by sample: no two of its frames are alike, so that a lost one shows."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path
from random import Random

RATE_HZ = 8000


def speech(seconds: float, seed: int = 1) -> array[int]:
    """Voiced syllables of gliding pitch with short pauses, 8 kHz, 16 bits."""
    chance = Random(f"speech/{seed}")
    out = array("h")
    while len(out) < seconds * RATE_HZ:
        first, last, loud = chance.uniform(90, 180), chance.uniform(90, 180), chance.uniform(6000, 11000)
        formants = [chance.uniform(0.2, 1.0) for _ in range(12)]
        count = int(chance.uniform(0.12, 0.3) * RATE_HZ)
        phase = 0.0
        for n in range(count):
            phase += 2 * math.pi * (first + (last - first) * n / count) / RATE_HZ
            value = sum(part * math.sin((k + 1) * phase + k) for k, part in enumerate(formants)) / 3
            rough = chance.uniform(-0.08, 0.08)
            out.append(int(max(-1.0, min(1.0, (value + rough) * math.sin(math.pi * n / count))) * loud))
        out.extend([0] * int(chance.uniform(0.02, 0.08) * RATE_HZ))
    return out[: int(seconds * RATE_HZ)]


def write_wav(path: Path, samples: array[int], silence_s: float = 0.0) -> Path:
    """The samples as a WAV file, with silence after them."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples + array("h", [0] * int(silence_s * RATE_HZ))).tobytes())
    return path
