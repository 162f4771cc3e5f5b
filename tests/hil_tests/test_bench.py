"""What a bench file may say, and what it is told where it makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards import catalogue
from hil_tests.rig.bench import ABILITIES, bench_of, read_bench
from hil_tests.rig.errors import BenchFileError

BENCHES = Path(__file__).parents[2] / "hil_tests" / "benches"
PLACE = '[[place]]\nboard = "wesp32"\nport = "/dev/ttyUSB0"\n'
SWITCH = '[place.power]\non = ["a"]\noff = ["b"]\nstate = ["c"]\n'
WRONG = {
    "no place": ('name = "x"\n', "place"),
    "no such board": ('name = "x"\n[[place]]\nboard = "toaster"\nport = "p"\n', "toaster"),
    "no port": ('name = "x"\n[[place]]\nboard = "wesp32"\n', "port"),
    "a port twice": (f'name = "x"\n{PLACE}{PLACE}', "same port"),
    "half a switch": (f'name = "x"\n{PLACE}[place.power]\non = ["a"]\n', "off"),
    "an empty command": (f'name = "x"\n{PLACE}{SWITCH.replace("[" + chr(34) + "b" + chr(34) + "]", "[]")}', "off"),
    "no such field": (f'name = "x"\n{PLACE}colour = "red"\n', "colour"),
    "no such ability": (f'name = "x"\n{PLACE}[lacks]\ncoffee = "none"\n', "coffee"),
    "a capture without a file": (f'name = "x"\n{PLACE}[capture]\ncommand = ["tcpdump"]\n', "{file}"),
    "a wrong uid": (f'name = "x"\n{PLACE}uid = "12"\n', "uid"),
    "no TOML": ("name = \n", "no TOML"),
}


@pytest.mark.parametrize(("text", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_told_by_its_field(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    with pytest.raises(BenchFileError, match=str(path)) as caught:
        read_bench(path)
    assert named in str(caught.value)


@pytest.mark.parametrize("path", sorted(BENCHES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_are_right(path: Path) -> None:
    assert read_bench(path).place


def test_the_simulated_bench_has_everything() -> None:
    bench = bench_of("sim", None)
    assert [ability for ability in ABILITIES if bench.why_not(ability)] == []


@pytest.mark.parametrize("board", [name for name in catalogue.names() if name != "simulated"])
def test_a_board_by_its_port_alone_has_nothing_and_says_so(board: str) -> None:
    bench = bench_of(board, "/dev/ttyUSB0")
    assert {ability: bench.why_not(ability) for ability in ABILITIES} == ABILITIES


def test_a_board_without_a_port_is_refused() -> None:
    with pytest.raises(BenchFileError, match="needs the port"):
        bench_of("wesp32", None)


def test_the_reason_of_the_bench_file_goes_before_the_rigs_own(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(f'name = "x"\n{PLACE}{SWITCH}[lacks]\npower = "the relay is at the mender\'s"\n')
    bench = read_bench(path)
    assert bench.why_not("power") == "the relay is at the mender's"
    assert bench.why_not("ethernet") == ABILITIES["ethernet"]
