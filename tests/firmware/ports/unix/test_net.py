"""TLS streams on the real MicroPython, over networks that cut and delay what is sent."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.conftest import RunMicroPython
from tests.firmware.loopback_fleet import HOST, Authority

READ = """
import asyncio, json, sys
from ports.unix.net import Net, tls_context

async def read(port, anchors):
    stream = await Net(lambda: True).open_tls("127.0.0.1", port, tls_context(anchors))
    await stream.handshake(b"?")
    found = []
    while True:
        data = await asyncio.wait_for(stream.read(), 5)
        if not data:
            return found
        found.append(data.decode())

with open(sys.argv[2], "rb") as file:
    print(json.dumps(asyncio.run(read(int(sys.argv[1]), file.read()))))
"""


def server_context(folder: Path) -> ssl.SSLContext:
    """A server's, with a certificate that `anchors` in the folder vouch for."""
    authority = Authority.create("test servers")
    authority.issue("test server", hosts=True).write(folder / "server")
    (folder / "anchors").write_bytes(authority.der)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def answer_in_parts(listener: socket.socket, context: ssl.SSLContext, body: bytes, part_bytes: int) -> None:
    """Takes one client's byte, then sends it `body` as one TLS record, in segments of `part_bytes`."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(received, to_send, server_side=True)
    while not was_asked(secure):
        connection.sendall(to_send.read())
        received.write(connection.recv(4096))
    secure.write(body)
    secret = to_send.read()
    pause = threading.Event()
    with connection:
        for at in range(0, len(secret), part_bytes):
            connection.sendall(secret[at : at + part_bytes])
            pause.wait(0.02)  # each part is a segment of its own, as behind a slow line


def was_asked(secure: ssl.SSLObject) -> bool:
    """True once the handshake is through and the client's first byte is there."""
    try:
        secure.do_handshake()
        return bool(secure.read(1))
    except ssl.SSLWantReadError:
        return False


@pytest.mark.parametrize(("times", "part_bytes"), [(4, 50), (40, 5000)], ids=["in many segments", "beyond one read"])
def test_a_tls_record_is_read_as_it_was_sent(
    tmp_path: Path, micropython: RunMicroPython, times: int, part_bytes: int
) -> None:
    context = server_context(tmp_path)
    body = bytes(range(32, 127)) * times
    with socket.create_server((HOST, 0)) as listener:
        serving = threading.Thread(target=answer_in_parts, args=(listener, context, body, part_bytes))
        serving.start()
        found = json.loads(micropython(READ, listener.getsockname()[1], tmp_path / "anchors"))
        serving.join()
    assert "".join(found) == body.decode()


WAIT = """
import asyncio, sys
from ports.unix.net import Net, tls_context

def wakeups():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("voluntary"):
                return int(line.split()[1])

async def wait(port, anchors):
    stream = await Net(lambda: True).open_tls("127.0.0.1", port, tls_context(anchors))
    await stream.handshake(b"?")
    before = wakeups()
    try:
        await asyncio.wait_for(stream.read(), 0.5)
    except asyncio.TimeoutError:
        print(wakeups() - before)
    stream.close()

with open(sys.argv[2], "rb") as file:
    asyncio.run(wait(int(sys.argv[1]), file.read()))
"""


def stay_silent(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Takes one client's byte, and says nothing until the client has gone."""
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as secure:
        while secure.recv(16):
            pass


def test_a_silent_connection_wakes_nobody(tmp_path: Path, micropython: RunMicroPython) -> None:
    context = server_context(tmp_path)
    with socket.create_server((HOST, 0)) as listener:
        serving = threading.Thread(target=stay_silent, args=(listener, context))
        serving.start()
        woken = int(micropython(WAIT, listener.getsockname()[1], tmp_path / "anchors"))
        serving.join()
    assert woken < 20, "in half a second; polled by a timer, it were some hundred"


CONNECT = """
import asyncio, socket
from ports.unix import net

limits_ms = []

async def time_out(connecting, limit_ms):
    connecting.close()
    limits_ms.append(limit_ms)
    raise asyncio.TimeoutError

async def connect():
    try:
        await net.Net(lambda: True).open_tls("broker", 1, None)
    except net.NetError as error:
        print(len(limits_ms), sum(limits_ms), error)

asyncio.wait_for_ms = time_out
net._resolve = lambda host, port, kind: [(socket.AF_INET, None)] * 4
asyncio.run(connect())
"""


def test_a_host_with_many_silent_addresses_keeps_the_watchdog_no_longer_waiting_than_one_with_one(
    micropython: RunMicroPython,
) -> None:
    tries, waited_ms, error = micropython(CONNECT).split(" ", 2)
    assert (int(tries), int(waited_ms)) == (4, 8000)
    assert "no answer in 2000 ms" in error


LEAVE = """
import asyncio
from ports.unix import net, sockets

class Socket:
    def close(self):
        closed.append(1)

class Network:
    def socket(self, family, kind):
        return Socket()

class Context:
    def __init__(self, error):
        self.error = error
    def wrap_socket(self, plain, **_):
        raise self.error

async def connected(connecting, limit_ms):
    connecting.close()

closed, sockets.port = [], Network()
asyncio.wait_for_ms = connected
net._resolve = lambda host, port, kind: [(0, None)]
for error in (MemoryError(), ValueError("cert"), OSError(22), asyncio.CancelledError(), KeyboardInterrupt()):
    try:
        asyncio.run(net.Net(lambda: True).open_tls("broker", 1, Context(error)))
    except BaseException as raised:
        print(type(raised).__name__, len(closed))
"""


def test_a_connection_that_does_not_come_about_leaves_no_socket(micropython: RunMicroPython) -> None:
    told = [line.split() for line in micropython(LEAVE).splitlines()]
    errors = ["MemoryError", "ValueError", "NetError", "CancelledError", "KeyboardInterrupt"]
    assert told == [[error, str(number)] for number, error in enumerate(errors, start=1)]


CLOSE = """
from ports.unix import net

class Socket:  # one whose end its network does not take
    def close(self):
        raise OSError(104)

class Stream:
    s = Socket()

unit = net.Net(lambda: True)
stream = net.TlsStream(unit, None, Stream(), "broker:1")
try:
    stream.close()
except OSError:
    print(unit.take_buffer() is not None)
"""


def test_a_connection_whose_end_fails_leaves_the_buffer_to_the_next_one(micropython: RunMicroPython) -> None:
    assert micropython(CLOSE).split() == ["True"]
