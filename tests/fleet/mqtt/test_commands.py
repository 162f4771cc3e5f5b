"""A command leaves the outbox when the broker has it, not when it was handed to a socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from fleet.domain.access import system_actor
from fleet.mqtt.commands import LEASE, Commands
from fleet.services.outbox import Outbox
from fleet.services.unit_messages import Outgoing
from fleet.store.base import make_engine, metadata
from fleet.store.tables.journal import outbox
from fleet.store.unit_of_work import Transactions

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class BrokerGoneError(Exception):
    """What the gateway raises when its connection breaks."""


class Line:
    """A connection to a broker that takes messages in but may die before it has them."""

    def __init__(self, alive: bool) -> None:
        self.alive = alive
        self.sent: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> None:
        self.sent.append(outgoing)

    def flush(self) -> None:
        if not self.alive:
            raise BrokerGoneError


def test_a_command_the_broker_never_got_is_sent_again(tmp_path: Path) -> None:
    engine, clock = make_engine(f"sqlite:///{tmp_path / 'fleet.db'}"), [NOW]
    metadata.create_all(engine)
    transactions = Transactions(engine, lambda: clock[0])
    with transactions.begin(system_actor("test")) as uow:
        uow.send("command", "c1", {"serial": "PT000000018", "name": "command", "values": {}})
        uow.commit()

    dying, living = Line(alive=False), Line(alive=True)
    with pytest.raises(BrokerGoneError):
        Commands(Outbox(transactions)).deliver(dying.send, dying.flush)
    clock[0] = NOW + LEASE + timedelta(seconds=1)
    Commands(Outbox(transactions)).deliver(living.send, living.flush)
    assert (len(dying.sent), len(living.sent)) == (1, 1)
    with engine.connect() as connection:
        assert connection.scalar(select(outbox.c.delivered_at)) == clock[0]
