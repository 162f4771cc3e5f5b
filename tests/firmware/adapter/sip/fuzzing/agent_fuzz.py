"""Mutants of what a peer could say next, fed to agents in every state under MicroPython: no error, no leak, an answer.

Of a seed always the same mutants come.
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
from pathlib import Path

from tests.conftest import micropython_path
from tests.firmware.adapter.sip.fuzzing.agent_bench import STATES, Bench
from tests.firmware.adapter.sip.fuzzing.sip_fuzz import changed

ROOT = Path(__file__).parents[5]
MAX_GROWTH_BYTES = 1024
MUTANTS_OF_ONE = 200  # before the next agent
FRESH = 0x80
TIMEOUT_S = 300
_MAX_BYTES = 4200
_HEAP = "256K"


def mutants(seed: int, count: int) -> list[tuple[int, bytes]]:
    """(number of the state, with FRESH for a new agent; datagram)."""
    chance = random.Random(f"agent/{seed}")
    sources = [Bench(state).nexts() for state in STATES]
    out = []
    state = 0
    for at in range(count):
        fresh = at % MUTANTS_OF_ONE == 0
        if fresh:
            state = at // MUTANTS_OF_ONE % len(STATES)
        data = chance.choice(sources[state])
        if chance.random() < 0.9:
            data = changed(data, sources[state], chance)
        out.append((state | FRESH * fresh, data[:_MAX_BYTES]))
    return out


def fuzz(seed: int, count: int) -> list[str]:
    """What went wrong."""
    done = subprocess.run(
        [micropython_path(), "-X", f"heapsize={_HEAP}", str(Path(__file__).with_name("agent_on_device.py"))],
        input=b"".join(struct.pack(">BH", state, len(data)) + data for state, data in mutants(seed, count)),
        capture_output=True, check=False, timeout=TIMEOUT_S,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:{ROOT / 'firmware'}:.frozen"},
    )  # fmt: skip
    *faults, last = done.stdout.decode(errors="replace").splitlines() or [f"status {done.returncode}"]
    used = last.split(" ")
    if len(used) != 2 or not used[0].isdigit():
        return [*faults, f"it ended early: {last} {done.stderr.decode(errors='replace')[-400:]}"]
    if int(used[1]) - int(used[0]) > MAX_GROWTH_BYTES:
        faults.append(f"the heap grew from {used[0]} to {used[1]} bytes in {count} messages")
    return faults
