"""`plugtone station run` as a process: three simulated boards and a fleet of its own; killed, and run again."""

from pathlib import Path

import pytest

from fleet.services.build import Services
from tests.tools.station.away import Day
from tests.tools.station.killing import killed_and_resumed, run, told
from tools.release.keys import OfflineKeys


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


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_anywhere_and_run_again_no_unit_is_lost_double_or_half_done(
    services: Services,
    url: str,
    tmp_path: Path,
    offline_keys: OfflineKeys,
    image: bytes,
    seed: int,
) -> None:
    (tmp_path / "1.0.0.img").write_bytes(image)
    day = Day(services, url, tmp_path)
    day.open(offline_keys)
    assert killed_and_resumed(tmp_path / "world", tmp_path / "1.0.0.img", url, day.token, seed, 2, 2) == []


def test_wrong_usage_is_told_in_one_line() -> None:
    for arguments, said in (
        ((), "name the image and the folder of the labels"),
        (("--sim", "1", "--country", "usa"), "a country is two capital letters"),
        (("--sim", "1", "--country", "A1"), "a country is two capital letters"),
        (("--sim", "1", "--station", "bench 3"), "a station's name is"),
        (("--sim", "1", "--dpi", "250"), "a label printer has 203, 300, 600 dots an inch"),
    ):
        lines, err = told(run(*arguments))
        assert lines == []
        assert err.startswith("plugtone: ")
        assert said in err
        assert err.count("\n") == 1
