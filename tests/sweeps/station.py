"""WAREHOUSE's long checks of the station: it is killed at every step, and the network fails under it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.sweeps.sweep import Outcome, Sweep
from tests.tools.station.killing import killed_and_resumed
from tools.station.rehearsal import own_fleet

BOARDS, KILLS = 2, 2


def killed(seed: int) -> Outcome:
    """One rehearsal whose station is killed at moments drawn from `seed`, over one real fleet service."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        home = Path(folder)
        with own_fleet(home / "fleet") as (url, token):
            faults = killed_and_resumed(home / "world", url, token, seed, BOARDS, KILLS)
    return Outcome(1, tuple(faults), {"kills": KILLS})


SWEEPS = [Sweep("killed", "runs killed and resumed", killed)]
