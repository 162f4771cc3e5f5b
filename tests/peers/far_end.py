"""The media of a far end that only signals: it keeps what comes to its port, speaks, and writes a pcap of both.

RTP as RFC 3550 5.1 has it, G.711 from its formulas (ITU-T G.711; the tables of the firmware are not used).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from bisect import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.processes import HOST, free_ports, wait_until

_FRAME_S = 0.02
_FRAME = 160
_MU_LAW, _A_LAW = 0, 8


@dataclass(frozen=True)
class Packet:
    """One datagram: when, in s of the monotonic clock, from which port, to which, and what."""

    at_s: float
    source: int
    target: int
    data: bytes

    @property
    def payload_type(self) -> int:
        return self.data[1] & 0x7F

    @property
    def marker(self) -> bool:
        return bool(self.data[1] & 0x80)

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.data[2:4], "big")

    @property
    def timestamp(self) -> int:
        return int.from_bytes(self.data[4:8], "big")

    @property
    def payload(self) -> bytes:
        return self.data[12:]


def decode(code: int, payload_type: int) -> int:
    """The 16-bit sample of one G.711 code."""
    if payload_type == _MU_LAW:
        code ^= 0xFF
        size = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
        return -size if code & 0x80 else size
    code ^= 0x55
    segment = code >> 4 & 7
    size = (code & 0x0F) << 4
    size = size + 8 if segment == 0 else size + 0x108 << segment - 1
    return size if code & 0x80 else -size


_SAMPLES = {law: [decode(code, law) for code in range(256)] for law in (_MU_LAW, _A_LAW)}


def samples_of(payload: bytes, payload_type: int) -> list[int]:
    """The samples of a G.711 payload."""
    table = _SAMPLES[payload_type]
    return [table[code] for code in payload]


def encode(samples: Iterable[int], payload_type: int) -> bytes:
    """G.711 by the nearest code."""
    codes = sorted(range(256), key=lambda code: (_SAMPLES[payload_type][code], code))
    values = [_SAMPLES[payload_type][code] for code in codes]
    middles = [(low + high) / 2 for low, high in pairwise(values)]
    return bytes(codes[bisect(middles, sample)] for sample in samples)


class FarEnd:
    """Bound to `port` while it is a context; `packets` are those that came."""

    def __init__(self) -> None:
        self.port = free_ports(2)
        self.packets: list[Packet] = []
        self._sent: list[Packet] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._socket.bind((HOST, self.port))
        self._socket.settimeout(0.1)
        self._run(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def wait_for(self, count: int, timeout_s: float = 5.0) -> list[Packet]:
        """The packets, as soon as there are `count`."""
        wait_until(lambda: len(self.packets) >= count, f"{count} RTP packets at {self.port}", timeout_s)
        return self.packets

    def speak(self, payload: bytes, payload_type: int = _MU_LAW, frame: int = _FRAME) -> None:
        """Sends G.711 in packets of `frame` codes to where the unit sends from, in a thread of its own."""
        target = self.packets[-1].source

        def run() -> None:
            started = time.monotonic()
            for number, at in enumerate(range(0, len(payload), frame)):
                head = struct.pack(">BBHII", 0x80, payload_type, number & 0xFFFF, at & 0xFFFFFFFF, 0x5EED)
                if self._closing.wait(max(0.0, started + at / 8000 - time.monotonic())):
                    return
                self.send(head + payload[at : at + frame], target)

        self._run(run)

    def send(self, data: bytes, port: int) -> None:
        self._socket.sendto(data, (HOST, port))
        self._sent.append(Packet(time.monotonic(), self.port, port, data))

    def write_pcap(self, path: Path) -> Path:
        """All packets, both ways, as a capture file."""
        write_pcap(path, sorted(self.packets + self._sent, key=lambda packet: packet.at_s))
        return path

    def _run(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                data, source = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            self.packets.append(Packet(time.monotonic(), source[1], self.port, data))


def write_pcap(path: Path, packets: list[Packet]) -> None:
    """A capture file (little-endian, microseconds, link type raw IPv4) of UDP between ports of 127.0.0.1."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 228)]
    address = socket.inet_aton(HOST)
    for packet in packets:
        datagram = struct.pack(">HHHH", packet.source, packet.target, 8 + len(packet.data), 0) + packet.data
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0) + address * 2
        seconds = int(packet.at_s)
        size = len(head) + len(datagram)
        out.append(struct.pack("<IIII", seconds, int((packet.at_s - seconds) * 1e6), size, size) + head + datagram)
    path.write_bytes(b"".join(out))
