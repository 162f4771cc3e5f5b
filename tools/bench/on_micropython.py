"""Readings of a script that MicroPython runs with the unit's own modules and a flash in a file."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from boards import catalogue
from tools.bench.minor_release import BOARD
from tools.release.build import REPOSITORY
from tools.sim.launcher import micropython

_HEAP: Final = "4M"
_TIMEOUT_S: Final = 300
_ERASED: Final = b"\xff"

# What each script begins with: `facts`, as `readings` was given them, and a flash.
_PRELUDE = """
import json, sys
from ports.unix.flash import Flash
facts = json.loads(sys.stdin.read())
partitions = {name: tuple(place) for name, place in facts["partitions"].items()}
flash = Flash(facts["flash"], facts["bytes"], facts["block_bytes"], partitions)
"""


def readings(
    script: str, rounds: int, files: Mapping[str, bytes], facts: Mapping[str, Any], slot_a: bytes = b""
) -> list[list[int]]:
    """The integers `script` prints in each of `rounds` lines, after a first one that warms up.

    It finds `flash` with `slot_a` written, and in `facts` what is given, `rounds`, and the path of each of `files`.
    """
    board = catalogue.load(BOARD)
    places = {name: (part.offset, part.bytes) for name, part in board.flash.partitions.items()}
    at = places["slot_a"][0]
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        flash = _ERASED * at + slot_a + _ERASED * (board.flash.bytes - at - len(slot_a))
        for name, data in {**files, "flash": flash, "script.py": (_PRELUDE + script).encode()}.items():
            (folder / name).write_bytes(data)
        given = {
            **facts, "bytes": board.flash.bytes, "block_bytes": board.flash.block_bytes, "partitions": places,
            "rounds": rounds, **{name: str(folder / name) for name in (*files, "flash")},
        }  # fmt: skip
        done = subprocess.run(
            [micropython(), "-X", f"heapsize={_HEAP}", str(folder / "script.py")],
            input=json.dumps(given), capture_output=True, check=True, text=True, timeout=_TIMEOUT_S,
            env={**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"},
        )  # fmt: skip
    return [[int(text) for text in line.split()] for line in done.stdout.splitlines()[1:]]
