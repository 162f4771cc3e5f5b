"""Two lines and an exchange in virtual time: everything of the firmware's voice part but the driver."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from adapter.voice import Voice
from protocol.wire.enumerations import CALL_ENDS
from tests.firmware.adapter.media.sounds import samples, source, tone
from tests.firmware.exchange import Address, Exchange
from tests.firmware.voice_accounts import account

EXCHANGE = ("192.0.2.1", 5060)
FRAME_MS = 20
RTP_PORT = 4000


def loudness(desk: Desk) -> int:
    """The highest sample of the last 20 ms that were heard."""
    return max(map(abs, samples(desk.heard)))


def ends(desk: Desk) -> list[str]:
    """How its calls have ended, by their records."""
    return [CALL_ENDS[record["ended_by"]] for record in desk.records]


class Desk:
    """A telephone with its Voice, at an address of its own."""

    def __init__(self, user: str, host: str, level: str, seed: int, now_ms: int, changes: dict[str, Any]) -> None:
        self.host = host
        self.row = account(user, 5060, **changes)
        self.voice = Voice(self.row, level, (host, 5060), RTP_PORT, source(seed), now_ms)
        self.voice.start([(*EXCHANGE, "udp")], now_ms)
        self.told: list[tuple[str, Any]] = []
        self.heard = bytearray(320)  # the last 20 ms
        self.says = 0  # Hz of the tone it speaks, 0: silence
        self.linked = True
        self.dialled = 0
        dial = self.voice.agent.dial

        def counted(*values: Any) -> Any:
            made = dial(*values)
            self.dialled += 1
            return made

        self.voice.agent.dial = counted
        self._keys: deque[tuple[str, bool] | None] = deque()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The call records so far."""
        return [values for name, values in self.told if name == "call_record"]

    @property
    def states(self) -> list[str]:
        """The line's states so far."""
        return [value for name, value in self.told if name == "line"]

    def press(self, digits: str) -> None:
        """Presses keys, one after the other."""
        for digit in digits:
            self._keys += [(digit, True), None, None, (digit, False), None]

    def key(self) -> tuple[str, bool] | None:
        """The next change of the keys."""
        return self._keys.popleft() if self._keys else None


class Office:
    """`a` is 5550100, `b` is 5550101 and so on, each at `level`, with an account as `changes` makes it."""

    def __init__(self, level: str = "full", lines: int = 2, **changes: Any) -> None:
        self.now_ms = 1000
        self.exchange = Exchange()
        self.desks = [
            Desk(f"555010{at}", f"192.0.2.{10 + 10 * at}", level, at + 1, self.now_ms, changes) for at in range(lines)
        ]
        self.a, self.b, self.c = (self.desks * 2)[:3]
        self.deaf: set[str] = set()  # methods that get lost on the way
        self.rtp_lost = False
        self.packets: list[tuple[str, bytes]] = []  # RTP: whose, what
        self.renamed: dict[Address, Address] = {}  # source of RTP -> as others see it
        self._wire: deque[tuple[bytes, Address, Address]] = deque()
        self._random = random.Random(1)

    def run(self, ms: int) -> None:
        """Lets so many ms pass."""
        until_ms = self.now_ms + ms
        while self.now_ms < until_ms:
            self.now_ms += FRAME_MS
            for desk in self.desks:
                self._frame(desk)
                self._turn(desk)
            self._carry()

    def registered(self) -> Office:
        """Itself, once both lines are."""
        self.run(1500)
        assert [desk.states[-1] for desk in self.desks] == ["registered"] * len(self.desks)
        return self

    def lift(self, desk: Desk) -> None:
        """Takes the handset up."""
        desk.voice.telephone(("hook", True), self.now_ms)
        self.run(100)

    def hang_up(self, desk: Desk) -> None:
        """Puts the handset down."""
        desk.voice.telephone(("hook", False), self.now_ms)
        self.run(1000)

    def flash(self, desk: Desk) -> None:
        """Taps the hook."""
        desk.voice.telephone(("hook", False), self.now_ms)
        self.run(300)
        desk.voice.telephone(("hook", True), self.now_ms)
        self.run(100)

    def dial(self, desk: Desk, digits: str) -> None:
        """Presses keys and waits until they are sent."""
        desk.press(digits)
        self.run(100 * len(digits) + 500)

    def call(self) -> None:
        """`a` calls `b`, who lifts the handset."""
        self.lift(self.a)
        self.dial(self.a, "5550101")
        assert self.b.voice.line.state == "ringing"
        self.lift(self.b)
        self.run(200)

    def cable(self, desk: Desk, in_: bool) -> None:
        """Puts the cable in, or out."""
        desk.linked = in_
        desk.voice.link((desk.host, 5060) if in_ else None, RTP_PORT, self.now_ms)

    def move(self, desk: Desk, host: str) -> None:
        """The host gets another address."""
        desk.host = host
        desk.voice.link((host, 5060), RTP_PORT, self.now_ms)

    def _turn(self, desk: Desk) -> None:
        key = desk.key()
        if key:
            desk.voice.telephone(("digit", *key), self.now_ms)
        self._send(desk)
        desk.told += desk.voice.events
        desk.voice.events.clear()
        for data, destination in desk.voice.reports:
            self._rtcp(desk, data, destination)
        desk.voice.reports.clear()

    def _send(self, desk: Desk) -> None:
        for data, destination in desk.voice.poll(self.now_ms):
            if desk.linked and data.split(b" ")[0].decode() not in self.deaf:
                self._wire.append((data, (desk.host, 5060), destination))

    def _carry(self) -> None:
        """SIP, until nobody has anything more to say now."""
        while self._wire:
            data, origin, destination = self._wire.popleft()
            if destination == EXCHANGE:
                for out, to in self.exchange.feed(data, origin):
                    self._wire.append((out, EXCHANGE, to))
            for desk in self.desks:
                if desk.host == destination[0] and desk.linked:
                    desk.voice.datagram(data, origin, self.now_ms)
                    self._send(desk)

    def _frame(self, desk: Desk) -> None:
        voice = desk.voice
        if not voice.busy:
            return
        mouth = tone(self.now_ms // FRAME_MS, desk.says) if desk.says else bytes(320)
        length = voice.frame(mouth, desk.heard, self.now_ms)
        while length:
            self._rtp(desk, bytearray(voice.media.stream.packet[:length]), voice.media.remote)
            length = voice.media.more()

    def _rtp(self, desk: Desk, packet: bytearray, destination: Address) -> None:
        self.packets.append((desk.host, bytes(packet)))
        origin = (desk.host, RTP_PORT)
        origin = self.renamed.get(origin, origin)
        for other in self.desks:
            media = other.voice.media
            at = (other.host, RTP_PORT)
            reached = destination in (at, self.renamed.get(at))
            if reached and media is not None and other.linked and desk.linked and not self.rtp_lost:
                media.packet(packet, len(packet), origin, self.now_ms)

    def _rtcp(self, desk: Desk, data: bytes, destination: Address) -> None:
        for other in self.desks:
            media = other.voice.media
            if destination == (other.host, RTP_PORT + 1) and media is not None and not self.rtp_lost:
                media.control(bytearray(data), len(data), (desk.host, RTP_PORT + 1), self.now_ms)
