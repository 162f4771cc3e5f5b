"""WAREHOUSE's long checks: frames at the USB link of units in every mode."""

from __future__ import annotations

from tests.sweeps.sweep import Outcome, Sweep
from tests.usb_door.link_fuzz import MODES, fuzz

FRAMES = 10_000  # a mode and seed


def link(seed: int) -> Outcome:
    """Frames at a unit in each mode in turn."""
    found = fuzz(MODES[seed % len(MODES)], seed, FRAMES)
    return Outcome(found.frames, (found.fault,) if found.fault else (), {"answers": found.answers})


SWEEPS = [Sweep("link", "frames", link)]
