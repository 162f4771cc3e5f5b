"""A connection to the registrar while the line is parked: what it asks is answered, a call is noticed."""

from __future__ import annotations

import json

import pytest

from tests.conftest import RunMicroPython

HEAD = """
import json, os, socket, time
from ports.unix.datagrams import free_port, sockaddr
from ports.unix.sip_stream import SipStream

HOST = "127.0.0.1"
listener = socket.socket()
while True:
    port = free_port(HOST, os.urandom, 1)  # for UDP; TCP may have it in use
    try:
        listener.bind(sockaddr(HOST, port))
        break
    except OSError:
        pass
listener.listen(1)
stream = SipStream((HOST, port), None, HOST, 0)
stream.called(0)  # which connects
peer = listener.accept()[0]
peer.setblocking(False)
OPTIONS = (b"OPTIONS sip:x@127.0.0.1 SIP/2.0\\r\\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\\r\\nX: " + b"y" * 600
    + b"\\r\\nCall-ID: 1\\r\\nContent-Length: 0\\r\\n\\r\\n")
INVITE = b"INVITE sip:x@127.0.0.1 SIP/2.0\\r\\n"


def called(*pieces):
    found = []
    for piece in pieces:
        peer.write(piece)
        time.sleep_ms(2)
        for _ in range(6):
            found.append(stream.called(100))
    return any(found), peer.read(2000) or b""
"""


def run(micropython: RunMicroPython, script: str) -> object:
    return json.loads(micropython(HEAD + script))


@pytest.mark.parametrize(
    ("pieces", "calls", "answer"),
    [
        ("OPTIONS", False, 1), ("OPTIONS[:5], OPTIONS[5:300], OPTIONS[300:]", False, 1),
        ("OPTIONS + OPTIONS", False, 2), ("INVITE", True, 0), ("INVITE[:3]", True, 0), ("OPTIONS + INVITE", True, 1),
    ],
)  # fmt: skip
def test_a_parked_line_answers_options_and_notices_a_call(
    micropython: RunMicroPython, pieces: str, calls: bool, answer: int
) -> None:
    found = run(micropython, f"found, said = called({pieces})\nprint(json.dumps([found, said.decode()]))")
    assert isinstance(found, list)
    assert found[0] is calls
    assert found[1].count("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nCall-ID: 1\r\n") == answer


def test_a_parked_line_answers_pings_and_leaves_their_answers(micropython: RunMicroPython) -> None:
    script = """
found = [called(b"\\r\\n"), called(b"\\r\\n\\r\\n")]
print(json.dumps([[called, said.decode()] for called, said in found]))
"""
    assert run(micropython, script) == [[False, ""], [False, "\r\n"]]


def test_a_broken_connection_asks_for_the_heap(micropython: RunMicroPython) -> None:
    assert run(micropython, "stream.called(50)\npeer.close()\nprint(json.dumps([stream.called(100)]))") == [True]
