"""Two units on MicroPython and our registrar between them: calls in a row of every kind, and what is left behind.

Each call is drawn from the seed: who calls whom, the echo or an engaged line, who hangs up and when. After each, both
units' records must say what happened; at the end the units' heap and files, and the registrar's, are as at the start.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

from adapter.line import HANG_UP_MS
from adapter.sip.transaction import TIMERS
from protocol.wire.enumerations import CALL_ENDS
from tests.firmware.voice_accounts import HOST, PASSWORD, account
from tests.firmware.voice_board import VoiceBoard
from tools.sim.registrar.service import RegistrarService, Settings
from tools.sim.registrar.subscribers import Subscriber

USERS = ("5100", "5101")
DIAL_TONE, BUSY_TONE = (350, 440), (480, 620)
MAX_GROWTH_BYTES = 256  # of a unit's heap, all calls together; 0 is usual, but the collector is conservative
_KEY_MS = 60
_SHORT_HANG_UP_MS = 150
_STEP_S = 10.0
_LOOK_S = 0.1
_TALK_S = (0.15, 0.6)
_KINDS = ("caller hangs up", "called hangs up", "given up while it rings", "engaged", "echo")
_DIAL_PLAN = "5xxx|*xx"
_WARM_UP = ("echo", "caller hangs up", "engaged", "given up while it rings")


@dataclass
class Result:
    """`kinds` counts the calls made; `faults` says in words what went wrong."""

    kinds: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    grown_bytes: list[int] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(self.kinds.values())


class Pair:
    """The two units, registered."""

    def __init__(self, boards: list[VoiceBoard], service: RegistrarService, hurried: bool) -> None:
        self.boards = boards
        self.service = service
        self._linger_s = 1.0 if hurried else 40.0
        self._answered_s = 1.0 if hurried else 8.0  # longer than a request that was answered is remembered: TIMERS
        self._hang_up_s = 0.001 * (_SHORT_HANG_UP_MS if hurried else HANG_UP_MS) + 0.15

    def call(self, kind: str, first: int, talk_s: float) -> None:
        """One call of that kind, the unit number `first` calling; AssertionError if it does not go as it should."""
        caller, called = self.boards[first], self.boards[1 - first]
        marks = len(caller.events), len(called.events)
        if kind == "engaged":
            called.phone.lift()
            _see(called, lambda: called.phone.tones() == DIAL_TONE, "dial tone at the engaged line")
        caller.phone.lift()
        _see(caller, lambda: caller.phone.tones() == DIAL_TONE, "dial tone")
        caller.phone.dial("*43" if kind == "echo" else USERS[1 - first], _KEY_MS, _KEY_MS)
        if kind == "engaged":
            _see(caller, lambda: caller.phone.tones() == BUSY_TONE, "the busy tone")
        elif kind == "echo":
            caller.wait_media(timeout_s=_STEP_S, after=marks[0])
            time.sleep(talk_s)
        else:
            _see(called, lambda: called.phone.ringing, "the bell")
        if kind.endswith("hangs up"):
            called.phone.lift()
            for board, mark in zip((caller, called), marks, strict=True):
                board.wait_media(timeout_s=_STEP_S, after=mark)
            time.sleep(talk_s)
        ends = [caller, called] if kind != "called hangs up" else [called, caller]
        ends[0].phone.hang_up()
        if kind.endswith("hangs up"):
            _record(ends[1], marks[self.boards.index(ends[1]) ^ first])
        ends[1].phone.hang_up()
        self._records(kind, caller, called, marks)
        _see(called, lambda: not called.phone.ringing, "an end of the bell")
        time.sleep(self._hang_up_s)  # before that a line that is lifted again was tapped

    def _records(self, kind: str, caller: VoiceBoard, called: VoiceBoard, marks: tuple[int, int]) -> None:
        """What either end says of the call."""
        told = _record(caller, marks[0])
        if kind == "engaged":
            assert (told["status"], told["duration_ms"]) == (486, 0), told
            return
        if kind != "echo":
            theirs = _record(called, marks[1])
            assert theirs["number"] == USERS[self.boards.index(caller)], theirs
            assert (theirs["direction"], told["direction"]) == (1, 0)
        if kind == "given up while it rings":
            assert (told["end"], told["duration_ms"], theirs["end"]) == ("cancelled", 0, "cancelled"), (told, theirs)
            return
        assert told["duration_ms"] > 100, told
        assert told["packets_received"] > 3, told
        assert told["packets_lost"] == 0, told
        if kind == "caller hangs up":
            assert (told["end"], theirs["end"]) == ("us", "peer"), (told, theirs)
            assert theirs["packets_received"] > 3, theirs
        elif kind == "called hangs up":
            assert (told["end"], theirs["end"]) == ("peer", "us"), (told, theirs)

    def rest(self) -> list[int]:
        """Lets what lingers go; the bytes of heap that each unit then uses."""
        time.sleep(self._linger_s)
        return self.used_heap()

    def used_heap(self) -> list[int]:
        """The least bytes of heap that each unit uses while a request of its own, answered just now, is forgotten.

        Each 20 to 28 s a unit asks its registrar whether it is there, and remembers the answer (448 bytes) for a while.
        What a call leaves behind is there at every look.
        """
        until_s = time.monotonic() + self._answered_s
        least = [board.stats()["used_heap_bytes"] for board in self.boards]
        while time.monotonic() < until_s:
            time.sleep(_LOOK_S)
            least = [
                min(before, board.stats()["used_heap_bytes"]) for before, board in zip(least, self.boards, strict=True)
            ]
        return least

    def files(self) -> list[int]:
        """Open files: of either unit, and of this process."""
        pids = [*(board.pid for board in self.boards), os.getpid()]
        return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids]


def play(folder: Path, seed: int, count: int, *, hurried: bool = True, leak: bool = False) -> Result:
    """`count` calls in a row by `seed`. `hurried`: what only waits waits less. `leak`: a unit that forgets none."""
    chance, result = random.Random(f"calls/{seed}"), Result()
    with opened(folder, hurried) as pair:
        for number, kind in enumerate(_WARM_UP):  # what is loaded at a first call, and lists at their length
            pair.call(kind, number % 2, 0.2)
        heap, files = pair.rest(), pair.files()
        if leak:
            for board in pair.boards:
                board.order(leak=1)
        for number in range(count):
            kind = chance.choice(_KINDS)
            try:
                pair.call(kind, chance.randrange(2), chance.uniform(*_TALK_S))
            except AssertionError as error:
                result.faults.append(f"call {number}, {kind}: {error}")
                break
            result.kinds[kind] = result.kinds.get(kind, 0) + 1
        result.grown_bytes = [after - before for before, after in zip(heap, pair.rest(), strict=True)]
        if max(result.grown_bytes) > MAX_GROWTH_BYTES:
            result.faults.append(f"after {result.calls} calls the units' heap has grown by {result.grown_bytes} bytes")
        now = pair.files()
        if any(after > before for before, after in zip(files, now, strict=True)):  # this process may let go of others
            result.faults.append(f"open files: {files} became {now}")
        if pair.service.parties.calls:
            result.faults.append(f"the registrar thinks that {pair.service.parties.calls} calls are up")
    return result


@contextmanager
def opened(folder: Path, hurried: bool) -> Iterator[Pair]:
    """Two registered units."""
    with ExitStack() as stack:
        service = stack.enter_context(_served())
        port = service.address[1]
        boards = [stack.enter_context(VoiceBoard(folder / user, _account(user, port))) for user in USERS]
        for board in boards:
            board.phone.attach()
            board.wait_line("registered")
            if hurried:
                board.order(restless=1)
                short = TIMERS.replace(" 32000", " 500").replace(" 5000", " 500")
                board.order(patch=["adapter.sip.transaction", "TIMERS", short])
                board.order(patch=["adapter.line", "HANG_UP_MS", _SHORT_HANG_UP_MS])
        yield Pair(boards, service, hurried)


@contextmanager
def _served() -> Iterator[RegistrarService]:
    subscribers = {user: _subscriber(user) for user in USERS}
    lists = iter([subscribers])
    with RegistrarService(Settings((HOST, 0)), lambda: next(lists, None), lambda *_: None) as service:
        thread = threading.Thread(target=service.run, name="registrar")
        thread.start()
        try:
            yield service
        finally:
            service.stopped = True
            thread.join()


def _subscriber(user: str) -> Subscriber:
    secret = f"{user}:{HOST}:{PASSWORD}".encode()
    return Subscriber(user, user, HOST, HOST, "full", md5(secret).hexdigest(), sha256(secret).hexdigest())


def _account(user: str, port: int) -> dict[str, Any]:
    return account(user, port, dial_plan=_DIAL_PLAN)


def _record(board: VoiceBoard, mark: int) -> dict[str, Any]:
    values: dict[str, Any] = board.wait_for("call_record", _STEP_S, mark)["call_record"]
    return values | {"end": CALL_ENDS[values["ended_by"]]}


def _see(board: VoiceBoard, look: Callable[[], bool], what: str) -> None:
    assert board.phone.wait_for(look, _STEP_S), f"no {what}; heard {board.phone.tones()}, {board.log()[-300:]}"
