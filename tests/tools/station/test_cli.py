"""`plugtone station flash` as a process: killed at any line it prints, and run again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.tools.station.conftest import Bench
from tests.tools.station.fleet_double import served

LIMIT_S = 60


def start(bench: Bench, url: str, *ports: Path) -> "subprocess.Popen[str]":
    image = bench.folder / "1.0.0.img"
    image.write_bytes(bench.image)
    named = [text for port in ports for text in ("--port", str(port))]
    return subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "station", "flash", "--json", *named,
         "--image", str(image), "--labels", str(bench.folder / "labels")],
        cwd=REPOSITORY, env={**os.environ, "PLUGTONE_URL": url, "PLUGTONE_TOKEN": "plt_test"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(bench: Bench, url: str, *ports: Path) -> tuple[int, list[dict[str, Any]], str]:
    process = start(bench, url, *ports)
    out, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def test_station_killed_again_and_again_gets_there(bench: Bench) -> None:
    board = bench.board()
    with served(bench.fleet) as url:
        for lines in (1, 4, 7, 10, 13, 16):
            process = start(bench, url, board.usb)
            assert process.stdout
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
            process.communicate(timeout=LIMIT_S)
        status, told, _ = run(bench, url, board.usb)
    assert status == 0
    assert [line["unit"]["serial"] for line in told if "unit" in line] == list(bench.fleet.stocked)
    assert len(bench.fleet.units) == 1


def test_one_board_that_fails_does_not_stop_the_other(bench: Bench) -> None:
    good, bad = bench.board(1), bench.board(2)
    bad.set_ethernet(False)
    with served(bench.fleet) as url:
        status, told, err = run(bench, url, good.usb, bad.usb)
    assert status == 1
    assert [line["port"] for line in told if "unit" in line] == [str(good.usb)]
    (failure,) = [line for line in told if "error" in line]
    assert failure["port"] == str(bad.usb)
    assert "failed its self-test: the Ethernet port has no link" in failure["error"]
    assert err == "plugtone: 1 of 2 boards did not get into stock; run the same command again\n"
    assert len(bench.fleet.stocked) == 1


@pytest.mark.parametrize("missing", ["port", "image", "twice"])
def test_wrong_usage_is_told_in_one_line(bench: Bench, missing: str) -> None:
    port = bench.folder / "no-such-port"
    if missing == "image":
        bench.image = b"no image"
    status, told, err = run(bench, "http://127.0.0.1:9", *([port, port] if missing == "twice" else [port]))
    assert status == 1
    said = " ".join(line["error"] for line in told) + err
    assert {"port": "cannot open", "image": "an image header has 256 bytes", "twice": "different ports"}[
        missing
    ] in said
    assert "Traceback" not in err
