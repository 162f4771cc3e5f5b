"""The media sockets on the real MicroPython: one datagram is one packet, and in the steady state none is allocated."""

from __future__ import annotations

import json

from tests.conftest import RunMicroPython

HEAD = """
import json, micropython, os, select
from ports.unix.datagrams import MediaSockets, bound, free_port, place, sockaddr

HOST = "127.0.0.1"


class Session:
    latched = True

    def __init__(self):
        self.got = []
        self.lengths = bytearray(4000)
        self.count = 0
        self.keep = True

    def packet(self, buffer, length, source, now_ms):
        self.lengths[self.count] = length
        self.count += 1
        if self.keep:
            self.got.append((length, bytes(buffer[12:length]) == bytes([buffer[3]]) * (length - 12)))


def packet(sequence, timestamp, size, kind=0):
    out = bytearray(12 + size)
    out[0], out[1], out[2], out[3] = 0x80, kind, sequence >> 8 & 255, sequence & 255
    out[4], out[5], out[6], out[7] = 0, timestamp >> 16 & 255, timestamp >> 8 & 255, timestamp & 255
    for at in range(size):
        out[12 + at] = sequence & 255
    return out


sockets = MediaSockets(HOST, free_port(HOST, os.urandom, 2), select.poll())
sockets.open()
peer = bound(HOST, free_port(HOST, os.urandom, 1), 0)
to = sockaddr(HOST, sockets.port)
session = Session()
"""


def run(micropython: RunMicroPython, script: str) -> object:
    return json.loads(micropython(HEAD + script))


def test_packets_of_one_size_are_read_one_by_one_and_without_allocating(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
for n in range(10):
    peer.sendto(packet(n, 160 * n, 160), to)
    sockets.receive(session, 0)
before = session.count
session.keep = False
one = packet(10, 1600, 160)
other = packet(11, 1760, 160)
micropython.heap_lock()
peer.sendto(one, to)
peer.sendto(other, to)
sockets.receive(session, 0)
sockets.receive(session, 0)
micropython.heap_unlock()
print(json.dumps([before, session.count, list(session.lengths[10:12]), [row[1] for row in session.got]]))
""",
    )
    assert found == [10, 12, [172, 172], [True] * 10]


def test_a_peer_that_goes_over_to_longer_packets_is_understood_after_one(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
for n in range(10):
    peer.sendto(packet(n, 160 * n, 160), to)
    sockets.receive(session, 0)
for n in range(10, 20):
    peer.sendto(packet(n, 1600 + 240 * (n - 10), 240), to)
    sockets.receive(session, 0)
print(json.dumps([row[0] for row in session.got[10:]]))
""",
    )
    assert found == [172, 172] + [252] * 8  # the first one's step is still that of the shorter ones


def test_a_peer_that_goes_over_to_shorter_packets_is_understood_after_two_reads(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
for n in range(10):
    peer.sendto(packet(n, 160 * n, 160), to)
    sockets.receive(session, 0)
for n in range(10, 30):
    peer.sendto(packet(n, 1600 + 80 * (n - 10), 80), to)
    if n & 1:
        sockets.receive(session, 0)
print(json.dumps([sum(row[0] == 92 for row in session.got), len(session.got)]))
""",
    )
    assert isinstance(found, list)
    assert found[0] >= 16


def test_events_lie_between_packets_without_spoiling_them(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
for n in range(30):
    kind, size = (101, 4) if 10 <= n < 15 else (0, 160)
    peer.sendto(packet(n, 160 * n, size, kind), to)
    sockets.receive(session, 0)
print(json.dumps([[row[0] for row in session.got], [row[1] for row in session.got]]))
""",
    )
    assert found == [[172] * 10 + [16] * 5 + [172] * 15, [True] * 30]


def test_a_known_source_is_the_only_one_until_the_sockets_are_opened_anew(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
stranger = bound(HOST, free_port(HOST, os.urandom, 1), 0)
for n in range(10):
    peer.sendto(packet(n, 160 * n, 160), to)
    sockets.receive(session, 0)
counts = [session.count]
stranger.sendto(packet(10, 1600, 160), to)
sockets.receive(session, 0)
counts.append(session.count)
peer.sendto(packet(11, 1600, 160), to)
sockets.open()
sockets.receive(session, 0)
counts.append(session.count)
stranger.sendto(packet(12, 1600, 160), to)
sockets.receive(session, 0)
counts.append(session.count)
print(json.dumps(counts))
""",
    )
    assert found == [10, 10, 10, 11]


def test_what_nobody_takes_raises_nothing(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
gone = free_port(HOST, os.urandom, 2)
for _ in range(5):
    sockets.send(packet(1, 1, 160), 172, (HOST, gone))
    sockets.report(b"report", (HOST, gone + 1))
    sockets.receive(session, 0)
print(json.dumps([session.count, place(sockaddr(HOST, gone)) == (HOST, gone)]))
""",
    )
    assert found == [0, True]


def test_the_same_bytes_are_sent_whatever_the_length_before(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
port = free_port(HOST, os.urandom, 1)
ear = bound(HOST, port, 0)
out = packet(7, 160, 240)
remote = (HOST, port)
lengths = []
for length in (172, 172, 16, 252, 172):
    sockets.send(out, length, remote)
    data, source = ear.recvfrom(512)
    lengths.append([len(data), data == bytes(out[:length]), place(source)[1] == sockets.port])
print(json.dumps(lengths))
""",
    )
    assert found == [[length, True, True] for length in (172, 172, 16, 252, 172)]
