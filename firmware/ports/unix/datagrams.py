"""The UDP sockets of the telephone line: one for SIP, and a pair for the RTP and RTCP of the call.

`MediaSockets.receive` allocates nothing once the peer's packets are known. This port's sockets have no recv_into, and
a `readinto` goes on to the next datagram until its buffer is full: it gets exactly one packet's size. Until that is
known, or one source is to be told from another, datagrams are read by `recvfrom`; then the socket is connected, and
the host keeps everybody else out.
"""

import socket

from micropython import const

from ports.unix import sockets

_RTP_BYTES = const(512)  # 30 ms of G.711 have 252
_HEADER_BYTES = const(12)
_PACKETS_A_FRAME = const(8)
_MAX_GAP = const(64)  # packets lost in a row, of which the timestamps still tell their size
_SAME_SIZE = const(4)  # packets of one size in a row: then it is known
_FIRST_PORT = const(16_384)
_PORTS = const(16_000)
_PORT_TRIES = const(32)
_POLLIN = const(1)
_MSG_PEEK = const(2)
_HEAD_BYTES = const(128)  # of a datagram: its request line, or what we need of it
_PING_BYTES = const(1024)  # a longer OPTIONS is not answered
_READ_AT_ONCE = const(16)  # datagrams
_COPIED = b" via v from f to t call-id i cseq "
_IPPROTO_IP, _IP_TOS = const(0), const(1)
SIGNALLING_DSCP = const(24)  # RFC 4594 4.2: CS5 or, as most networks have it, CS3
_VOICE_DSCP = const(46)  # RFC 4594 4.1: expedited forwarding


def bound(host, port, dscp):
    """A UDP socket at that address that does not block, its datagrams marked; OSError if the port is taken."""
    made = sockets.port.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind(sockaddr(host, port))
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    made.setsockopt(_IPPROTO_IP, _IP_TOS, dscp << 2)
    return made


def sockaddr(host, port):
    """(host, port) as sockets take it; OSError if `host` has no IPv4 address."""
    return sockets.port.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[0][-1]


def place(address):
    """(host, port) of what `recvfrom` names as the source: bytes on this port, the pair itself on real chips."""
    if isinstance(address, tuple):
        return address
    found = sockets.port.sockaddr(address)
    return socket.inet_ntop(socket.AF_INET, found[1]), found[2]


def free_port(host, random, count):
    """An even port of `host` that is free now, and so are the next ones, `count` in all; OSError if none is found."""
    if sockets.port is not socket:
        return sockets.port.free_port(count)
    for tried in range(_PORT_TRIES):
        port = _FIRST_PORT + int.from_bytes(random(2), "big") % _PORTS & ~1
        try:
            for each in range(port, port + count):
                bound(host, each, 0).close()
            return port
        except OSError:
            if tried == _PORT_TRIES - 1:
                raise


def called(sip, registrars, token):
    """True if a call waits in that socket, which is left there; all else is read and lost, without a module of SIP.

    A call is an INVITE from one of the registrars (address, ...), or one that names our Contact's user, `token`, which
    is None while we are not registered. A registrar that asks whether we are there (OPTIONS) is told so.
    """
    for _ in range(_READ_AT_ONCE):
        try:
            head, source = sip.recvfrom(_HEAD_BYTES, _MSG_PEEK)
            known = place(source)[0] in [each[0] for each in registrars]
            if head[:7] == b"INVITE " and (known or (token and token.encode() in head)):
                return True
            asks = known and head[:8] == b"OPTIONS "
            data = sip.recv(_PING_BYTES if asks else 1)
            if asks and len(data) < _PING_BYTES:
                sip.sendto(presence(data), source)
        except OSError:  # nothing more, or nobody there to hear it
            return False
        except MemoryError:  # the update has all there is: what was to be read comes again
            sip.recv(1)
    return False


def receive(ready, size, block):
    """The next datagram, up to `size` bytes of it, and its source.

    In a heap without so large a piece it is a view of `block`, and what came after it is lost: a `readinto` goes on to
    the next datagrams. MemoryError if there is no block (None): it waits in the socket.
    """
    try:
        return ready.recvfrom(size)
    except MemoryError:
        if block is None:
            raise
        source = ready.recvfrom(1, _MSG_PEEK)[1]
        return memoryview(block)[: ready.readinto(block) or 0], source


