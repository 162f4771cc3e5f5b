"""The unit's end of the bridge and the computer's, tied together without a wire: each gets what the other sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapter.bridge import Bridge
from adapter.flow import Flow
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.messages import pack, unpack
from tools.usb_bridge.events import Attached, Bytes, Closed, Datagram, Event, Lost, Wanted
from tools.usb_bridge.session import Session

ADDRESS = "192.0.2.7"
SERVERS = (("192.0.2.53", 53),)
PEER = ("198.51.100.9", 5060)
STREAM, DATAGRAM = 1, 2  # kinds of sockets
FIRST_PORT = 40_000  # of UDP flows that want any
IN_PROGRESS = 115


class Pair:
    """`bridge` is the unit's, `session` the computer's; `time` in s. What the computer's sockets do is `auto`matic."""

    def __init__(self) -> None:
        self.time = 10.0
        self.events: list[Event] = []
        self.sent: list[Any] = []  # messages of the unit
        self.heard: list[bytes] = []  # frames to the unit
        self.taken = True  # USB takes what the unit sends
        self.auto = True
        self.ports_taken = 0  # so many wishes for a local port are refused
        self._numbers = iter(range(1, 1 << 30))
        self._up = bytearray()
        self._frames = FrameReader()
        self.bridge = Bridge(self._put, lambda: int(1000 * self.time), lambda count: b"\x42" * count)
        self.session = self.new_session()

    def new_session(self) -> Session:
        """The computer's program starts (again)."""
        self.session = Session(lambda: 1000 + next(self._numbers), ADDRESS, SERVERS)
        return self.session

    def _put(self, data: memoryview) -> int | None:
        if not self.taken:
            return None
        self._up += data
        return len(data)

    def run(self, seconds: float = 0.0) -> None:
        """Everything that waits goes over, both ways; then time passes, in steps of a hello."""
        until = self.time + seconds
        while True:
            while self._turn():
                pass
            if self.time >= until:
                return
            self.time = min(self.time + 0.5, until)

    def _turn(self) -> bool:
        self.handle(self.session.poll(self.time))
        moved = False
        while (frame := self.session.next_frame()) is not None:
            moved = True
            code = frame.strip(b"\x00")
            self.heard.append(code)
            self.bridge.feed(code)
        self.bridge.flush()
        data, self._up = bytes(self._up), bytearray()
        for payload in self._frames.feed(data):
            moved = True
            self.sent.append(unpack(payload))
            self.handle(self.session.feed(payload, self.time))
        return moved

    def handle(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, Wanted) and self.auto:
                if event.local_port and self.ports_taken:
                    self.ports_taken -= 1
                    self.session.ended(event.flow, "port_taken")
                else:
                    self.session.opened(event.flow, event.local_port or FIRST_PORT + event.flow, PEER)
            elif isinstance(event, Bytes) and self.auto:
                self.session.passed_on(event.flow, len(event.data))

    def attach(self) -> Pair:
        """Until the unit is on the network."""
        self.run()
        assert self.bridge.alive()
        return self

    def tcp(self) -> tuple[Flow, int]:
        """An open TCP flow of the unit's, and its number."""
        flow = self.bridge.socket(2, STREAM)
        connect(flow, ("fleet.test", 8883))
        self.run()
        return flow, next(event.flow for event in reversed(self.events) if isinstance(event, Wanted))

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of that kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def say(self, name: str, values: dict[str, Any], session: int = 0, sequence: int = 1 << 20) -> None:
        """A message to the unit that the session did not send; `session` 0: the present one's number."""
        number = session or self.sent[-1].boot_id
        self.bridge.feed(encode_frame(pack(name, values, number, sequence))[:-1])


def connect(flow: Flow, address: Any) -> int:
    """The errno that `connect` answers with."""
    try:
        flow.connect(address)
    except OSError as error:
        return int(error.args[0])
    return 0


def error_of(action: Callable[..., Any], *arguments: Any) -> int:
    """The errno that `action` ends with; 0 if it ends well."""
    try:
        action(*arguments)
    except OSError as error:
        return int(error.args[0])
    return 0


__all__ = ["ADDRESS", "PEER", "SERVERS", "Attached", "Bytes", "Closed", "Datagram", "Lost", "Pair", "Wanted"]
