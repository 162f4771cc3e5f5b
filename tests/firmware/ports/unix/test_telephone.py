"""The line chip of the simulated board, with the real phone program's Handset or raw frames at its other end."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, micropython_path

FRAME_BYTES = 324
GAIN = 256 - 7  # of the codec: as the script says, in tenths of a dB
LIMIT_S = 20
# Answers one line on standard input by one on standard output; a frame allocates nothing where it says so.
SCRIPT = """
import micropython, sys
from ports.unix.telephone import Telephone
telephone = Telephone(sys.argv[1], -7)
pcm = bytearray(320)
def locked(step):
    micropython.heap_lock()
    try:
        return step()
    finally:
        micropython.heap_unlock()
def read():
    return telephone.read(pcm)
def write():
    telephone.write(pcm)
def nothing():
    return telephone.poll() is None
def all_events():
    found = []
    while True:
        event = telephone.poll()
        if event is None:
            return found
        found.append(event)
while True:
    command = sys.stdin.readline().split()
    if not command:
        break
    if command[0] == "poll":
        print(all_events())
    elif command[0] == "nothing":
        print(locked(nothing))
    elif command[0] == "read":
        print(locked(read), pcm[0])
    elif command[0] == "write":
        pcm[:] = bytes([int(command[1])]) * 320
        locked(write)
        print("done")
    elif command[0] == "ring":
        telephone.ring(command[1] == "1")
        print("done")
    elif command[0] == "lamp":
        telephone.lamp(command[1])
        print("done")
    elif command[0] == "close":
        telephone.close()
        print("done")
