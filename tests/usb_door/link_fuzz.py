"""Frames at the link of a unit under MicroPython, from the host: a seed and a count in, what went wrong out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.conftest import REPOSITORY, micropython_path

MODES = ("locked", "reset", "half", "factory")
_SCRIPT = Path(__file__).with_name("fuzz_on_device.py")
_HEAP = "2M"  # the firmware's sources are compiled on it
_LIMIT_US_A_FRAME = 20_000  # a unit that hangs is told from one on a busy machine


class Fuzzed(NamedTuple):
    """`answers` the unit gave to `frames`; `fault` in words, empty if there is none."""

    frames: int
    answers: int
    fault: str


def fuzz(mode: str, seed: int, frames: int, broken: str = "") -> Fuzzed:
    """`frames` at a unit in `mode`; `broken` is Python that makes its firmware worse first."""
    environment = {**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"}
    command = [micropython_path(), "-X", f"heapsize={_HEAP}"]
    command += ["-c", f"{broken}\n{_SCRIPT.read_text()}".replace("sys.argv", repr(["", mode, str(seed), str(frames)]))]
    limit_s = 30 + frames * _LIMIT_US_A_FRAME / 1e6
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return Fuzzed(frames, 0, f"{mode}, seed {seed}: no end within {limit_s:.0f} s")
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    if done.returncode:
        return Fuzzed(frames, 0, f"{mode}, seed {seed}: {said[-600:]}")
    counted, answers, _ = (int(word) for word in said.split())
    return Fuzzed(counted, answers, "")
