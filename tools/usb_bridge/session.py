"""The computer's end of the bridge, without its sockets: frames in and out, flows, limits, who goes first.

Sans-I/O: `feed` and `poll` give events, `next_frame` what is to be written next.

- Whatever carries no TCP data goes first, so that a voice frame waits for one piece of 512 bytes at most.
- Flows of TCP take turns, a piece each, within what the unit allows them.
- A unit that is silent for 3 s, or begins anew, loses all flows; the next session has another number.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from protocol.wire import messages
from protocol.wire.bridge_layouts import DATAGRAM_BYTES, FLOW_ENDS, FLOW_KINDS, PIECE_BYTES
from protocol.wire.errors import WireError
from protocol.wire.link import encode_frame
from tools.usb_bridge.events import Attached, Bytes, Closed, Datagram, Event, Lost, Place, Room, Wanted

HELLO_S: Final = 1.0
SILENCE_S: Final = 3.0
MAX_FLOWS: Final = 16
WINDOW_BYTES: Final = 16_384  # of TCP from the unit that may wait for the network, a flow
STEP_BYTES: Final = 4096  # passed on since the last limit: then another is worth a frame
MAX_FIRST: Final = 256  # frames that carry no TCP data and wait for the unit to read; then datagrams are lost
MAX_NAME_SERVERS: Final = 2
_OFFSET_END: Final = 0xFFFFFFFF


@dataclass(slots=True)
class _Flow:
    tcp: bool
    limit: int = 0  # for us
    sent: int = 0
    queued: int = 0  # of them and the pieces
    received: int = 0
    passed_on: int = 0
    granted: int = WINDOW_BYTES
    pieces: deque[bytes] = field(default_factory=deque)
    end: str = ""  # said once the pieces are sent


class Session:
    """`draw()` gives random numbers of 32 bits; `address` and `name_servers` are what the unit is told."""

    def __init__(self, draw: Callable[[], int], address: str, name_servers: tuple[Place, ...] = ()) -> None:
        self.address = address
        self.name_servers = name_servers[:MAX_NAME_SERVERS]
        self.attached = False
        self.dropped = 0  # messages that were damaged, late, or fit no flow
        self._draw = draw
        self._number = 0
        self._unit: int | None = None
        self._sequence = self._heard_sequence = 0
        self._heard_s = self._hello_s = 0.0
        self._flows: dict[int, _Flow] = {}
        self._turns: deque[int] = deque()  # TCP flows that have pieces
        self._first: deque[tuple[str, dict[str, Any]]] = deque()
        self._renew()

    def poll(self, now_s: float) -> list[Event]:
        """Every so often: says hello, and notices a unit that is gone."""
        events: list[Event] = []
        if self.attached and now_s - self._heard_s > SILENCE_S:
            events.append(self.lose("the unit does not answer"))
        if now_s - self._hello_s >= HELLO_S:
            self._hello_s = now_s
            servers = [{"address": _packed(host), "port": port} for host, port in self.name_servers]
            hello = {"address": _packed(self.address), "name_servers": servers}
            self._first = deque(item for item in self._first if item[0] != "bridge_hello")  # one is enough
            self._first.append(("bridge_hello", hello))
        return events

    def feed(self, payload: bytes, now_s: float) -> list[Event]:
        """One message of the unit's; what is wrong is counted and changes nothing."""
        try:
            message = messages.unpack(payload)
        except WireError:
            self.dropped += 1
            return []
        if message.boot_id != self._number or message.sequence <= self._heard_sequence:
            self.dropped += 1
            return []
        self._heard_sequence = message.sequence
        step = _STEPS.get(message.name)
        if step is None or (not self.attached and message.name != "bridge_answer"):
            self.dropped += 1
            return []
        self._heard_s = now_s
        return step(self, message.values)

    def next_frame(self) -> bytes | None:
        """The frame to write now, or None: what is no TCP data first."""
        if self._first:
            return self._frame(*self._first.popleft())
        while self._turns:
            number = self._turns.popleft()
            flow = self._flows[number]
            if not flow.pieces:
                del self._flows[number]
                return self._frame("flow_ended", {"flow": number, "reason": FLOW_ENDS.index(flow.end)})
            data = flow.pieces.popleft()
            offset, flow.sent = flow.sent, flow.sent + len(data)
            if flow.pieces or flow.end:
                self._turns.append(number)
            return self._frame("piece_in", {"flow": number, "offset": offset, "data": data})
        return None

    def lose(self, why: str) -> Lost:
        """All flows are over, from whichever end; a session with another number begins."""
        self._renew()
        return Lost(why)

    def room(self, number: int) -> int:
        """How many bytes of that TCP flow may be handed to `send`; 0 once it is over."""
        flow = self._flows.get(number)
        return 0 if flow is None or flow.end else max(min(flow.limit - flow.queued, PIECE_BYTES), 0)

    def opened(self, number: int, local_port: int, peer: Place) -> None:
        """The flow is there; `peer` is the other end's address, ("0.0.0.0", 0) for none, or one that is not IPv4."""
        flow = self._flows.get(number)
        if flow is not None:
            limit = flow.granted if flow.tcp else 0
            values = {"address": _packed(peer[0]), "port": peer[1], "local_port": local_port, "limit": limit}
            self._first.append(("flow_opened", {"flow": number, **values}))

    def send(self, number: int, data: bytes) -> None:
        """Bytes for the unit; no more than `room`."""
        flow = self._flows[number]
        flow.queued += len(data)
        flow.pieces.append(data)
        if number not in self._turns:
            self._turns.append(number)

    def send_datagram(self, number: int, source: Place, data: bytes) -> bool:
        """False if it is lost: too long, or the unit does not read."""
        if number not in self._flows or len(data) > DATAGRAM_BYTES or len(self._first) >= MAX_FIRST:
            return False
        values = {"flow": number, "address": _packed(source[0]), "port": source[1], "data": data}
        self._first.append(("datagram_in", values))
        return True

    def passed_on(self, number: int, count: int) -> None:
        """The network took so many bytes of the unit's."""
        flow = self._flows.get(number)
        if flow is None:
            return
        flow.passed_on += count
        limit = min(flow.passed_on + WINDOW_BYTES, _OFFSET_END)
        if limit - flow.granted >= STEP_BYTES:
            flow.granted = limit
            self._first.append(("limit_in", {"flow": number, "limit": limit}))

    def ended(self, number: int, reason: str) -> None:
        """The flow is over, from our side: the unit hears of it behind the last bytes."""
        flow = self._flows.get(number)
        if flow is None or flow.end:
            return
        flow.end = reason
        if flow.pieces:
            return
        if number in self._turns:
            self._turns.remove(number)
        del self._flows[number]
        self._first.append(("flow_ended", {"flow": number, "reason": FLOW_ENDS.index(reason)}))

    def _renew(self) -> None:
        number = self._draw()
        self._number = number if number not in (0, self._number) else number ^ 1 or 2
        self.attached = False
        self._unit = None
        self._sequence = self._heard_sequence = 0
        self._hello_s = float("-inf")
        self._flows = {}
        self._turns.clear()
        self._first.clear()

    def _frame(self, name: str, values: dict[str, Any]) -> bytes:
        self._sequence += 1
        # The zero ends whatever noise came before.
        lead = b"\x00" if name == "bridge_hello" else b""
        frame: bytes = encode_frame(messages.pack(name, values, self._number, self._sequence))
        return lead + frame

    def _answer(self, values: dict[str, Any]) -> list[Event]:
        if self._unit is None:
            self._unit, self.attached = values["unit"], True
            return [Attached()]
        return [] if values["unit"] == self._unit else [self.lose("the unit began anew")]

    def _open(self, values: dict[str, Any]) -> list[Event]:
        number, kind = values["flow"], FLOW_KINDS[values["kind"]]
        if number in self._flows:
            self.dropped += 1
            return []
        if len(self._flows) >= MAX_FLOWS or (kind == "tcp" and not (values["host"] and values["port"])):
            reason = "too_many" if len(self._flows) >= MAX_FLOWS else "not_allowed"
            self._refuse(number, reason)
            return []
        self._flows[number] = _Flow(kind == "tcp", values["limit"])
        return [Wanted(number, kind, values["host"], values["port"], values["local_port"], values["dscp"])]

    def _close(self, values: dict[str, Any]) -> list[Event]:
        reason = FLOW_ENDS[values["reason"]]
        if values["flow"] == 0:
            if reason == "link_changed":
                return [self.lose("the unit has an Ethernet link")]
            return [self._drop(number, reason) for number in list(self._flows)]
        return [self._drop(values["flow"], reason)] if values["flow"] in self._flows else []

    def _piece(self, values: dict[str, Any]) -> list[Event]:
        number, data = values["flow"], values["data"]
        flow = self._flows.get(number)
        if flow is None or not flow.tcp:
            return self._unknown(number)
        if flow.end:
            return []
        reason = ""
        if values["offset"] != flow.received:
            reason = "bytes_lost"
        elif flow.received + len(data) > flow.granted:
            reason = "over_limit"
        if reason:
            self._refuse(number, reason)
            return [self._drop(number, reason)]
        flow.received += len(data)
        return [Bytes(number, data)]

    def _limit(self, values: dict[str, Any]) -> list[Event]:
        flow = self._flows.get(values["flow"])
        if flow is None or not flow.tcp or values["limit"] <= flow.limit:  # it may cross with the flow's end
            return []
        flow.limit = values["limit"]
        return [Room(values["flow"])]

    def _datagram(self, values: dict[str, Any]) -> list[Event]:
        number = values["flow"]
        flow = self._flows.get(number)
        if flow is None or flow.tcp:
            return self._unknown(number)
        host = str(ipaddress.IPv4Address(values["address"]))
        place = (host, values["port"]) if values["port"] else None
        return [Datagram(number, place, values["data"])]

    def _unknown(self, number: int) -> list[Event]:
        self.dropped += 1
        if number not in self._flows:
            self._refuse(number, "unknown_flow")
        return []

    def _refuse(self, number: int, reason: str) -> None:
        if len(self._first) < MAX_FIRST:
            self._first.append(("flow_ended", {"flow": number, "reason": FLOW_ENDS.index(reason)}))

    def _drop(self, number: int, reason: str) -> Closed:
        del self._flows[number]
        if number in self._turns:
            self._turns.remove(number)
        return Closed(number, reason)


_STEPS: Final[dict[str, Callable[[Session, dict[str, Any]], list[Event]]]] = {
    "bridge_answer": Session._answer,
    "flow_open": Session._open,
    "flow_close": Session._close,
    "piece_out": Session._piece,
    "limit_out": Session._limit,
    "datagram_out": Session._datagram,
}


def _packed(host: str) -> bytes:
    return ipaddress.IPv4Address(host).packed
