"""An MQTT 3.1.1 client without I/O: bytes and time in, events and bytes out.

Section numbers are those of the OASIS standard "MQTT Version 3.1.1". Invariants:
- one instance is one connection; after an error or a DISCONNECT it is of no more use;
- no packet is stored that is longer than MAX_REMAINING_BYTES, and none is looked at before its length is;
- each request has a limit: CONNACK, SUBACK, PUBACK and PINGRESP come within ANSWER_TIMEOUT_MS;
- messages go out at QoS 0 or 1 and come in at QoS 0 or 1; QoS 2 is never asked for, so it is an error.

Events are tuples: ("connected",), ("connect_refused", code), ("subscribed", packet_id),
("subscribe_refused", packet_id), ("published", packet_id), ("message", topic, payload).
MqttUseError is our mistake, MqttPeerError the broker's, MqttTimeoutError its silence.
"""

import struct

from micropython import const

from adapter.errors import AdapterError
from protocol.wire.layouts import MAX_MESSAGE_BYTES
from protocol.wire.topics import MAX_TOPIC_BYTES

MAX_REMAINING_BYTES = 2 + MAX_TOPIC_BYTES + 2 + MAX_MESSAGE_BYTES
MAX_IN_FLIGHT = const(16)
ANSWER_TIMEOUT_MS = const(10_000)
KEEP_ALIVE_S = const(30)

_CONNECT = const(1)
_CONNACK = const(2)
_PUBLISH = const(3)
_PUBACK = const(4)
_SUBSCRIBE = const(8)
_SUBACK = const(9)
_PINGREQ = const(12)
_PINGRESP = const(13)
_DISCONNECT = const(14)

# What a broker may send: packet type -> (name, least and most bytes after the header). Table 2.1.
_FROM_BROKER = {
    _CONNACK: ("CONNACK", 2, 2),
    _PUBLISH: ("PUBLISH", 3, MAX_REMAINING_BYTES),
    _PUBACK: ("PUBACK", 2, 2),
    _SUBACK: ("SUBACK", 3, 3),
    _PINGRESP: ("PINGRESP", 0, 0),
}
REFUSALS = {  # 3.2.2.3, the return codes of CONNACK
    1: "protocol version", 2: "client id", 3: "server unavailable", 4: "user name or password", 5: "not authorised",
}  # fmt: skip
_SUBACK_FAILURE = const(0x80)


class MqttError(AdapterError):
    """The root of this module's errors."""


class MqttUseError(MqttError):
    """We used the client as it may not be used."""


class MqttPeerError(MqttError):
    """The broker sent what MQTT 3.1.1, or our bounds, forbid."""


class MqttTimeoutError(MqttError):
    """The broker did not answer in time."""


def remaining_length(count):
    """`count` as MQTT writes lengths: seven bits a byte, the least first (2.2.3)."""
    out = bytearray()
    while True:
        byte = count & 0x7F
        count >>= 7
        if not count:
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def text(value):
    """`value` with its length before it (1.5.3); ours are ASCII, up to MAX_TOPIC_BYTES."""
    data = value.encode()
    if not 0 < len(data) <= MAX_TOPIC_BYTES:
        raise MqttUseError("a text has 1 to %d bytes, got %d" % (MAX_TOPIC_BYTES, len(data)))
    return struct.pack(">H", len(data)) + data


def packet(kind, flags, body):
    """One control packet: type and flags, length, body (2.2)."""
    return bytes([kind << 4 | flags]) + remaining_length(len(body)) + body


