"""SNTP answers as RFC 4330 section 5 wants them."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.serve.sntp import PACKET_BYTES, answer, serve

RECEIVED_S, SENT_S = 1_795_348_800.25, 1_795_348_800.5
NTP_1900_S = 2_208_988_800


def request(version: int = 4, mode: int = 3) -> bytes:
    return bytes([version << 3 | mode]) + bytes(39) + b"\x01\x02\x03\x04\x05\x06\x07\x08"


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_request_gets_the_time_in_its_own_version(version: int) -> None:
    reply = answer(request(version), RECEIVED_S, SENT_S)
    assert reply is not None
    assert len(reply) == PACKET_BYTES
    assert reply[0] == version << 3 | 4  # no leap second announced, a server
    assert 1 <= reply[1] <= 15
    assert reply[24:32] == request()[40:]  # the originate timestamp is the client's transmit timestamp
    assert struct.unpack(">II", reply[32:40]) == (int(RECEIVED_S) + NTP_1900_S, 1 << 30)
    assert struct.unpack(">II", reply[40:48]) == (int(SENT_S) + NTP_1900_S, 1 << 31)


def test_after_2036_the_seconds_start_again() -> None:
    reply = answer(request(), 2_300_000_000.0, 2_300_000_000.0)
    assert reply is not None
    assert struct.unpack(">I", reply[40:44]) == (2_300_000_000 + NTP_1900_S - (1 << 32),)


@pytest.mark.parametrize("wrong", [request(mode=4), request(version=0), request(version=7), request()[:-1], b""])
def test_what_is_no_request_gets_no_answer(wrong: bytes) -> None:
    assert answer(wrong, RECEIVED_S, SENT_S) is None


@given(st.binary(max_size=100))
def test_no_datagram_breaks_it(datagram: bytes) -> None:
    reply = answer(datagram, RECEIVED_S, SENT_S)
    assert reply is None or len(reply) == PACKET_BYTES <= len(datagram)


def test_it_serves_on_a_socket_until_stopped() -> None:
    stop = threading.Event()
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, args=(server, time.time, stop))
        thread.start()
        client.settimeout(5)
        client.sendto(b"no request", server.getsockname())
        client.sendto(request(), server.getsockname())
        seconds = struct.unpack(">I", client.recv(512)[40:44])[0] - NTP_1900_S
        stop.set()
        thread.join(5)
    assert abs(seconds - time.time()) < 5
