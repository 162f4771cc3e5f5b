"""Runs the firmware on one mutant: an exception that it should not raise, and a second too many, are faults."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

MAX_CASE_S = 1.0


def run_one(kind: str, data: bytes, run: Callable[[], Any], faults: list[str]) -> Any:
    """What `run` makes of the mutant `data`, None after an exception; `faults` gets what went wrong, in words."""
    started = time.process_time()
    try:
        found = run()
    except Exception as error:
        faults.append(f"{kind}: {type(error).__name__}: {error} of {data!r}")
        found = None
    if time.process_time() - started > MAX_CASE_S:
        faults.append(f"{kind}: took {time.process_time() - started:.1f} s: {data!r}")
    return found
