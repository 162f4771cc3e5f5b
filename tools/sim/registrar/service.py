"""The registrar on real sockets: one UDP port for SIP, two for each call to an echo party. One thread, one loop."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from tools.errors import ToolError
from tools.sim.registrar.bindings import MIN_EXPIRES_S, Address
from tools.sim.registrar.challenges import NONCE_LIFE_MS
from tools.sim.registrar.core import Registrar
from tools.sim.registrar.echo import Echo
from tools.sim.registrar.parties import EchoParties
from tools.sim.registrar.subscribers import Read, Subscribers

MAX_DATAGRAM_BYTES: Final = 65_535
LOOK_MS: Final = 200
_END_MS: Final = 200  # how often the end is looked for
_DATAGRAMS_A_TURN: Final = 64
_PORT_ATTEMPTS: Final = 50

Told = Callable[[str, str, str], None]


class PortError(ToolError):
    """No socket can be opened there."""


@dataclass(slots=True)
class Settings:
    """`look_ms`: how often the list of subscribers is read, at most; `on_demand`: only when somebody asks for it."""

    listen: Address
    min_expires_s: int = MIN_EXPIRES_S
    nonce_life_ms: int = NONCE_LIFE_MS
    look_ms: int = LOOK_MS
    on_demand: bool = False


@dataclass(slots=True)
class _Ports:
    """An RTP port and the RTCP port after it, in the loop."""

    echo: Echo
    selector: selectors.BaseSelector
    rtp: socket.socket
    rtcp: socket.socket
    peer: Address | None = None  # symmetric: where the last packet came from
    peer_rtcp: Address | None = None
    calls: list[_Ports] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.rtp.getsockname()[1]
        return port

    def close(self) -> None:
        report = self.echo.goodbye(_now_ms())
        self.report(report)
        self.calls.remove(self)
        for each in (self.rtp, self.rtcp):
            self.selector.unregister(each)
            each.close()

    def report(self, data: bytes | None) -> None:
        if data and (to := self.peer_rtcp or (self.peer and (self.peer[0], self.peer[1] + 1))):
            _send(self.rtcp, data, to)

    def on_rtp(self, now_ms: int) -> None:
        for data, peer in _received(self.rtp):
            self.peer = peer
            if back := self.echo.rtp(data, now_ms):
                _send(self.rtp, back, peer)

    def on_rtcp(self, now_ms: int) -> None:
        for data, peer in _received(self.rtcp):
            self.peer_rtcp = peer
            self.echo.rtcp(data, now_ms)


class RegistrarService:
    """Opens its port when made; `run` works until `stop` is set. `told` gets the core's events."""

    def __init__(self, settings: Settings, read: Read, told: Told) -> None:
        self._read, self._told = read, told
        self._selector = selectors.DefaultSelector()
        self._socket = _opened(settings.listen)
        self.address: Address = self._socket.getsockname()
        self._calls: list[_Ports] = []
        self.parties = EchoParties(self.address, os.urandom, self._open_media)
        self.core = Registrar(
            self.address, os.urandom, self.parties, min_expires_s=settings.min_expires_s,
            nonce_life_ms=settings.nonce_life_ms, patient=True,
        )  # fmt: skip
        self._settings = settings
        self._reader = ThreadPoolExecutor(1, "subscribers")
        self._reading: Future[Subscribers | None] | None = None
        self._look_ms = self._read_ms = 0
        self._fault = ""
        self._selector.register(self._socket, selectors.EVENT_READ, self._on_sip)
        self.stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.parties.close()
        self._reader.shutdown(cancel_futures=True)
        self._socket.close()
        self._selector.close()

    def run(self) -> None:
        """Serves until `stopped`; ToolError if the list cannot be read at the start."""
        self.core.set_subscribers(self._read(), _now_ms())
        while not self.stopped:
            self.turn()

    def turn(self) -> None:
        """One round: what came in, what is due, what goes out."""
        now_ms = _now_ms()
        for key, _ in self._selector.select(min(_END_MS, self.core.next_timer(now_ms)) / 1000):
            key.data(_now_ms())
        now_ms = _now_ms()
        for ports in self._calls:
            ports.report(ports.echo.poll(now_ms))
        for data, to in self.core.poll(now_ms):
            _send(self._socket, data, to)
        while self.core.events:
            self._told(*self.core.events.pop(0))
        self._look(now_ms)

    def _look(self, now_ms: int) -> None:
        """Has the list read again, in another thread than this one."""
        if self._reading is None:
            if now_ms >= self._look_ms and (self.core.list_wanted or not self._settings.on_demand):
                self._read_ms, self._look_ms = now_ms, now_ms + self._settings.look_ms
                self._reading = self._reader.submit(self._read)
        elif self._reading.done():
            done, self._reading = self._reading, None
            fault = ""
            try:
                self.core.set_subscribers(done.result(), self._read_ms)
            except ToolError as error:
                fault = str(error)
            if fault not in ("", self._fault):
                self._told("fault", "", fault)
            self._fault = fault

    def _on_sip(self, now_ms: int) -> None:
        for data, source in _received(self._socket):
            self.core.feed(data, source, now_ms)

    def _open_media(self, echo: Echo) -> _Ports:
        for _ in range(_PORT_ATTEMPTS):
            rtp = _opened((self.address[0], 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                try:
                    rtcp = _opened((self.address[0], port + 1))
                except PortError:
                    rtp.close()
                    continue
                ports = _Ports(echo, self._selector, rtp, rtcp, calls=self._calls)
                self._selector.register(rtp, selectors.EVENT_READ, ports.on_rtp)
                self._selector.register(rtcp, selectors.EVENT_READ, ports.on_rtcp)
                self._calls.append(ports)
                return ports
            rtp.close()
        raise PortError(f"no pair of ports is free on {self.address[0]}")


def _opened(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    try:
        made.bind(address)
    except OSError as error:
        made.close()
        raise PortError(f"{address[0]}:{address[1]} cannot be opened: {error.strerror}") from error
    return made


def _received(source: socket.socket) -> list[tuple[bytes, Address]]:
    """What is there, up to a turn's share; a socket that was closed meanwhile has nothing."""
    found = []
    for _ in range(_DATAGRAMS_A_TURN):
        try:
            found.append(source.recvfrom(MAX_DATAGRAM_BYTES))
        except (BlockingIOError, ConnectionRefusedError):
            break
        except OSError:
            if source.fileno() < 0:
                break
            raise
    return found


def _send(source: socket.socket, data: bytes, to: Address) -> None:
    """Sends; what the network does not take is lost, as anywhere on the way."""
    try:
        source.sendto(data, to)
    except OSError:
        return


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
