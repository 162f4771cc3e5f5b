"""The registrar's core among the firmware's user agents, on a network without time or sockets of its own."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.firmware.adapter.sip.rig import ALICE, BOB, PASSWORD, REGISTRAR, Network, agent, seeded
from tools.sim.registrar.core import Registrar
from tools.sim.registrar.echo import Echo
from tools.sim.registrar.parties import EchoParties
from tools.sim.registrar.subscribers import Subscriber, Subscribers

ALICE_USER, BOB_USER = "+15551230001", "+15551230002"
DOMAIN = "example.net"


def subscriber(user: str, level: str = "full", password: str = PASSWORD, realm: str = DOMAIN) -> Subscriber:
    """As the fleet lists it."""
    secret = f"{user}:{realm}:{password}".encode()
    digests = hashlib.md5(secret).hexdigest(), hashlib.sha256(secret).hexdigest()
    return Subscriber("PT" + user[-9:], user, DOMAIN, realm, level, *digests)


def listed(*subscribers: Subscriber) -> Subscribers:
    """By user."""
    return {each.user: each for each in subscribers}


class Ports:
    """A fake of an open pair of ports."""

    def __init__(self, echo: Echo) -> None:
        self.echo, self.port, self.closed = echo, 40_000, False

    def close(self) -> None:
        self.closed = True


class House:
    """Alice, Bob and the registrar; `ports` are those that were opened for the echo."""

    def __init__(self, level: str = "full", network: Network | None = None, **settings: Any) -> None:
        self.network = network or Network()
        self.ports: list[Ports] = []
        self.parties = EchoParties(REGISTRAR, seeded(7), self._open)
        self.registrar = Registrar(REGISTRAR, seeded(8), self.parties, **settings)
        self.registrar.set_subscribers(listed(subscriber(ALICE_USER, level), subscriber(BOB_USER)), 1000)
        self.alice: Any = agent(ALICE_USER, ALICE, [REGISTRAR], 1)
        self.bob: Any = agent(BOB_USER, BOB, [REGISTRAR], 2)
        self.network.nodes = {REGISTRAR: self.registrar, ALICE: self.alice, BOB: self.bob}

    def _open(self, echo: Echo) -> Ports:
        self.ports.append(Ports(echo))
        return self.ports[-1]

    def run(self, for_ms: int) -> None:
        self.network.run(for_ms)

    def register(self) -> None:
        """Both, at once."""
        for each in (self.alice, self.bob):
            each.register(self.network.now_ms)
        self.run(500)
        for each in (self.alice, self.bob):
            assert [event[0] for event in each.events] == ["registered"]
            each.events.clear()
        self.registrar.events.clear()
        self.network.seen.clear()
