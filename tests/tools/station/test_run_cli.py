"""`plugtone station run` as a process: three simulated boards and a fleet of its own; killed, and run again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY

LIMIT_S = 100


def run(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PLUGTONE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "station", "run", *arguments],
        cwd=REPOSITORY, env={**outside, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told(process: "subprocess.Popen[str]") -> tuple[list[dict[str, Any]], str]:
    out, err = process.communicate(timeout=LIMIT_S)
    return [json.loads(line) for line in out.splitlines()], err


def test_rehearsal_of_three_boards_ends_by_itself_with_three_units(tmp_path: Path) -> None:
    lines, err = told(run("--sim", "3", "--folder", str(tmp_path)))
    assert err == ""
    units = lines[-1]["summary"]["units"]
    assert len(units) == len(set(units.values())) == 3
    done = [line for line in lines if line.get("state") == "done"]
    assert {line["serial"] for line in done} == set(units)
    assert {path.stem for path in (tmp_path / "labels").glob("*.png")} == set(units)
    for line in done:
        assert sum(line["took_s"].values()) <= line["seconds"] + 0.5


def test_wrong_usage_is_told_in_one_line(tmp_path: Path) -> None:
    for arguments, said in (
        ((), "name the image and the folder of the labels"),
        (("--sim", "1", "--country", "usa"), "a country is two capital letters"),
    ):
        lines, err = told(run(*arguments))
        assert lines == []
        assert err.startswith("plugtone: ")
        assert said in err
        assert err.count("\n") == 1
