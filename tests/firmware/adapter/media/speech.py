"""Three voices of espeak-ng, and how well they are heard: narrowband PESQ (P.862.1, as PyPI's `pesq` gives it)."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from functools import cache

# voice -> what it says: sentences of the Harvard lists, which sound telephone lines since 1944
VOICES = {
    "en-us": "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well.",
    "en-gb+f3": "These days a chicken leg is a rare dish. Rice is often served in round bowls. "
    "The juice of lemons makes fine punch.",
    "en-gb-scotland+m3": "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. "
    "Four hours of steady work faced us.",
}
PROGRAMS = ("espeak-ng", "sox")
RATE = 8000
FRAME_BYTES = 320
TIMEOUT_S = 30


def missing() -> str:
    """What is not installed of what this needs, for a test to skip."""
    try:
        import pesq  # noqa: F401
    except ImportError:
        return "pesq (make test installs it)"
    return ", ".join(program for program in PROGRAMS if not shutil.which(program))


@cache
def spoken(voice: str) -> bytes:
    """Whole frames of 16-bit samples at 8 kHz of one of VOICES, the loudest 6 dB below overload."""
    said = _run(["espeak-ng", "-v", voice, "-s", "150", "--stdout", VOICES[voice]], b"")
    with wave.open(io.BytesIO(said)) as file:
        samples, rate = file.readframes(file.getnframes()), file.getframerate()
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r"]
    data = _run(["sox", "-D", *raw, str(rate), "-", *raw, str(RATE), "-", "norm", "-6"], samples)
    return data[: len(data) // FRAME_BYTES * FRAME_BYTES]


def score(said: bytes, heard: bytes) -> float:
    """MOS-LQO, 1 to 4.55."""
    import numpy
    from pesq import pesq

    return float(pesq(RATE, numpy.frombuffer(said, "<i2"), numpy.frombuffer(heard, "<i2"), "nb"))


def _run(command: list[str], given: bytes) -> bytes:
    return subprocess.run(command, input=given, check=True, capture_output=True, timeout=TIMEOUT_S).stdout
