"""TLS streams on the real MicroPython, over networks that cut and delay what is sent."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from pathlib import Path

from tests.conftest import RunMicroPython
from tests.firmware.loopback_fleet import HOST, Authority

PART_BYTES = 50

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


def answer_in_parts(listener: socket.socket, context: ssl.SSLContext, body: bytes) -> None:
    """Takes one client's byte, then sends it `body` as one TLS record, in segments of PART_BYTES."""
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
        for at in range(0, len(secret), PART_BYTES):
            connection.sendall(secret[at : at + PART_BYTES])
            pause.wait(0.02)  # each part is a segment of its own, as behind a slow line


def was_asked(secure: ssl.SSLObject) -> bool:
    """True once the handshake is through and the client's first byte is there."""
    try:
        secure.do_handshake()
        return bool(secure.read(1))
    except ssl.SSLWantReadError:
        return False


def test_a_tls_record_that_comes_in_many_segments_is_read_as_it_was_sent(
    tmp_path: Path, micropython: RunMicroPython
) -> None:
    authority = Authority.create("test servers")
    authority.issue("test server", hosts=True).write(tmp_path / "server")
    (tmp_path / "anchors").write_bytes(authority.der)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    body = bytes(range(32, 127)) * 4
    with socket.create_server((HOST, 0)) as listener:
        serving = threading.Thread(target=answer_in_parts, args=(listener, context, body))
        serving.start()
        found = json.loads(micropython(READ, listener.getsockname()[1], tmp_path / "anchors"))
        serving.join()
    assert "".join(found) == body.decode()


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
