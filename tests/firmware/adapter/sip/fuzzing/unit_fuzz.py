"""Mutants over UDP to the running MicroPython unit, idle, ringing and in a call: it answers OPTIONS all along.

The test is the unit's registrar and peer. It sends a burst, then OPTIONS, and goes on when that is answered, so that
nothing is lost in a socket's buffer. Of a seed always the same mutants come.
"""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adapter.sip import sdp
from adapter.sip.dialog import companion
from adapter.sip.errors import SipError
from adapter.sip.message import Message, parse, request, response
from adapter.sip.uri import parameter
from tests.firmware.adapter.sip.fuzzing.sip_fuzz import changed
from tests.firmware.voice_accounts import HOST, account
from tests.firmware.voice_board import VoiceBoard

USER = "5550100"
STATES = ("idle", "ringing", "up")
MAX_GROWTH_BYTES = 16_384  # up to MAX_TRANSACTIONS that have ended are kept for 32 s; a byte a message would be more
_COLLECT_BYTES = 32768  # a collection costs more than a message
_BURST = 24
_BURST_BYTES = 40_000  # well below what a socket of the unit buffers
_STATE_MUTANTS = 1000
_ANSWER_S = 10.0
_TRIES = 3
_RINGS = 8
_REST_S = 0.5
_METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "NOTIFY", "INFO", "REFER")
OFFER = sdp.offer(HOST, 40_000, 1, 1, ("PCMU", "PCMA"), 20, "sendrecv")


class SilentError(Exception):
    """OPTIONS stayed without an answer."""