class PacketReader:
    """Cuts a byte stream into (type, flags, body); MqttPeerError as soon as a header breaks a bound."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """Appends; the caller takes packets out with `next` until it is None."""
        self._buffer.extend(data)

    def next(self):
        """The next whole packet, or None until more bytes come."""
        buffer = self._buffer
        if not buffer:
            return None
        name, least, most = _FROM_BROKER.get(buffer[0] >> 4, ("", 0, 0))
        if not name or (buffer[0] & 0x0F and buffer[0] >> 4 != _PUBLISH):
            raise MqttPeerError("packet of type %d, flags %d" % (buffer[0] >> 4, buffer[0] & 0x0F))
        header = self._header(name, most)
        if header is None:
            return None
        start, length = header
        if length < least:
            raise MqttPeerError("%s of %d bytes, allowed are %d to %d" % (name, length, least, most))
        if len(buffer) < start + length:
            return None
        first, body = buffer[0], bytes(buffer[start : start + length])
        self._buffer = buffer[start + length :]
        return first >> 4, first & 0x0F, body

    def _header(self, name, most):
        """(where the body starts, its length), or None; the length is judged byte by byte."""
        length = 0
        for at in range(1, min(len(self._buffer), 5)):
            length |= (self._buffer[at] & 0x7F) << (7 * (at - 1))
            if length > most:
                raise MqttPeerError("%s of %d bytes or more, allowed are %d" % (name, length, most))
            if not self._buffer[at] & 0x80:
                return at + 1, length
        if len(self._buffer) >= 5:
            raise MqttPeerError("%s whose length runs past four bytes" % name)
        return None


class MqttClient:
    """One connection's life: new, connecting, open, closed."""

    def __init__(self, client_id, keep_alive_s=KEEP_ALIVE_S):
        self.state = "new"
        self._client_id = client_id
        self._keep_alive_s = keep_alive_s
        self._reader = PacketReader()
        self._out = bytearray()
        self._last_id = 0
        self._awaited = {}  # (packet type, packet id) -> when it is too late, in ms
        self._quiet_since_ms = 0

    @property
    def room(self):
        """How many more requests may be in flight."""
        return MAX_IN_FLIGHT - len(self._awaited)

    def connect(self, now_ms):
        """Asks for a clean session (3.1); the other requests may follow at once (3.1.4)."""
        if self.state != "new":
            raise MqttUseError("a client connects once; this one is %s" % self.state)
        self.state = "connecting"
        body = b"\x00\x04MQTT\x04\x02" + struct.pack(">H", self._keep_alive_s) + text(self._client_id)
        self._send(_CONNECT, 0, body, now_ms)
        self._await(_CONNACK, 0, now_ms)

    def subscribe(self, topic, now_ms):
        """Asks for the messages of `topic` at QoS 1; returns the packet id."""
        packet_id = self._claim(_SUBACK, now_ms)
        self._send(_SUBSCRIBE, 2, struct.pack(">H", packet_id) + text(topic) + b"\x01", now_ms)
        return packet_id

    def publish(self, topic, payload, qos, now_ms):
        """Sends a message; returns the packet id that `published` will name, 0 at QoS 0."""
        if qos not in (0, 1) or len(payload) > MAX_MESSAGE_BYTES:
            raise MqttUseError("publish of %d bytes at QoS %r" % (len(payload), qos))
        body = text(topic)
        packet_id = 0
        if qos:
            packet_id = self._claim(_PUBACK, now_ms)
            body += struct.pack(">H", packet_id)
        self._send(_PUBLISH, qos << 1, body + payload, now_ms)
        return packet_id

    def disconnect(self, now_ms):
        """Says goodbye (3.14); what `poll` returns next is the last to be sent."""
        self._send(_DISCONNECT, 0, b"", now_ms)
        self.state = "closed"
        self._awaited = {}

    def feed(self, data, now_ms):
        """The events in `data`, in order; MqttPeerError closes the client."""
        if self.state not in ("connecting", "open"):
            raise MqttUseError("no bytes are expected while %s" % self.state)
        self._reader.feed(data)
        events = []
        try:
            while self.state != "closed":
                whole = self._reader.next()
                if whole is None:
                    break
                event = self._receive(whole[0], whole[1], whole[2], now_ms)
                if event:
                    events.append(event)
        except MqttPeerError:
            self.state = "closed"
            raise
        return events

    def poll(self, now_ms):
        """The bytes to send now; MqttTimeoutError when an answer is overdue."""
        for (kind, packet_id), late_ms in self._awaited.items():
            if now_ms >= late_ms:
                self.state = "closed"
                raise MqttTimeoutError(
                    "no %s for packet %d in %d ms" % (_FROM_BROKER[kind][0], packet_id, ANSWER_TIMEOUT_MS)
                )
        if self.state == "open" and now_ms >= self._ping_ms() and (_PINGRESP, 0) not in self._awaited:
            self._send(_PINGREQ, 0, b"", now_ms)
            self._await(_PINGRESP, 0, now_ms)
        out = bytes(self._out)
        self._out = bytearray()
        return out

    def next_timer(self):
        """When, in ms, `poll` has something to do at the latest; None if never."""
        times = list(self._awaited.values())
        if self.state == "open" and (_PINGRESP, 0) not in self._awaited:
            times.append(self._ping_ms())
        return min(times) if times else None

    def _ping_ms(self):
        return self._quiet_since_ms + self._keep_alive_s * 1000

    def _send(self, kind, flags, body, now_ms):
        if self.state not in ("connecting", "open"):
            raise MqttUseError("nothing can be sent while %s" % self.state)
        self._out.extend(packet(kind, flags, body))
        self._quiet_since_ms = now_ms

    def _await(self, kind, packet_id, now_ms):
        self._awaited[(kind, packet_id)] = now_ms + ANSWER_TIMEOUT_MS

    def _claim(self, kind, now_ms):
        """A packet id that is not in flight, from now on awaited (2.3.1)."""
        if self.room <= 0:
            raise MqttUseError("%d requests are in flight; wait for an answer" % MAX_IN_FLIGHT)
        packet_id = self._last_id
        while True:
            packet_id = packet_id % 0xFFFF + 1
            if (_PUBACK, packet_id) not in self._awaited and (_SUBACK, packet_id) not in self._awaited:
                break
        self._last_id = packet_id
        self._await(kind, packet_id, now_ms)
        return packet_id

    def _receive(self, kind, flags, body, now_ms):
        if (kind == _CONNACK) != (self.state == "connecting"):  # 3.2: first, and only once
            raise MqttPeerError("%s while %s" % (_FROM_BROKER[kind][0], self.state))
        if kind == _PUBLISH:
            return self._receive_message(flags, body, now_ms)
        if kind == _CONNACK:
            return self._receive_connack(body)
        if kind == _PINGRESP:
            self._settle(_PINGRESP, 0)
            return None
        packet_id = struct.unpack(">H", body[:2])[0]
        self._settle(kind, packet_id)
        if kind == _PUBACK:
            return ("published", packet_id)
        if body[2] not in (0, 1, _SUBACK_FAILURE):  # 3.9.3; we never ask for QoS 2
            raise MqttPeerError("SUBACK grants QoS code 0x%02x" % body[2])
        return ("subscribe_refused" if body[2] == _SUBACK_FAILURE else "subscribed", packet_id)

    def _settle(self, kind, packet_id):
        if self._awaited.pop((kind, packet_id), None) is None:
            raise MqttPeerError("%s for packet %d, which awaits none" % (_FROM_BROKER[kind][0], packet_id))

    def _receive_connack(self, body):
        self._settle(_CONNACK, 0)
        session_present, code = body[0], body[1]
        if code > 5 or session_present:  # 3.2.2.2: we asked for a clean session
            raise MqttPeerError("CONNACK with flags %d, return code %d" % (session_present, code))
        self.state = "closed" if code else "open"
        if code:
            self._awaited = {}
            self._out = bytearray()
        return ("connect_refused", code) if code else ("connected",)

    def _receive_message(self, flags, body, now_ms):
        qos = flags >> 1 & 3
        if qos > 1 or flags == 8:  # 3.3.1.1: DUP is 0 at QoS 0
            raise MqttPeerError("PUBLISH with flags %d" % flags)
        topic_bytes = struct.unpack(">H", body[:2])[0]
        start = 2 + topic_bytes + 2 * qos
        if not 0 < topic_bytes <= MAX_TOPIC_BYTES or start > len(body):
            raise MqttPeerError("PUBLISH of %d bytes with a topic of %d" % (len(body), topic_bytes))
        topic = body[2 : 2 + topic_bytes]
        for byte in topic:
            if not 0x20 < byte < 0x7F or byte in b"+#":
                raise MqttPeerError("PUBLISH to a topic with byte 0x%02x" % byte)
        if len(body) - start > MAX_MESSAGE_BYTES:
            raise MqttPeerError("PUBLISH of %d bytes, allowed are %d" % (len(body) - start, MAX_MESSAGE_BYTES))
        if qos:
            packet_id = body[start - 2 : start]
            if packet_id == b"\x00\x00":
                raise MqttPeerError("PUBLISH at QoS 1 with packet id 0")
            self._send(_PUBACK, 0, packet_id, now_ms)
        return ("message", topic.decode(), body[start:])
