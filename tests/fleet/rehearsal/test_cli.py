"""`plugtone sim fleet`: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleet.rehearsal.fleet import Rehearsal
from tools import cli

SCENARIO = """
about = "Forty units, and nobody asks for more."
units = 40
days = 0.2
tick_seconds = 1200
revision = [{{ revision = 1, share_percent = 100 }}]
plan = {{ group = [{{}}] }}
expect = {{ state = "{state}" }}
"""


def run(folder: Path, state: str, *options: str) -> int:
    path = folder / "night.toml"
    path.write_text(SCENARIO.format(state=state))
    with pytest.raises(SystemExit) as ended:
        cli.main(["sim", "fleet", "--scenario", str(path), *options])
    return int(ended.value.code or 0)


def test_a_run_as_expected_is_status_0_and_told_day_by_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "running", "--units", "30", "--seed", "4") == 0
    first, day, *rest = capsys.readouterr().out.splitlines()
    assert first == "Forty units, and nobody asks for more. 30 units, seed 4."
    assert day.startswith("day   0.0  running  group group 1: ")
    assert rest[0].startswith("running after 0.2 days, ")


def test_a_run_not_as_expected_is_status_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "stopped", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["as_expected"] is False
    assert told["faults"] == ["it is running after all, expected was stopped"]
    assert told["state"] == "running"
    assert sum(told["counts"].values()) <= 40


def test_a_scenario_that_cannot_be_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "great") == 2
    said = "".join(capsys.readouterr().err.replace("│", "").split())
    assert "night.toml:expect:state:Inputshouldbe'stopped'" in said


def test_who_interrupts_it_is_told_that_nothing_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    def interrupted(self: Rehearsal, _progress: object) -> None:
        folders.append(Path(str(self.service.transactions.engine.url.database)).parent)
        raise KeyboardInterrupt

    monkeypatch.setattr(Rehearsal, "run", interrupted)
    assert run(tmp_path, "running") == 1
    assert capsys.readouterr().err == "plugtone: interrupted; nothing of the rehearsal is kept, begin it anew\n"
    assert not folders[0].exists()
