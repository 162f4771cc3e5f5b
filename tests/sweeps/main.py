"""MAIN's long checks: the story under fire, and the wire's two interpreters against each other."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sweeps.sweep import Outcome, Sweep

STORY_LIMIT_S = 300


def story(seed: int) -> Outcome:
    """One story in which service, broker, units and cables fail at moments drawn from `seed`; counts the kills."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        command = ["demo", "--json", "--chaos", str(seed), "--folder", str(Path(folder) / "story")]
        done = subprocess.run(
            [sys.executable, "-m", "tools.cli", *command],
            capture_output=True, check=False, timeout=STORY_LIMIT_S, text=True,
        )  # fmt: skip
        if not done.stdout:
            return Outcome(0, (done.stderr.strip()[-400:],))
        told = json.loads(done.stdout)
        failures = tuple(
            f"{step['title']}: {step['error'] or 'not observed'}"
            for step in told["steps"]
            if step["error"] or not step["observed"]
        )
        if done.returncode and not failures:
            failures = (f"exit status {done.returncode}",)
        return Outcome(1, failures)


SWEEPS = [Sweep("story", "stories", story)]
