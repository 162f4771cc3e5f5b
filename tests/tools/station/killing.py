"""`plugtone station run` is killed at moments drawn from a seed and begun again; then all is as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tools.client import FleetClient
from tools.sim.board import SimBoard
from tools.station.link import UnitLink
from tools.station.watch import opened

LIMIT_S = 100
LINES_A_BOARD = 13
MOMENT_S = 0.15


def run(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The station as a process, with nothing of this one's fleet in its environment."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PLUGTONE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "station", "run", *arguments],
        cwd=REPOSITORY, env={**outside, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told(process: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], str]:
    """What a process said until its end."""
    out, err = process.communicate(timeout=LIMIT_S)
    return [json.loads(line) for line in out.splitlines()], err


def killed_and_resumed(
    folder: Path, image: Path, url: str, token: str, seed: int, boards: int, kills: int
) -> list[str]:
    """What is wrong after `kills` deaths and one whole run; empty if nothing is."""
    chance = random.Random(seed)
    arguments = ("--json", "--sim", str(boards), "--folder", str(folder), "--image", str(image))
    environment = {"PLUGTONE_URL": url, "PLUGTONE_TOKEN": token}
    claimed: set[str] = set()
    with FleetClient(url, token) as fleet:
        for _ in range(kills):
            process = run(*arguments, **environment)
            try:
                claimed |= _until_killed(process, chance, boards)
            finally:
                process.kill()
                process.communicate()
            early = {serial for serial in claimed if fleet.get(f"/v1/units/{serial}")["custody"] != "in_stock"}
            if early:
                return [f"{sorted(early)} were called done and are not in stock"]
        lines, err = told(run(*arguments, **environment))
        units = list(fleet.items("/v1/units"))
        (block,) = fleet.items("/v1/mac-blocks")
    faults = [err] if err else []
    serials = {unit["serial"] for unit in units}
    if not lines or set(lines[-1].get("summary", {}).get("units", ())) != serials or not claimed <= serials:
        faults.append(f"{sorted(serials)} are units, the station says {lines[-1:]}")
    if [unit["custody"] for unit in units] != ["in_stock"] * boards or len({u["mac"] for u in units}) != boards:
        faults.append(f"{boards} boards became {[(unit['serial'], unit['mac'], unit['custody']) for unit in units]}")
    if (block["given"], block["taken"]) != (boards, boards):
        faults.append(f"{boards} boards, {block['given']} addresses given of {block['taken']} taken")
    return faults + [fault for n in range(boards) for fault in _faults_of(folder / f"board-{n + 1}", serials)]


def _until_killed(process: subprocess.Popen[str], chance: random.Random, boards: int) -> set[str]:
    """Reads so many lines, and a moment more; who was called done."""
    done = set()
    assert process.stdout
    for _ in range(chance.randint(1, LINES_A_BOARD * boards)):
        line = process.stdout.readline()
        if not line:
            break
        facts = json.loads(line)
        if facts.get("state") == "done":
            done.add(facts["serial"])
    with suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0.0, MOMENT_S))
    return done


def _faults_of(folder: Path, serials: set[str]) -> list[str]:
    """What the board itself says: it is a locked unit of the fleet, with a label."""
    with SimBoard(folder) as board:
        board.power_on()
        with opened(board.usb) as port:
            answer = UnitLink(port).find()
    facts = (answer.name, answer.values.get("mode"), answer.values.get("provisioned"))
    serial = answer.values.get("serial")
    labelled = (folder.parent / "labels" / f"{serial}.png").is_file()
    if facts[0] != "hello_reply" or not facts[2] or serial not in serials or not labelled:
        return [f"{folder.name} is {facts} {serial}, labelled: {labelled}"]
    return []
