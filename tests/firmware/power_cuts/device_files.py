"""Runs files_on_device.py under MicroPython: the sweep of the metadata files on MicroPython's own littlefs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.conftest import micropython_path

ROOT = Path(__file__).parents[3]
BLOCKS = 24
TIMEOUT_S = 300
_HEAP = "16M"


def sweep_files(seed: int, share: int, broken: bool = False) -> tuple[int, list[str]]:
    """(cut points, what went wrong) of one in `share` cut points of the steps that `seed` gives."""
    wanted = json.dumps({"seed": seed, "blocks": BLOCKS, "share": share, "broken": broken})
    done = subprocess.run(
        [micropython_path(), "-X", f"heapsize={_HEAP}", str(Path(__file__).with_name("files_on_device.py"))],
        input=wanted.encode() + b"\n", capture_output=True, check=False, timeout=TIMEOUT_S,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:{ROOT / 'firmware'}:.frozen"},
    )  # fmt: skip
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode:
        return 0, [f"MicroPython ended with status {done.returncode}: {lines[-3:]}"]
    return int(lines[-1].split()[1]), lines[:-1]
