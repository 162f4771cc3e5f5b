"""A bad network of the rig's own: a UDP relay that loses, delays, shakes and swaps packets as its seed says.

`near` is the port for one side, `far` for the other. The far side is `target`, or who sends to `far` first; the near
side is who sends to `near`. What comes in on one port leaves from the other one.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from tests.peers.far_end import Packet, write_pcap
from tests.peers.processes import HOST, free_ports

_IDLE_S = 0.05


@dataclass(frozen=True)
class Weather:
    """What becomes of packets: shares lost and swapped with the next (0..1), delay, and jitter to both sides of it."""

    loss: float = 0.0
    swapped: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0

    def verdict(self, chance: Random) -> float | None:
        """The seconds that one packet waits, None for one that is lost; always draws the same number of times."""
        lost, swapped, shift = chance.random() < self.loss, chance.random() < self.swapped, chance.uniform(-1, 1)
        if lost:
            return None
        return max(0.0, self.delay_ms + shift * self.jitter_ms + (25.0 if swapped else 0.0)) / 1000


class Relay:
    """Runs while it is a context; `passed` are the packets that went out, `lost` how many did not."""

    def __init__(self, target: int = 0, weather: Weather | None = None, seed: int = 0) -> None:
        self.near = free_ports(2)
        self.far = free_ports(2)
        self.passed: list[Packet] = []
        self.lost = 0
        self._weather = weather or Weather()
        self._chance = {self.near: Random(f"near/{seed}"), self.far: Random(f"far/{seed}")}
        self._peers = {self.near: 0, self.far: target}
        self._sockets: dict[int, socket.socket] = {}
        self._waiting: list[tuple[float, int, int, bytes]] = []  # when, number, leaving port, data
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        for port in (self.near, self.far):
            self._sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._sockets[port].bind((HOST, port))
            self._sockets[port].setblocking(False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._thread.join()
        for each in self._sockets.values():
            each.close()

    def write_pcap(self, path: Path) -> Path:
        """What left the relay, as a capture file."""
        write_pcap(path, self.passed)
        return path

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for port, each in self._sockets.items():
                selector.register(each, selectors.EVENT_READ, port)
            number = 0
            while not self._closing:
                wait_s = self._waiting[0][0] - time.monotonic() if self._waiting else _IDLE_S
                for key, _ in selector.select(max(0.0, min(_IDLE_S, wait_s))):
                    number = self._take(key.data, number)
                while self._waiting and self._waiting[0][0] <= time.monotonic():
                    _, _, port, data = heapq.heappop(self._waiting)
                    self._pass(port, data)

    def _take(self, port: int, number: int) -> int:
        """Reads all that has come to `port`; the number of the next packet."""
        while True:
            try:
                data, source = self._sockets[port].recvfrom(2048)
            except OSError:
                return number
            self._peers[port] = source[1]
            wait_s = self._weather.verdict(self._chance[port])
            if wait_s is None:
                self.lost += 1
                continue
            leaving = self.far if port == self.near else self.near
            heapq.heappush(self._waiting, (time.monotonic() + wait_s, number, leaving, data))
            number += 1

    def _pass(self, port: int, data: bytes) -> None:
        peer = self._peers[port]
        if peer:
            self._sockets[port].sendto(data, (HOST, peer))
            self.passed.append(Packet(time.monotonic(), port, peer, data))
