"""Where the flows of a unit may go, and from where they hear, on real sockets of the loopback address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from tools.usb_bridge.events import Datagram, Wanted
from tools.usb_bridge.flows import Flows
from tools.usb_bridge.policy import Policy
from tools.usb_bridge.session import Session

HOST = "127.0.0.1"
LIMIT_S = 5.0


class Heard(Session):
    """Notes what the unit would be told."""

    def __init__(self) -> None:
        super().__init__(lambda: 7, HOST)
        self.told: list[tuple[Any, ...]] = []

    def opened(self, number: int, local_port: int, peer: tuple[str, int]) -> None:
        self.told.append(("opened", number, local_port))

    def ended(self, number: int, reason: str) -> None:
        self.told.append(("ended", number, reason))

    def send_datagram(self, number: int, place: tuple[str, int], data: bytes) -> bool:
        self.told.append(("datagram", place, data))
        return True


async def until_told(session: Heard, count: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while len(session.told) < count:
            await asyncio.sleep(0.001)


def flows(session: Heard, allow_loopback: bool) -> tuple[Flows, list[str]]:
    reports: list[str] = []
    return Flows(session, Policy(allow_loopback), lambda: None, lambda event, _: reports.append(event)), reports


def test_a_unit_may_not_connect_to_the_computer_itself() -> None:
    async def play() -> None:
        session = Heard()
        made, reports = flows(session, allow_loopback=False)
        with socket.create_server((HOST, 0)) as server:
            made.handle(Wanted(1, "tcp", HOST, server.getsockname()[1], 0, 0))
            await until_told(session, 1)
            assert session.told == [("ended", 1, "not_allowed")]
            assert "refused" in reports
        await made.close()

    asyncio.run(play())


def test_the_line_hears_only_hosts_that_it_has_sent_to() -> None:
    async def play() -> None:
        session = Heard()
        made, _ = flows(session, allow_loopback=True)
        made.handle(Wanted(2, "udp", "", 0, 0, 46))
        await until_told(session, 1)
        port = session.told[0][2]
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as friend,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        ):
            friend.bind((HOST, 0))
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(b"let me in", (HOST, port))
            made.handle(Datagram(2, friend.getsockname(), b"hello"))
            friend.settimeout(LIMIT_S)
            assert friend.recv(100) == b"hello"
            stranger.sendto(b"let me in", (HOST, port))
            friend.sendto(b"noon", (HOST, port))
            await until_told(session, 2)
            assert session.told[1:] == [("datagram", friend.getsockname(), b"noon")]
        await made.close()

    asyncio.run(play())
