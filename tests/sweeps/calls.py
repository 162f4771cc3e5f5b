"""LINE's long check of calls: 300 in a row between two units, of every kind, with no leak."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.firmware.calls_in_a_row import play
from tests.sweeps.sweep import Outcome, Sweep

CALLS = 300  # a seed


def calls(seed: int) -> Outcome:
    """300 calls with the RFC's own timers; the heap's growth of both units is summed up."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        result = play(Path(folder), seed, CALLS, hurried=False)
    return Outcome(result.calls, tuple(result.faults), {"bytes_of_heap_grown": max(0, sum(result.grown_bytes))})


SWEEPS = [Sweep("calls in a row", "calls", calls)]
