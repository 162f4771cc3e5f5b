"""The telephone program at a real line under MicroPython: by its class, and as a command."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, micropython_path
from tests.stalls import tries
from tools import cli
from tools.sim.folder import SimulationError
from tools.sim.handset import read_wav, write_wav
from tools.sim.hearing import Caller
from tools.sim.phone import Phone
from tools.sim.phone_steps import Step, StepError, parsed

LIMIT_S = 10.0
LIFE_MS = 30_000
SPEECH_S = 0.6
SPEECH = random.Random(5).randbytes(round(16_000 * SPEECH_S))  # which no shift of it looks like
Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def run() -> subprocess.Popen[str]:
        unit = subprocess.Popen(
            [micropython_path(), str(Path(__file__).with_name("phone_unit.py")), str(tmp_path), str(LIFE_MS)],
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"},
        )  # fmt: skip
        started.append(unit)
        return unit

    yield run
    for unit in started:
        unit.kill()
        unit.communicate()


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    with Phone(tmp_path) as made:
        yield made


def plugtone(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", "sim", "phone", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, cwd=REPOSITORY,
    )  # fmt: skip


def test_it_speaks_into_the_line_and_hears_all_of_it_again(start: Start, phone: Phone) -> None:
    start()
    phone.attach(LIMIT_S)
    phone.lift()
    assert phone.wait_for(lambda: phone.tones() == (350, 440), LIMIT_S)
    phone.dial("933", tone_ms=60, pause_ms=60)
    assert phone.done(LIMIT_S)
    assert phone.wait_for(lambda: phone.tones() == (), LIMIT_S)
    phone.record()
    for _ in tries():  # a machine that stands still costs frames
        before = len(phone.late_ms)
        phone.say(SPEECH)
        heard = phone.wait_for(lambda: SPEECH in phone.recorded(), 3 * SPEECH_S)  # every frame, in order
        late = sorted(phone.late_ms[before:])
        if heard and late[len(late) // 2] < 2:
            break
    assert heard
    assert late[len(late) // 2] < 2


def test_it_rings_shows_who_calls_blinks_and_survives_a_restart_of_the_unit(start: Start, phone: Phone) -> None:
    unit = start()
    phone.attach(LIMIT_S)
    phone.lift()
    assert phone.wait_for(lambda: phone.tones() == (350, 440), LIMIT_S)
    phone.dial("7")
    assert phone.wait_for(lambda: phone.tones() == (480, 620), LIMIT_S)
    phone.hang_up()
    assert phone.wait_for(lambda: phone.ringing and phone.lamp, LIMIT_S)
    assert phone.wait_for(lambda: phone.caller() is not None, LIMIT_S)
    assert phone.caller() == Caller("5555550100", "ADA BAKER", "11230830")
    assert 200 <= phone.cadence()[0] <= 1500  # 500 ms, on a machine that may do much else
    unit.kill()
    assert phone.wait_for(lambda: not phone.attached, LIMIT_S)
    assert (phone.ringing, phone.lamp) == (False, False)
    phone.lift()
    start()
    assert phone.wait_for(lambda: phone.tones() == (350, 440), LIMIT_S)


def test_by_command_with_a_script_in_json(start: Start, tmp_path: Path) -> None:
    unit = start()
    heard, said = tmp_path / "heard.wav", tmp_path / "said.wav"
    write_wav(said, SPEECH)
    script = tmp_path / "steps"
    script.write_text(
        f"lift; hear 350+440; pulse 9; dial 33\nrecord {heard}; say {said}; wait 0.3\nflash; hear 350+440; hang-up"
    )
    done = plugtone(tmp_path, "--script", script, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["step"] for line in told if line["event"] == "step"][:3] == ["lift", "hear 350+440", "pulse 9"]
    assert [350, 440] in [line["value"] for line in told if line["event"] == "tone"]
    assert any(SPEECH[at : at + 3200] in read_wav(heard) for at in range(0, len(SPEECH) - 3200, 320))
    assert unit.stdout is not None
    acts = [unit.stdout.readline().strip() for _ in range(2)]
    assert acts == ["('dial', '933', False)", "('hold',)"]


def test_by_command_with_options_and_what_does_not_come_about_is_status_1(start: Start, tmp_path: Path) -> None:
    start()
    done = plugtone(tmp_path, "--lift", "--dial", "5", "--for", "0.5", "--hang-up")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "> hang-up"
    assert "hears 440+480 Hz" in done.stdout
    done = plugtone(tmp_path, "--answer", "0.1")
    assert done.returncode == 1
    assert "the bell did not ring in 0.1 s" in done.stderr


def test_by_the_keyboard(start: Start, tmp_path: Path) -> None:
    start()
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "sim", "phone", str(tmp_path)],
        stdin=theirs, stdout=subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    assert program.stdout is not None
    said = b""
    try:
        for keys, answer in (("", "q ends"), ("l", "hears 350+440 Hz"), ("5", "hears 440+480 Hz"), ("l", "down")):
            os.write(ours, keys.encode())
            while answer.encode() not in said:
                assert select.select([program.stdout], [], [], LIMIT_S)[0], f"no {answer!r} in {said!r}"
                said += os.read(program.stdout.fileno(), 4096)
        os.write(ours, b"q")
        assert program.wait(LIMIT_S) == 0
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--dial", "5x"),
        ("--script", "sing"),
        ("--lift", "--script", "lift"),
        ("--script", "wait soon"),
        ("--for", "-1"),
    ],
)
def test_wrong_usage_is_status_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["sim", "phone", str(tmp_path), *arguments])
    assert ended.value.code == 2


def test_without_a_unit_it_says_so(tmp_path: Path, phone: Phone) -> None:
    with pytest.raises(SimulationError, match="is the board on"):
        phone.attach(0.1)


def test_steps_are_read_whole_before_the_first_is_taken() -> None:
    assert parsed("# a call\nlift; dial 911#\n\nhear 440+350 2\n flash ;wait 0.5") == [
        Step("lift"), Step("dial", "911#"), Step("hear", "440+350", 2.0), Step("flash"), Step("wait", "0.5", 0.5),
    ]  # fmt: skip
    for wrong in (
        "lift now",
        "dial",
        "dial x",
        "pulse #",
        "hear dial",
        "hear 351",
        "wait",
        "wait -1",
        "wait 1e9",
        "say",
    ):
        with pytest.raises(StepError):
            parsed("lift; " + wrong)
