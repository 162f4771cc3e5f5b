"""IP over USB, the unit's end: its TCP and UDP flows through the computer at its USB port (docs/usb-bridge.md).

`Bridge` has what the firmware uses of the module `socket`, and a Flow what it uses of a socket. A session lives as
long as the computer says hello; with it end all flows.

- The computer is not trusted: what it sends is bounded before it is kept, and what fits no flow changes nothing.
- Datagrams never wait for more than one piece of TCP: a piece is taken only when nothing else is to be sent.
- The line's three UDP flows are opened with the session, so that its ports are known as soon as there is an address.
"""

import errno
from struct import calcsize, pack, unpack_from

from micropython import const

from adapter.flow import MAX_OUT_DATAGRAMS, Flow, dotted
from protocol.wire.errors import WireError
from protocol.wire.link import decode_frame, frame_of

_SILENCE_MS = const(3_000)  # the computer says hello each second
_WINDOW_BYTES = const(512)  # of TCP that may wait to be read, a flow
_MAX_FLOWS = const(8)
_MAX_OUT = const(24)  # frames that wait for the computer to read; a session that gets there is lost
_FIRST_PORT = const(16_384)
_PORTS = const(16_000)

_TCP = const(0)
_UDP = const(1)
_SOCK_DGRAM = const(2)
_ENVELOPE = ">BBII"
_HEAD = const(10)
_ANSWER = const(104)
_FLOW_OPEN = const(105)
_FLOW_CLOSE = const(106)
_HELLO = const(121)
_OPENED = const(122)
_FLOW_ENDED = const(123)
_PIECE_IN = const(124)
_LIMIT_IN = const(125)
_DATAGRAM_IN = const(126)
# protocol/wire/bridge_layouts.py; the data of a piece and of a datagram follow their length.
_FORMS = {_OPENED: ">HH4sHI", _FLOW_ENDED: ">HB", _PIECE_IN: ">HIH", _LIMIT_IN: ">HI", _DATAGRAM_IN: ">H6sH"}
_UNKNOWN_FLOW = const(9)  # of FLOW_ENDS
_LINK_CHANGED = const(12)


