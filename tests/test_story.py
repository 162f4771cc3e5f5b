"""The whole story by the command a person runs, and with parts of it killed at random moments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

STORY_LIMIT_S = 60
CHAOS_SEEDS = (1, 2)


def tell(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli", "demo", "--json", "--folder", str(folder), *arguments],
        capture_output=True, check=False, timeout=4 * STORY_LIMIT_S, text=True,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def processes_of(folder: Path) -> list[str]:
    """The command lines of processes that name the story's folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


@pytest.mark.slow
def test_every_step_is_observed_in_a_minute_and_nothing_is_left_running(tmp_path: Path) -> None:
    folder = tmp_path / "story"
    status, told = tell(folder)
    failed = [step for step in told["steps"] if step["error"] or not step["observed"]]
    assert not failed
    assert status == 0
    assert told["seconds"] < STORY_LIMIT_S
    assert [unit["trust"] for unit in told["units"]].count("revoked") == 1
    assert {unit["runtime"] for unit in told["boards"]} == {"micropython"}
    assert not processes_of(folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", CHAOS_SEEDS)
def test_story_ends_right_whatever_is_killed(tmp_path: Path, seed: int) -> None:
    status, told = tell(tmp_path / "story", "--chaos", str(seed))
    failed = [step for step in told["steps"] if step["error"] or not step["observed"]]
    assert not failed, (tmp_path / "story" / "service.log").read_text()[-2000:]
    assert status == 0
    assert told["kills"]