def presence(data):
    """The 200 to an OPTIONS, from nothing but its own headers (RFC 3261 8.2.6.2, 8.2.7)."""
    out = [b"SIP/2.0 200 OK"]
    kept = False
    for each in data.split(b"\r\n"):
        if not each:
            break
        line = each
        if line[:1] not in b" \t":
            name = line.split(b":", 1)[0].strip().lower()
            kept = b" " + name + b" " in _COPIED
            if name[:1] == b"t" and b"tag=" not in line:
                line += b";tag=0"
        if kept:
            out.append(line)
    return b"\r\n".join(out) + b"\r\nContent-Length: 0\r\n\r\n"


class MediaSockets:
    """RTP at `port`, RTCP at the next one (RFC 3550 11); `poller` is told of the RTCP socket."""

    def __init__(self, host, port, poller):
        self.host = host
        self.port = port
        self._poller = poller
        self._rtp = None
        self.rtcp = None
        self._buffer = bytearray(_RTP_BYTES)
        self._size = 0  # of the peer's packets
        self._same = 0  # so many had it, one after the other
        self._view = None  # of `_buffer`, once the size is known
        self._payload_type = self._sequence = self._timestamp = 0  # of the last packet
        self._step = -1  # of timestamps; -1: not known
        self._out = None  # a view of the packet sent last
        self._remote = None
        self._sockaddr = None

    def open(self):
        """Opens both anew: what waited in them is gone, and every source is heard."""
        self.close()
        self._rtp = bound(self.host, self.port, _VOICE_DSCP)
        self.rtcp = bound(self.host, self.port + 1, _VOICE_DSCP)
        self._poller.register(self.rtcp, _POLLIN)
        self._same = 0

    def close(self):
        """Both; without effect if they are closed."""
        self._view = self._out = self._remote = None
        if self._rtp is not None:
            self._poller.unregister(self.rtcp)
            self._rtp.close()
            self.rtcp.close()
            self._rtp = self.rtcp = None

    def receive(self, session, now_ms):
        """Hands the MediaSession the RTP packets that came."""
        for _ in range(_PACKETS_A_FRAME):
            try:
                length = self._next(session, now_ms) if self._view is None else self._next_known(session, now_ms)
            except OSError:  # nothing there, or nobody listens at the peer's: that the call's timeout will tell
                return
            if length is None:
                return

    def send(self, packet, length, remote):
        """The first bytes of `packet` to `remote`; what the host does not take is lost, as on any network."""
        if self._out is None or len(self._out) != length:
            self._out = memoryview(packet)[:length]
        try:
            if remote is not self._remote:
                self._sockaddr = sockaddr(remote[0], remote[1])
                self._remote = remote
            self._rtp.sendto(self._out, self._sockaddr)
        except OSError:
            return

    def report(self, data, remote):
        """RTCP to `remote`."""
        try:
            self.rtcp.sendto(data, sockaddr(remote[0], remote[1]))
        except OSError:
            return

    def _next(self, session, now_ms):
        """While sizes or sources are not known."""
        data, source = self._rtp.recvfrom(_RTP_BYTES)
        length = len(data)
        self._buffer[:length] = data
        session.packet(self._buffer, length, place(source), now_ms)
        self._same = self._same + 1 if length == self._size else 0
        self._size = length
        if self._same >= _SAME_SIZE and session.latched and length >= _HEADER_BYTES:
            self._rtp.connect(source)
            self._view = memoryview(self._buffer)[:length]
            self._step = -1
        return length

    def _next_known(self, session, now_ms):
        """A shorter one (a telephone-event) that was followed at once takes bytes of the next: that one is lost."""
        buffer = self._buffer
        length = self._rtp.readinto(self._view)
        if length is None:
            return None
        payload_type = buffer[1]  # and the marker
        sequence = buffer[2] << 8 | buffer[3]
        timestamp = buffer[6] << 8 | buffer[7]
        gone_on = sequence - self._sequence & 0xFFFF
        if payload_type == self._payload_type and 0 < gone_on < _MAX_GAP:
            step = timestamp - self._timestamp & 0xFFFF
            if length != self._size or (self._step >= 0 and step != (gone_on * self._step & 0xFFFF)):
                self._view = None  # the peer's packets have become shorter, or longer than what we read of them
                self._same = 0
            if gone_on == 1:
                self._step = step
        self._payload_type = payload_type
        self._sequence = sequence
        self._timestamp = timestamp
        session.packet(buffer, length, None, now_ms)
        return length
