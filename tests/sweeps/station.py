"""WAREHOUSE's long checks of the station: killed at every step, before and after a reset; sixteen boards in time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.firmware.power_cuts import stand_ins

stand_ins.install()
from tests.sweeps.sweep import Outcome, Sweep  # noqa: E402
from tests.tools.station.killing import killed_and_resumed, run, told  # noqa: E402
from tests.tools.station.resetting import cut_again_and_again  # noqa: E402
from tools.station.rehearsal import first_image, own_fleet  # noqa: E402

BOARDS, KILLS = 2, 2
CUTS = 6
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


def reset(seed: int) -> Outcome:
    """One unit that was reset, whose station is cut at moments drawn from `seed`; strangers try it each time."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        faults = cut_again_and_again(Path(folder), first_image(), seed, CUTS)
    return Outcome(1, tuple(faults), {"cuts": CUTS})


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


SWEEPS = [
    Sweep("killed", "runs killed and resumed", killed),
    Sweep("reset", "reset units cut and resumed", reset),
    Sweep("sixteen", "boards side by side", sixteen),
]
