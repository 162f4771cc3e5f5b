"""The network of the simulated board: TLS streams and UDP questions over the host's sockets.

Every wait has a limit; every address a name resolves to is tried. While the board's Ethernet link is down
nothing leaves and nothing arrives, as if the cable were out. Names are resolved by the host and block while
they are: a board's own resolver does the same.
"""

import asyncio
import errno
import socket
import time
from asyncio import core
from asyncio.stream import Stream

import tls
from micropython import const

from adapter.errors import AdapterError
from ports.unix import sockets

_CONNECT_TIMEOUT_MS = const(8_000)  # for all of a host's addresses: nobody beats the watchdog meanwhile
_HANDSHAKE_TIMEOUT_MS = const(8_000)
_DRAIN_TIMEOUT_MS = const(8_000)
_MAX_ADDRESSES = const(4)
_READ_BYTES = const(1024)
_DATAGRAM_BYTES = const(1500)
_EISCONN, _EISCONN_LWIP = const(106), const(127)  # not in the ports' errno; the ESP32's C library has the other


class NetError(AdapterError):
    """The network did not do what was asked; says which host, and what happened."""


class TlsStream:
    """A TLS connection: `read`, `write`, `close`; `handshake_ms` is what its handshake took."""

    def __init__(self, net, plain, stream, where):
        self._net = net
        self._plain = plain  # below TLS: it has a file descriptor, which the host wakes us for
        self._stream = stream
        self._where = where
        self._link = net.link()
        self._buffer = net.take_buffer()
        self.handshake_ms = 0

    async def handshake(self, first):
        """Shakes hands, and sends `first`, the protocol's first bytes, behind it."""
        started = time.ticks_ms()
        await self._send(first, _HANDSHAKE_TIMEOUT_MS, "the TLS handshake with")
        self.handshake_ms = time.ticks_diff(time.ticks_ms(), started)

    async def write(self, data):
        """Hands all of `data` to the network."""
        await self._send(data, _DRAIN_TIMEOUT_MS, "sending to")

    async def read(self, most=_READ_BYTES):
        """1 to `most` (or _READ_BYTES) bytes as soon as there are any, b"" at the end; the caller limits the wait."""
        view = memoryview(self._buffer)[:most]
        try:
            # First without waiting: of a record of 16 KB the rest is in TLS's hands already, and nothing in the socket.
            count = self._stream.s.readinto(view)
            while count is None:  # so far there is nothing, or only a part of a TLS record
                await _readable(self._plain)
                count = self._stream.s.readinto(view)
        except (OSError, ValueError) as error:
            raise NetError("reading from %s: %s" % (self._where, error))
        self._net.check_link(self._where, self._link)
        return bytes(view[:count])

    def close(self):
        """Ends the connection at once; may be called twice."""
        if self._buffer is not None:
            self._net.give_buffer(self._buffer)
            self._buffer = None
        self._stream.s.close()  # last: should the socket complain, the next connection has its buffer

    async def _send(self, data, limit_ms, doing):
        self._net.check_link(self._where, self._link)
        try:
            self._stream.write(data)
            await asyncio.wait_for_ms(self._stream.drain(), limit_ms)
        except asyncio.TimeoutError:
            raise NetError("%s %s took more than %d ms" % (doing, self._where, limit_ms))
        except (OSError, ValueError) as error:  # ValueError: wrong CA, wrong name, expired, not yet valid
            raise NetError("%s %s: %s" % (doing, self._where, error))


class Net:
    """The sockets of one board; `link()` tells what carries its traffic, 0 for nothing (ports/unix/board.py)."""

    def __init__(self, link):
        self.link = link
        # Made while the heap is young, and used again and again: later it may have no kilobyte in one piece.
        self._buffer = bytearray(_READ_BYTES)

    def take_buffer(self):
        """What the one TLS connection reads into."""
        buffer, self._buffer = self._buffer, None
        return buffer

    def give_buffer(self, buffer):
        """At the end of the connection."""
        self._buffer = buffer

    def check_link(self, where, link=0):
        """The link; NetError if there is none, or another than `link`."""
        now = self.link()
        if not now or now != (link or now):
            raise NetError("no link any more on the way to %s" % where)
        return now

    async def open_tls(self, host, port, context):
        """A connected TlsStream to `host`, whose certificate must name it; the handshake is still to come."""
        where = "%s:%d" % (host, port)
        self.check_link(where)
        if self._buffer is None:
            raise NetError("no second TLS connection to %s: the heap has room for one at a time" % where)
        problem = "no address"
        found = _resolve(host, port, socket.SOCK_STREAM)
        for family, address in found:
            plain = sockets.port.socket(family, socket.SOCK_STREAM)
            try:
                await asyncio.wait_for_ms(_connect(plain, address), _CONNECT_TIMEOUT_MS // len(found))
                secure = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
                secure.setblocking(False)
                return TlsStream(self, plain, Stream(secure), where)
            except asyncio.TimeoutError:
                problem = "no answer in %d ms" % (_CONNECT_TIMEOUT_MS // len(found))
            except OSError as error:
                problem = error
            except BaseException:  # cancelled, no memory for TLS, or certificates that it does not take
                plain.close()
                raise
            plain.close()
        raise NetError("connecting to %s: %s" % (where, problem))

    async def udp_exchange(self, host, port, data, accept, limit_ms):
        """Sends one datagram; the first value other than None that `accept(datagram, elapsed_ms)` returns.

        None if there was none in `limit_ms`. What `accept` raises ends the exchange.
        """
        self.check_link(host)
        found = _resolve(host, port, socket.SOCK_DGRAM)
        if not found:
            raise NetError("no address for %s" % host)
        family, address = found[0]
        asking = sockets.port.socket(family, socket.SOCK_DGRAM)
        try:
            asking.setblocking(False)
            asking.connect(address)  # so that only this peer's answers come in
            started = time.ticks_ms()
            asking.send(data)
            return await asyncio.wait_for_ms(_first_answer(asking, accept, started), limit_ms)
        except asyncio.TimeoutError:
            return None
        except OSError as error:
            raise NetError("asking %s:%d: %s" % (host, port, error))
        finally:
            asking.close()


def tls_context(anchors_der, certificate_der=None, key_der=None):
    """A context that believes servers of `anchors_der` only and shows our certificate, if it is given one."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(anchors_der)
    if certificate_der is not None:
        context.load_cert_chain(certificate_der, key_der)
    return context


def _resolve(host, port, kind):
    """Up to _MAX_ADDRESSES of (family, address)."""
    try:
        found = sockets.port.getaddrinfo(host, port, 0, kind)
    except OSError as error:
        raise NetError("no address for %s: %s" % (host, error))
    return [(entry[0], entry[-1]) for entry in found[:_MAX_ADDRESSES]]


async def _connect(plain, address):
    plain.setblocking(False)
    try:
        plain.connect(address)
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            raise
    await _writable(plain)
    try:
        plain.connect(address)  # a second time: this port has no getsockopt to read the outcome with
    except OSError as error:
        if error.errno not in (_EISCONN, _EISCONN_LWIP):
            raise


def _writable(plain):
    yield core._io_queue.queue_write(plain)


def _readable(plain):
    yield core._io_queue.queue_read(plain)


async def _first_answer(asking, accept, started):
    while True:
        await _readable(asking)
        elapsed_ms = time.ticks_diff(time.ticks_ms(), started)
        value = accept(asking.recv(_DATAGRAM_BYTES), elapsed_ms)
        if value is not None:
            return value
