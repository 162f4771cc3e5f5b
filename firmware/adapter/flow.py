"""One TCP or UDP flow over the bridge: a socket to the rest of the firmware (adapter/bridge.py).

| state   | connect      | opened  | piece, limit, datagram | ended | session lost |
|---------|--------------|---------|------------------------|-------|--------------|
| new     | opening      | -       | -                      | -     | -            |
| opening | EALREADY     | open    | -                      | ended | ended        |
| open    | EISCONN      | -       | taken                  | ended | ended        |
| ended   | the errno    | -       | -                      | -     | -            |

`-`: dropped. A piece that is not the next one, or more than was allowed, ends the flow.
"""

import errno
import io
from struct import pack

from micropython import const

_WINDOW_BYTES = const(512)  # of TCP that may wait to be read
_STEP_BYTES = const(256)  # read since the last limit: then another is worth a frame
_PIECE_BYTES = const(512)
_DATAGRAM_BYTES = const(2048)
_WAITING_BYTES = const(4096)  # of datagrams, in all flows
MAX_OUT_DATAGRAMS = 12  # frames that wait for USB: then the next datagram is lost, as on any network

_TCP = const(0)
_UDP = const(1)
_NEW = const(0)
_OPENING = const(1)
_OPEN = const(2)
_ENDED = const(3)
_FLOW_CLOSE = const(106)
_PIECE_OUT = const(107)
_LIMIT_OUT = const(108)
_DATAGRAM_OUT = const(109)
_OPENED = const(122)
_FLOW_ENDED = const(123)
_PIECE_IN = const(124)
_LIMIT_IN = const(125)
_DATAGRAM_IN = const(126)
_END = const(0)
_BYTES_LOST = const(10)
_OVER_LIMIT = const(11)
# What a socket would say, for each of FLOW_ENDS (protocol/wire/bridge_layouts.py): its errno.
_ERRNOS = b"\x00\x6f\x71\x6e\x71\x68\x0d\x69\x62\x68\x68\x68\x68"
_EISCONN = const(106)
_EPIPE = const(32)
_EINVAL = const(22)
_POLL = const(3)  # requests of the stream protocol
_CLOSE = const(4)
_POLLIN = const(1)
_POLLOUT = const(4)
_MSG_PEEK = const(2)