class Bridge:
    """`put(data)` hands bytes to USB and returns how many it took, or None; `random(count)` gives random bytes."""

    def __init__(self, put, uptime, random):
        self.number = 1  # of the link, another one each time that it comes up
        self.up = False
        self.address = ""  # the computer's, as the unit's peers see it
        self.servers = []  # (address, port)
        self.dropped = 0  # frames that were damaged, or said nothing
        self._put = put
        self._uptime = uptime
        self._random = random
        self._session = 0
        self._unit = b""
        self._sequence = self._heard_sequence = 0
        self._heard_ms = 0
        self.flows = {}  # by number; of the line's that nobody has bound: None
        self.line = []  # [number, port] of the flows for SIP, RTP and RTCP; a port is 0 until it is known
        self._last_flow = 0
        self.waiting = 0  # bytes of datagrams
        self.out = []  # frames
        self._sent = 0  # of the first of them
        self.spare = bytearray(_WINDOW_BYTES)  # made while the heap is young

    def alive(self):
        """True while the computer says hello, and the line has its ports."""
        if self._session and self._uptime() - self._heard_ms > _SILENCE_MS:
            self._lose()
        return self.up

    def close(self):
        """Ends the session from this side: there is another link."""
        if self._session:
            self.send(_FLOW_CLOSE, pack(">HB", 0, _LINK_CHANGED), b"")
        self._lose()

    def feed(self, code):
        """Takes one frame, without the zero that ends it; never raises."""
        taken = False
        try:
            payload = decode_frame(code)
            if len(payload) > _HEAD:
                kind, version, session, sequence = unpack_from(_ENVELOPE, payload)
                if version and session and (session != self._session or sequence > self._heard_sequence):
                    if kind == _HELLO:
                        taken = self._hello(payload, session, version)
                    elif session == self._session and kind in _FORMS:
                        taken = self._message(kind, payload, version)
                if taken and session == self._session:
                    self._heard_sequence = sequence
        except (WireError, MemoryError, OSError):  # a heap in pieces loses what a network may lose
            taken = False
        self.dropped += not taken
        self.flush()

    def write(self, data):
        """Whole frames of the link's, in between; lost if the computer does not read."""
        if data and len(self.out) < _MAX_OUT:
            self.out.append(data)
            self.flush()

    def flush(self):
        """Hands USB what it takes; True if nothing is left."""
        while self.out:
            frame = self.out[0]
            count = self._put(memoryview(frame)[self._sent :])
            if not count:
                return False
            self._sent += count
            if self._sent == len(frame):
                self.out.pop(0)
                self._sent = 0
        return True

    def getaddrinfo(self, host, port, family=0, kind=0):
        """As socket's; a name stays one, and the computer resolves it."""
        parts = host.split(".")
        address = (host, port)
        if len(parts) == 4 and host.replace(".", "").isdigit():
            address = bytes([int(part) & 0xFF for part in parts]) + port.to_bytes(2, "big")
        return [(family, kind, 0, "", address)]

    def sockaddr(self, address):
        """(family, address, port) of what `recvfrom` names as the source."""
        return 0, address[:4], address[4] << 8 | address[5]

    def socket(self, family, kind):
        """A new Flow."""
        return Flow(self, _UDP if kind == _SOCK_DGRAM else _TCP)

    def free_port(self, count):
        """The line's: of SIP (count 1), or of RTP, with RTCP at the next one (2); OSError without a session."""
        if not self.up:
            raise OSError(errno.EADDRINUSE)
        return self.line[count - 1][1]

    def _hello(self, payload, session, version):
        size = len(payload)
        if size < _HEAD + 5 or payload[14] > 2:
            return False
        end = _HEAD + 5 + 6 * payload[14]
        if size < end or (size > end and version == 1):
            return False
        if session != self._session:
            self._lose()
            self._session = session
            self._unit = self._random(4)  # so that the computer notices a restart
            self.servers = []
            for at in range(15, end, 6):
                self.servers.append((dotted(payload[at : at + 4]), payload[at + 4] << 8 | payload[at + 5]))
            self.address = dotted(payload[10:14])
        self._heard_ms = self._uptime()
        self.send(_ANSWER, self._unit, b"")
        if not self.line:
            port = _FIRST_PORT + int.from_bytes(self._random(2), "big") % _PORTS & ~1
            for local_port, dscp in ((0, 24), (port, 46), (port + 1, 46)):  # RFC 4594, RFC 3550 11
                number = self.open(_UDP, "", 0, local_port, dscp)
                self.line.append([number, 0])
        return True

    def _message(self, kind, payload, version):
        form = _FORMS[kind]
        start = end = _HEAD + calcsize(form)
        if len(payload) < start:
            return False
        fields = unpack_from(form, payload, _HEAD)
        number = fields[0]
        if kind in (_PIECE_IN, _DATAGRAM_IN):
            end += fields[2]
        if len(payload) < end or (len(payload) > end and version == 1):
            return False
        own = number == 0
        for place in self.line:
            if place[0] == number:
                own = True
                if kind == _OPENED and not self.up:
                    place[1] = fields[1]
        if own and kind == _FLOW_ENDED:
            self._lose_flows()  # and the line asks anew at the next hello
            self.send(_FLOW_CLOSE, pack(">HB", 0, 0), b"")
        elif own and kind == _OPENED and not self.up:
            self.up = all([place[1] for place in self.line])
            self.number += self.up
        flow = self.flows.get(number)
        if own and kind in (_OPENED, _FLOW_ENDED):
            return True
        if flow is not None:
            return flow.feed(kind, fields, payload[start:end])
        if kind in (_PIECE_IN, _DATAGRAM_IN) and number not in self.flows and len(self.out) < MAX_OUT_DATAGRAMS:
            self.send(_FLOW_CLOSE, pack(">HB", number, _UNKNOWN_FLOW), b"")
        return False

    def open(self, kind, host, port, local_port, dscp):
        """Asks the computer for a flow; its number, or OSError."""
        if not self._session or len(self.flows) >= _MAX_FLOWS:
            raise OSError(errno.ENOBUFS)
        self._last_flow = number = self._last_flow % 0xFFFF + 1
        while number in self.flows:
            self._last_flow = number = self._last_flow % 0xFFFF + 1
        limit = _WINDOW_BYTES if kind == _TCP else 0
        host = host.encode()
        self.flows[number] = None
        head = pack(">HBHHBIB", number, kind, port, local_port, dscp, limit, len(host))
        self.send(_FLOW_OPEN, head, host)
        return number

    def send(self, kind, head, data):
        """A message to the computer; it goes out as soon as USB takes it."""
        if len(self.out) >= _MAX_OUT:
            self._lose()
        if not self._session:
            return
        try:
            frame = frame_of(pack(_ENVELOPE, kind, 1, self._session, self._sequence + 1), head, data)
        except MemoryError:  # the heap is in pieces
            raise OSError(errno.ENOBUFS)
        self._sequence += 1
        self.out.append(frame)
        self.flush()

    def _lose(self):
        """The session is over."""
        self._lose_flows()
        self._session = self._sequence = self._heard_sequence = 0
        if self.out:  # the rest of a frame that has begun spoils nothing but itself
            self.out = [b"\x00"]
            self._sent = 0

    def _lose_flows(self):
        self.up = False
        self.line = []
        flows = list(self.flows.values())
        self.flows = {}
        for flow in flows:
            if flow is not None:
                flow.lost(errno.ECONNRESET)