"""


class Chip:
    """The port under MicroPython."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [micropython_path(), "-c", SCRIPT, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"},
        )  # fmt: skip

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def events(self) -> list[tuple[object, ...]]:
        return list(eval(self.ask("poll")))  # our own script's tuples

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(LIMIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    folder = tmp_path / ("a folder whose name leaves no room in the address of a socket " * 2)
    folder.mkdir()
    made = Chip(folder)
    assert made.events() == []
    yield made
    made.end()


@pytest.fixture
def plug(chip: Chip) -> Iterator[Callable[[], socket.socket]]:
    cords = []

    def plug_in() -> socket.socket:
        cord = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        cord.settimeout(LIMIT_S)
        folder = os.open(chip.folder, os.O_PATH)
        cord.connect(f"/proc/self/fd/{folder}/telephone")
        os.close(folder)
        cords.append(cord)
        return cord

    yield plug_in
    for cord in cords:
        cord.close()


def frame(hook: int, key: str = "\0", sound: int = 0) -> bytes:
    return bytes([hook, ord(key), 0, 0]) + bytes([sound]) * 320


Plug = Callable[[], socket.socket]


def test_without_a_telephone_it_is_on_the_hook_and_silent(chip: Chip) -> None:
    assert chip.ask("nothing") == "True"
    assert chip.ask("read") == "False 0"
    assert chip.ask("write 7") == "done"


def test_a_phone_is_greeted_with_how_things_stand(chip: Chip, plug: Plug) -> None:
    chip.ask("lamp blink")
    cord = plug()
    assert chip.events() == []
    assert cord.recv(400)[:4] == bytes([0, 1, 0, GAIN])


def test_hook_and_keys_are_told_once_in_order(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    for sent in (frame(0), frame(1), frame(1, "5"), frame(1, "5"), frame(1, "#"), frame(1), frame(0)):
        cord.send(sent)
    assert chip.events() == [
        ("hook", True), ("digit", "5", True), ("digit", "5", False), ("digit", "#", True), ("digit", "#", False),
        ("hook", False),
    ]  # fmt: skip
    assert chip.events() == []


def test_a_pulled_cord_releases_the_key_and_puts_the_handset_down(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    cord.send(frame(1, "9"))
    assert chip.events() == [("hook", True), ("digit", "9", True)]
    cord.close()
    assert chip.events() == [("digit", "9", False), ("hook", False)]
    again = plug()
    chip.events()
    again.send(frame(1))
    assert chip.events() == [("hook", True)]


@pytest.mark.parametrize("wrong", [b"x", b"x" * 323, b""])
def test_a_frame_of_another_length_ends_the_connection(chip: Chip, plug: Plug, wrong: bytes) -> None:
    cord = plug()
    chip.events()
    cord.recv(400)
    cord.send(frame(1))
    chip.events()
    cord.send(wrong)
    assert chip.events() == [("hook", False)]
    assert cord.recv(400) == b""


def test_sound_comes_through_whole_with_one_frame_to_spare(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    cord.send(frame(1, sound=1))
    assert chip.events() == [("hook", True)]
    assert chip.ask("read") == "False 0"  # it waits for one more
    for sound in range(2, 60):
        cord.send(frame(1, sound=sound))
        assert chip.ask("nothing") == "True"
        assert chip.ask("read") == f"True {sound - 1}"


def test_a_late_frame_is_not_lost_and_an_early_burst_is_smoothed(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    for sound in (1, 2):
        cord.send(frame(1, sound=sound))
    chip.events()
    assert [chip.ask("read") for _ in range(3)] == ["True 1", "True 2", "False 2"]
    for sound in (3, 4, 5):
        cord.send(frame(1, sound=sound))
    assert chip.ask("nothing") == "True"
    assert [chip.ask("read") for _ in range(3)] == ["True 3", "True 4", "True 5"]


def test_what_was_said_while_nobody_listened_is_not_heard_later(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    for sound in range(1, 100):
        cord.send(frame(1, sound=sound))
        chip.events()
    found = []
    for sound in range(100, 110):
        cord.send(frame(1, sound=sound))
        chip.events()
        found.append(chip.ask("read"))
    assert found[-1] in ("True 108", "True 107")  # at most 60 ms behind the mouth
    heard = [int(answer.split()[1]) for answer in found if answer.startswith("True")]
    assert heard == list(range(heard[0], heard[0] + len(heard)))


def test_a_stall_of_ours_costs_frames_once_and_no_delay_for_good(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    behind = []
    for sound in range(1, 251):
        cord.send(frame(1, sound=sound))
        if sound in range(100, 104):
            continue  # 80 ms in which the unit does something else
        chip.events()
        answer = chip.ask("read")
        if answer.startswith("True"):
            behind.append(sound - int(answer.split()[1]))
    assert max(behind) <= 4
    assert behind[-1] <= 2


def test_bell_lamp_and_sound_reach_the_phone(chip: Chip, plug: Plug) -> None:
    cord = plug()
    chip.events()
    cord.recv(400)
    chip.ask("ring 1")
    assert cord.recv(400)[:3] == bytes([1, 0, 0])
    chip.ask("ring 1")  # no news, no frame
    chip.ask("lamp blink")
    assert cord.recv(400)[:3] == bytes([1, 1, 0])
    chip.ask("ring 0")
    assert cord.recv(400)[:3] == bytes([0, 1, 0])
    chip.ask("write 9")
    assert cord.recv(400) == bytes([0, 1, 1, GAIN]) + bytes([9]) * 320
    chip.ask("lamp off")
    assert cord.recv(400)[:3] == bytes([0, 0, 0])


def test_a_phone_that_does_not_read_stops_nobody(chip: Chip, plug: Plug) -> None:
    plug()
    chip.events()
    for _ in range(400):
        assert chip.ask("write 1") == "done"


def test_closing_takes_the_socket_away_and_a_restart_brings_it_back(chip: Chip, plug: Plug) -> None:
    path = chip.folder / "telephone"
    assert path.exists()
    chip.process.kill()  # power gone: the socket's file stays
    chip.process.wait(LIMIT_S)
    again = Chip(chip.folder)
    assert again.events() == []
    plug().send(frame(1))
    assert again.events() == []  # attached
    assert again.events() == [("hook", True)]
    assert again.ask("close") == "done"
    assert not path.exists()
    again.end()