class Flow(io.IOBase):
    """A socket of the Bridge: `kind` is its, TCP or UDP. Without a datagram or bytes it raises, or reads None."""

    # What most flows never change takes no room in each.
    _number = _state = _error = 0  # `_error`: an errno, once it has ended
    _bound = False  # to a port of the line, which stays open behind it
    _peer = None  # of a UDP flow to one host: the source that is heard
    _buffer = None  # of TCP: from _at to _end it waits to be read
    _at = _end = _received = _granted = _limit = _sent = 0

    def __init__(self, bridge, kind):
        self._bridge = bridge
        self._kind = kind
        self._datagrams = []  # (source, data)

    def setsockopt(self, *ignored):
        """It never blocks, and it is the computer that marks what it sends (`dscp` of flow_open)."""

    setblocking = setsockopt

    def bind(self, address):
        """To a port of the line; OSError if it is none of them, or in use."""
        bridge = self._bridge
        port = address[4] << 8 | address[5]
        for number, known in bridge.line:
            if known == port and bridge.up and bridge.flows[number] is None:
                bridge.flows[number] = self
                self._number = number
                self._bound = True
                self._state = _OPEN
                return
        raise OSError(errno.EADDRINUSE)

    def connect(self, address):
        """TCP: begins to, and says how it stands, as a socket that does not block does. UDP: hears that source only."""
        if self._bound:
            self._peer = address
            return
        if self._state == _NEW:
            host, port = address if isinstance(address, tuple) else (dotted(address), address[4] << 8 | address[5])
            if self._kind == _TCP:
                self._buffer, self._bridge.spare = self._bridge.spare or bytearray(_WINDOW_BYTES), None
                self._granted = _WINDOW_BYTES
            self._state = _OPENING
            self._number = self._bridge.open(self._kind, host, port, 0, 0)
            self._bridge.flows[self._number] = self
            if self._kind == _TCP:
                raise OSError(errno.EINPROGRESS)
        elif self._kind == _TCP:
            raise OSError((0, errno.EALREADY, _EISCONN, self._error or errno.ECONNRESET)[self._state])

    def recvfrom(self, size, flags=0):
        """(data, source) of a datagram; OSError if none is there."""
        if not self._datagrams:
            raise OSError(self._error or errno.EAGAIN)
        source, data = self._datagrams[0]
        if not flags & _MSG_PEEK:
            self._datagrams.pop(0)
            self._bridge.waiting -= len(data)
        return data[:size], source

    def recv(self, size, flags=0):
        """As `recvfrom`, without the source."""
        return self.recvfrom(size, flags)[0]

    def readinto(self, view):
        """The number of bytes read; None: nothing is there, 0: the stream's end; OSError."""
        if self._kind == _UDP:
            if not self._datagrams:
                return None
            data = self.recvfrom(len(view))[0]
            view[: len(data)] = data
            return len(data)
        count = min(len(view), self._end - self._at)
        if count:
            view[:count] = memoryview(self._buffer)[self._at : self._at + count]
            self._at += count
            limit = min(self._received - (self._end - self._at) + _WINDOW_BYTES, 0xFFFFFFFF)
            if limit - self._granted >= _STEP_BYTES and self._state == _OPEN:
                self._granted = limit
                self._bridge.send(_LIMIT_OUT, pack(">HI", self._number, limit), b"")
            return count
        if self._state != _ENDED:
            return None
        if self._error:
            raise OSError(self._error)
        return 0

    def sendto(self, data, address=b"\0\0\0\0\0\0"):
        """A datagram to `address` (4 bytes and the port's 2; none: to its one host); OSError if it cannot go now."""
        bridge = self._bridge
        if self._state not in (_OPENING, _OPEN):
            raise OSError(self._error or _EPIPE)
        if len(bridge.out) >= MAX_OUT_DATAGRAMS or len(data) > _DATAGRAM_BYTES:
            raise OSError(errno.ENOBUFS)
        bridge.send(_DATAGRAM_OUT, pack(">H6sH", self._number, address, len(data)), data)

    send = sendto

    def write(self, data):
        """The number of bytes taken; None if none may go now; OSError."""
        bridge = self._bridge
        if self._state == _ENDED:
            raise OSError(self._error or _EPIPE)
        count = min(len(data), _PIECE_BYTES, self._limit - self._sent)
        if self._state != _OPEN or count <= 0 or not bridge.flush():
            return None
        bridge.send(_PIECE_OUT, pack(">HIH", self._number, self._sent, count), memoryview(data)[:count])
        self._sent += count
        return count

    def ioctl(self, request, argument):
        """The stream protocol's: whether it can be read or written."""
        if request == _CLOSE:
            self.close()
            return 0
        if request != _POLL:
            return -_EINVAL
        if self._state == _ENDED:
            return argument & (_POLLIN | _POLLOUT)
        ready = 0
        if self._datagrams or self._at < self._end:
            ready = _POLLIN
        if self._bridge.flush() and self._state == _OPEN and (self._kind == _UDP or self._limit > self._sent):
            ready |= _POLLOUT
        return ready & argument

    def close(self):
        """At once; may be called twice."""
        bridge = self._bridge
        if bridge.flows.get(self._number) is self:
            if self._bound:
                bridge.flows[self._number] = None
            else:
                del bridge.flows[self._number]
                bridge.send(_FLOW_CLOSE, pack(">HB", self._number, _END), b"")
        self.lost(errno.ECONNRESET)
        for _, data in self._datagrams:
            bridge.waiting -= len(data)
        self._datagrams = []
        self._at = self._end = 0
        if self._buffer is not None:
            bridge.spare, self._buffer = self._buffer, None

    def lost(self, error):
        if self._state != _ENDED:
            self._state = _ENDED
            self._error = error

    def feed(self, kind, fields, data):
        """From the computer; False if it does not fit here."""
        bridge = self._bridge
        if kind == _FLOW_ENDED:
            if fields[1] >= len(_ERRNOS):
                return False
            del bridge.flows[self._number]
            self.lost(_ERRNOS[fields[1]])
        elif kind == _OPENED:
            if self._state != _OPENING:
                return False
            self._state = _OPEN
            self._limit = fields[4]
            self._peer = fields[2] + fields[3].to_bytes(2, "big")
        elif kind == _DATAGRAM_IN:
            length = len(data)
            if self._kind != _UDP or length > _DATAGRAM_BYTES or bridge.waiting + length > _WAITING_BYTES:
                return False
            if self._peer is None or self._peer == fields[1]:
                bridge.waiting += length
                self._datagrams.append((fields[1], data))
        elif self._kind != _TCP or self._state != _OPEN:
            return False
        elif kind == _LIMIT_IN:
            self._limit = max(self._limit, fields[1])
        elif fields[1] != self._received or not data or self._received + len(data) > self._granted:
            reason = _OVER_LIMIT if fields[1] == self._received else _BYTES_LOST
            del bridge.flows[self._number]
            self.lost(_ERRNOS[reason])
            bridge.send(_FLOW_CLOSE, pack(">HB", self._number, reason), b"")
        else:
            buffer = self._buffer
            if self._end + len(data) > _WINDOW_BYTES:
                left = self._end - self._at
                buffer[:left] = bytes(memoryview(buffer)[self._at : self._end])
                self._at, self._end = 0, left
            buffer[self._end : self._end + len(data)] = data
            self._end += len(data)
            self._received += len(data)
        return True


def dotted(address):
    """Of 4 bytes, or of those and a port's: dotted decimal."""
    return "%d.%d.%d.%d" % (address[0], address[1], address[2], address[3])
