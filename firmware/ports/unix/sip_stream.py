"""SIP over a connection, TCP or TLS, to the registrar in use: opened by us, kept, and read without waiting.

One connection carries both directions (RFC 5923, RFC 5626). All is done in `poll`, which never blocks but for the
arithmetic of a TLS handshake (some 40 ms): the driver opens none while somebody talks.
"""

import errno
import socket

from micropython import const

from ports.unix import sockets
from ports.unix.datagrams import presence, sockaddr

_CONNECT_MS = const(5_000)  # with the TLS handshake
_READ_BYTES = const(512)
_MAX_WAITING = const(16)  # messages that are not on their way yet
_EISCONN = const(106)  # not in this port's errno
_PING = b"\r\n\r\n"  # RFC 5626 4.4.1, of which the answer is half
_OPTIONS = b"OPTIONS "


class SipStream:
    """To `destination` (host, port). `context`: of TLS, None for TCP; `name`: whose the certificate is to be.

    It outlives the modules of SIP while the line is parked, and refers to none of them.
    """

    def __init__(self, destination, context, name, now_ms):
        self.destination = destination
        self._context = context
        self._name = name
        self._address = sockaddr(destination[0], destination[1])
        self._socket = sockets.port.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._connected = False
        self._by_ms = now_ms + _CONNECT_MS
        self._waiting = []
        self._view = memoryview(bytearray(_READ_BYTES))
        self._in = b""

    def send(self, data):
        """Hands a message over; OSError if too many wait already."""
        if len(self._waiting) >= _MAX_WAITING:
            raise OSError(errno.ENOBUFS)
        self._waiting.append(data)

    def poll(self, now_ms, framed):
        """The messages that came, pings too, as `framed` (adapter/sip/message.py, or `_asked`) tells one from the next.

        OSError, ValueError (TLS) or SipError: the connection is of no more use.
        """
        if not self._connected and not self._connect(now_ms):
            return ()
        self._write(now_ms)
        count = self._socket.readinto(self._view)
        if count == 0:
            raise OSError(errno.ECONNRESET)
        if count:
            self._in += bytes(self._view[:count])
        if self._in:
            return self._take(framed)
        return ()

    def called(self, now_ms):
        """True if something waits that needs the modules of SIP, or it has broken; OPTIONS and pings are answered."""
        try:
            for data in self.poll(now_ms, _asked):
                self.send(b"\r\n" if data == _PING else presence(data))
        except (OSError, ValueError):
            return True
        return len(self._in) > 0 and self._in[: len(_OPTIONS)] != _OPTIONS[: len(self._in)]

    def close(self):
        """At once."""
        self._socket.close()

    def _write(self, now_ms):
        while self._waiting:
            data = self._waiting[0]
            count = self._socket.write(data)
            if not count:
                if self._by_ms is not None and now_ms >= self._by_ms:
                    raise OSError(errno.ETIMEDOUT)
                break
            self._by_ms = None  # a TLS handshake is through when the first bytes are
            if count == len(data):
                self._waiting.pop(0)
            else:
                self._waiting[0] = data[count:]

    def _connect(self, now_ms):
        """True once the host at the other end has answered."""
        try:
            self._socket.connect(self._address)
        except OSError as error:
            if error.errno in (errno.EINPROGRESS, errno.EALREADY):
                if now_ms >= self._by_ms:
                    raise OSError(errno.ETIMEDOUT)
                return False
            if error.errno != _EISCONN:
                raise
        if self._context is not None:
            self._socket = self._context.wrap_socket(
                self._socket, server_hostname=self._name, do_handshake_on_connect=False
            )
            self._socket.setblocking(False)
        self._connected = True
        return True

    def _take(self, framed):
        """The whole messages of what has come so far."""
        found = []
        length = framed(self._in)
        while length:
            found.append(self._in[:length])
            self._in = self._in[length:]
            length = framed(self._in)
        if self._in[: len(_PING)] == _PING[: len(self._in)]:
            if len(self._in) >= len(_PING):
                found.append(_PING)
            self._in = b""
        return found


def _asked(data):
    """The length of an OPTIONS that has come whole, without a body; 0 for anything else."""
    return (data.find(_PING) + len(_PING)) if data[: len(_OPTIONS)] == _OPTIONS and _PING in data else 0
