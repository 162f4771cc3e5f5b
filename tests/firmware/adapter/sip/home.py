"""Alice at home: an agent with its registrars on a network without time of its own, for tests of the registration."""

from __future__ import annotations

from typing import Any

from tests.firmware.adapter.sip.pair import ALICE_NUMBER
from tests.firmware.adapter.sip.rig import ALICE, REGISTRAR, SECOND, Network, Registrar, agent, taken


class Home:
    """Alice at home, with one registrar or two."""

    def __init__(self, registrars: int = 1, seed: int = 1, **changes: Any) -> None:
        self.network = Network()
        addresses = [REGISTRAR, SECOND][:registrars]
        self.registrars = [Registrar(address, self.network) for address in addresses]
        self.first = self.registrars[0]
        self.alice = agent(ALICE_NUMBER, ALICE, addresses, seed, **changes)
        self.network.nodes[ALICE] = self.alice

    def register(self, for_ms: int = 1000) -> list[tuple[Any, ...]]:
        """Registers; the events of the time after it."""
        self.alice.register(self.network.now_ms)
        return self.run(for_ms)

    def run(self, for_ms: int) -> list[tuple[Any, ...]]:
        """Virtual time; its events."""
        self.network.run(for_ms)
        return taken(self.alice)

    @property
    def state(self) -> str:
        state: str = self.alice.registration.state
        return state
