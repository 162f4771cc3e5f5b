"""`make soak AREA=... MINUTES=30`: runs an area's sweeps to the budget, on from where the last run stopped.

Totals live in .soak/AREA.json, written after every seed, so that a run may be killed and goes on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.sweeps.sweep import Sweep

ROOT = Path(__file__).parent.parent
TOTALS_DIR = ROOT / ".soak"


def read_totals(area: str) -> dict[str, Any]:
    """Per sweep: next seed, count, failures (each with its seed), and its further counts (sweeps/sweep.py)."""
    path = TOTALS_DIR / f"{area}.json"
    totals: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return totals


def write_totals(area: str, totals: dict[str, Any]) -> None:
    TOTALS_DIR.mkdir(exist_ok=True)
    path = TOTALS_DIR / f"{area}.json"
    path.with_suffix(".tmp").write_text(json.dumps(totals, indent=1, sort_keys=True) + "\n")
    path.with_suffix(".tmp").replace(path)


def soak(area: str, sweeps: list[Sweep], minutes: float) -> int:
    """Run the sweeps in turn until the budget is spent; the number of failures in this run."""
    totals = read_totals(area)
    until = time.monotonic() + minutes * 60
    reached = {sweep.name: 0 for sweep in sweeps}
    failed = 0
    while time.monotonic() < until:
        for sweep in sweeps:
            total = totals.setdefault(sweep.name, {"next_seed": 0, "count": 0, "failures": []})
            seed = total["next_seed"]
            outcome = sweep.run(seed)
            reached[sweep.name] += outcome.count
            failed += len(outcome.failures)
            total["next_seed"] = seed + 1
            total["count"] += outcome.count
            total["failures"] += [f"seed {seed}: {failure}" for failure in outcome.failures]
            for name, count in outcome.added.items():
                total[name] = total.get(name, 0) + count
            total.update(outcome.standing)
            write_totals(area, totals)
            left = max(0.0, until - time.monotonic())
            print(
                f"soak {area}: {sweep.name} seed {seed}: {reached[sweep.name]:,} {sweep.unit} this run, "
                f"{total['count']:,} in all, {len(total['failures'])} failed, {left / 60:.1f} min left",
                flush=True,
            )
            for failure in outcome.failures:
                print(f"  FAILED {failure}", flush=True)
            if left <= 0:
                break
    for sweep in sweeps:
        total = totals.get(sweep.name, {"count": 0, "failures": []})
        print(
            f"{area}/{sweep.name}: {reached[sweep.name]:,} {sweep.unit} this run, "
            f"{total['count']:,} over all runs, {len(total['failures'])} failures"
        )
        for name in sorted(total.keys() - {"count", "failures", "next_seed"}):
            print(f"{area}/{sweep.name}: {total[name]:,} {name.replace('_', ' ')} over all runs")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="example: make soak AREA=main MINUTES=30")
    parser.add_argument("--area", default="main")
    parser.add_argument("--minutes", type=float, default=30.0)
    arguments = parser.parse_args()
    try:
        module = importlib.import_module(f"tests.sweeps.{arguments.area}")
    except ModuleNotFoundError:
        areas = {path.stem for path in (ROOT / "tests/sweeps").glob("*.py")} - {"__init__", "sweep"}
        known = ", ".join(sorted(areas))
        print(f"soak: no area {arguments.area!r}; known: {known}", file=sys.stderr)
        return 2
    return 1 if soak(arguments.area, module.SWEEPS, arguments.minutes) else 0


if __name__ == "__main__":
    sys.exit(main())
