"""Random lives of a line on both interpreters, held against each other."""

from __future__ import annotations

import os
import subprocess

from tests.conftest import REPOSITORY, micropython_path
from tests.firmware.adapter.line_trace import trace

TIMEOUT_S = 600


def compare(first: int, count: int, steps: int) -> list[str]:
    """Where lives of `count` seeds from `first` on differ; each of `steps` things that happen."""
    done = subprocess.run(
        [micropython_path(), "tests/firmware/adapter/line_trace.py", str(first), str(count), str(steps)],
        capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=TIMEOUT_S,
        env={**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"},
    )  # fmt: skip
    there = done.stdout.split("\n")[:-1]
    if len(there) != count or done.returncode:
        return [f"MicroPython lived {len(there)} of {count} lives: {done.stdout[-400:]}"]
    return [
        f"life {seed} of {steps} steps differs"
        for seed, found in enumerate(there, first)
        if found != trace(seed, steps)
    ]
