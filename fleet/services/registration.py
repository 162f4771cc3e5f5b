"""What a unit's messages change: registration, heartbeats, activation, command results.

All four run in the gateway's transaction and never commit. The gateway has already matched the sender
to its certificate: `incoming.serial` is the certificate's, and the messages' own values are claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.services.unit_messages import Incoming, Outgoing
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Registration:
    """The unit's side of the fleet; built once with the settings it hands out."""

    heartbeat_s: int

    def register(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        """Answer a `register`: `registered`, and when accepted `configuration`. The first one after shipping is receipt."""
        raise NotImplementedError

    def heartbeat(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        """Store the latest `heartbeat` of each unit in one statement; `configuration` to those that run an old one."""
        raise NotImplementedError

    def service_ready(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        """Activation: online, registered, service available to the account (ToS 1.3). Nothing to answer."""
        raise NotImplementedError

    def command_result(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        """Store what became of a command. Nothing to answer."""
        raise NotImplementedError