class UnitFuzz:
    """A board of its own in `folder`, registered here; `run` sends mutants, `used` is the heap in use when at rest."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._port: int = self._socket.getsockname()[1]
        self._board = VoiceBoard(folder, account(USER, self._port, registration_s=7200))
        self._chance = random.Random(f"unit/{seed}")
        self._unit: tuple[str, int] = (HOST, 0)
        self._calls = self._asked = 0
        self._tag = ""
        self._invites: list[Message] = []  # that may have rung
        self._from_unit: list[bytes] = []

    def __enter__(self) -> Self:
        self._board.start()
        self._board.phone.attach()
        self._take(lambda message: message.method == "REGISTER", _ANSWER_S)
        self._board.wait_line("registered")
        self._board.order(pump=_COLLECT_BYTES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._board.stop()
        self._board.phone.close()
        self._socket.close()

    def run(self, count: int) -> list[str]:
        """Sends `count` mutants; what went wrong."""
        sent = 0
        try:
            while sent < count:
                state = STATES[sent // _STATE_MUTANTS % len(STATES)]
                self._bring(state)
                sources = self._sources()
                for _ in range(_STATE_MUTANTS // _BURST):
                    sent += self._burst(sources)
            self._bring("idle")
        except SilentError as error:
            return [str(error), *self._printed()]
        return self._printed()

    def kill(self) -> None:
        """Ends the unit's process."""
        self._board.stop()

    def used(self) -> int:
        """Bytes of the unit's heap in use, when all calls have ended."""
        self._bring("idle")
        time.sleep(_REST_S)
        used: int = self._board.stats()["used_heap_bytes"]
        return used

    def _printed(self) -> list[str]:
        """What the unit printed that is no event: a traceback."""
        return [event["printed"] for event in self._board.events if "printed" in event]

    def _burst(self, sources: list[bytes]) -> int:
        count = size = 0
        while count < _BURST and size < _BURST_BYTES:
            data = self._chance.choice(sources)
            if self._chance.random() < 0.9:
                data = changed(data, sources, self._chance)[:4200]
            self._send(data)
            count += 1
            size += len(data) + 500
        self._ping()
        return count

    def _send(self, data: bytes) -> None:
        """To the unit; if it may ring of it, that is written down."""
        if b"INVITE" in data:
            try:
                message = parse(data)
                if message.method == "INVITE" and parameter(message.get("to"), "tag") is None:
                    self._invites.append(message)
            except SipError:
                pass
        self._socket.sendto(data, self._unit)

    def _ping(self) -> None:
        """OPTIONS, until it is answered; SilentError."""
        self._asked += 1
        branch = f"z9hG4bKping{self._asked}"
        data = self._inquiry("OPTIONS", 1, f"ping{self._asked}", "", b"", branch)
        for _ in range(_TRIES):
            self._socket.sendto(data, self._unit)
            if self._take(lambda message: message.status == 200 and branch in str(message.get("via")), _ANSWER_S):
                return
        raise SilentError(f"no answer to OPTIONS number {self._asked}; {self._board.log()[-2000:]}")

    def _take(self, wanted: Any, timeout_s: float) -> Message | None:
        """The first message for which `wanted` is true; every request that comes meanwhile is answered 200."""
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, source = self._socket.recvfrom(65536)
            except TimeoutError:
                return None
            try:
                message = parse(data)
            except SipError:  # a sign of life
                continue
            if message.method and message.method != "ACK":
                self._unit = source
                self._from_unit = [*self._from_unit[-3:], data]
                self._socket.sendto(self._answer(message, 200), source)
            if wanted(message):
                return message
        return None

    def _bring(self, state: str) -> None:
        """The unit into that state, by messages that are as they should be."""
        self._board.phone.hang_up()
        self._leave()
        if state == "idle":
            return
        call = self._rung()
        if state == "up":
            self._board.phone.lift()
            if not self._take(lambda message: message.status == 200 and message.get("call-id") == call, _ANSWER_S):
                raise SilentError(f"call {call} was not answered")
            self._socket.sendto(self._inquiry("ACK", 1, call, self._tag, b"", f"z9hG4bKack{call}"), self._unit)

    def _rung(self) -> str:
        """The Call-ID of a call that rings; a handset just put down is busy for a moment."""
        for _ in range(_RINGS):
            self._calls += 1
            call = f"call{self._calls}"
            self._send(self._inquiry("INVITE", 1, call, "", OFFER, f"z9hG4bK{call}"))
            told = self._take(lambda message, call=call: message.get("call-id") == call and message.status > 100, 5)
            if told and told.status == 180:
                self._tag = parameter(told.get("to"), "tag")
                return call
            if told:
                self._socket.sendto(companion(self._invites[-1], "ACK", told.get("to")).pack(), self._unit)
            self._take(lambda _message: False, _REST_S)
        raise SilentError(f"call {call} did not ring: {told and told.status}")

    def _leave(self) -> None:
        """Ends every call that mutants or we began: rings end by CANCEL, what was answered by BYE."""
        call = f"call{self._calls}"
        number = 0x7FFFFFFF - self._calls % 7
        self._socket.sendto(self._inquiry("BYE", number, call, self._tag, b"", f"z9hG4bKbye{call}"), self._unit)
        for at, invite in enumerate(self._invites):
            with suppress(SipError):  # one of which no line can be written
                self._socket.sendto(companion(invite, "CANCEL", invite.get("to")).pack(), self._unit)
            if at % _BURST == 0:
                self._ping()
        self._invites = []
        self._ping()
        if self._state() == "in_call":
            self._take(lambda _message: False, _REST_S)
        if self._state() == "in_call":
            raise SilentError(f"calls that do not end after {call}")

    def _state(self) -> str:
        return str([event for event in self._board.events if "line" in event][-1]["line"]["state"])

    def _inquiry(self, method: str, cseq: int, call: str, tag: str, body: bytes, branch: str) -> bytes:
        message = request(method, f"sip:{USER}@{self._unit[0]}:{self._unit[1]}")
        message.headers = [
            ("via", f"SIP/2.0/UDP {HOST}:{self._port};rport;branch={branch}"),
            ("max-forwards", "69"),
            ("from", f'"Bob" <sip:5550101@{HOST}>;tag=bobs'),
            ("to", f"<sip:{USER}@{HOST}>" + (f";tag={tag}" if tag else "")),
            ("call-id", call),
            ("cseq", f"{cseq} {method}"),
            ("contact", f"<sip:bob@{HOST}:{self._port}>"),
            ("record-route", f"<sip:{HOST}:{self._port};lr>"),
        ]
        if method == "NOTIFY":
            message.headers.append(("event", "message-summary"))
            message.body = b"Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"
        elif body:
            message.headers.append(("content-type", "application/sdp"))
            message.body = body
        return message.pack()

    def _answer(self, message: Message, status: int) -> bytes:
        made = response(message, status)
        made.headers = [(n, f"{v};tag=peers" if n == "to" and ";tag=" not in v else v) for n, v in made.headers]
        made.headers += [("contact", value) for value in message.all("contact")]
        if status in (401, 407):
            name = "www-authenticate" if status == 401 else "proxy-authenticate"
            made.headers.append((name, f'Digest realm="{HOST}", nonce="{self._calls}", algorithm=MD5, qop="auth"'))
        made.headers += [("min-expires", "7200"), ("retry-after", "1")]
        if message.method == "INVITE" and status == 200:
            made.headers.append(("content-type", "application/sdp"))
            made.body = OFFER
        return made.pack()

    def _sources(self) -> list[bytes]:
        """What could come next."""
        call = f"call{self._calls}"
        out = []
        for method in _METHODS:
            body = OFFER if method == "INVITE" else b""
            for cseq in (1, 2, 9):
                out.append(self._inquiry(method, cseq, call, self._tag, body, f"z9hG4bK{method}{cseq}"))
                out.append(self._inquiry(method, cseq, call, "", body, f"z9hG4bK{call}"))
                out.append(self._inquiry(method, cseq, f"other{cseq}", "", body, f"z9hG4bKother{method}{cseq}"))
        for data in self._from_unit:
            out += [self._answer(parse(data), status) for status in (100, 183, 200, 302, 401, 407, 423, 486, 491, 503)]
        return out


def fuzz(folder: Path, seed: int, count: int) -> list[str]:
    """What went wrong."""
    with UnitFuzz(folder, seed) as unit:
        faults = unit.run(3 * _STATE_MUTANTS)  # every module is loaded, every table has its size
        settled = unit.used()
        faults += unit.run(count - 3 * _STATE_MUTANTS)
        grown = unit.used() - settled
    if grown > MAX_GROWTH_BYTES:
        faults.append(f"the heap grew by {grown} bytes in {count} messages")
    return faults
