"""WAREHOUSE's long checks of the station: it is killed at every step, and sixteen boards are labelled in time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.sweeps.sweep import Outcome, Sweep
from tests.tools.station.killing import killed_and_resumed, run, told
from tools.station.rehearsal import first_image, own_fleet

BOARDS, KILLS = 2, 2
SIXTEEN = 16
LABELLED_LIMIT_S = 45.0  # issue 6, Done when 1


def killed(seed: int) -> Outcome:
    """One rehearsal whose station is killed at moments drawn from `seed`, over one real fleet service."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        home = Path(folder)
        image = home / "1.0.0.img"
        image.write_bytes(first_image())
        with own_fleet(home / "fleet") as (url, token):
            faults = killed_and_resumed(home / "world", image, url, token, seed, BOARDS, KILLS)
    return Outcome(1, tuple(faults), {"kills": KILLS})


def sixteen(seed: int) -> Outcome:
    """Sixteen boards side by side, from the command to its end: all labelled in time, none twice."""
    began = time.monotonic()
    lines, err = told(run("--sim", str(SIXTEEN)))
    took_s = time.monotonic() - began
    units = lines[-1].get("summary", {}).get("units", {}) if lines else {}
    faults = [err] if err else []
    if not len(units) == len(set(units.values())) == SIXTEEN:
        faults.append(f"{SIXTEEN} boards became {units}")
    if took_s > LABELLED_LIMIT_S:
        faults.append(f"took {took_s:.1f} s, at most {LABELLED_LIMIT_S:.0f} s")
    return Outcome(len(units), tuple(faults))


SWEEPS = [Sweep("killed", "runs killed and resumed", killed), Sweep("sixteen", "boards side by side", sixteen)]
