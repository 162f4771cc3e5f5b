"""A command leaves the outbox when the broker has it, not when it was handed to a socket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from fleet.domain.access import system_actor
from fleet.mqtt.commands import LEASE, Commands
from fleet.services.outbox import Outbox
from fleet.services.unit_messages import Outgoing
from fleet.store.base import make_engine
from fleet.store.tables.journal import outbox
from fleet.store.unit_of_work import Transactions
from protocol.wire.errors import WireError
from tests.fleet.new_database import make_tables

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
    make_tables(engine)
    transactions = Transactions(engine, lambda: clock[0])
    with transactions.begin(system_actor("test")) as uow:
        uow.send("command", "c1", {"serial": "PT000000018", "name": "command", "values": {}})
        uow.commit()

    dying, living = Line(alive=False), Line(alive=True)
    with pytest.raises(BrokerGoneError):
        Commands(Outbox(transactions), list).deliver(dying.send, dying.flush)
    clock[0] = NOW + LEASE + timedelta(seconds=1)
    Commands(Outbox(transactions), list).deliver(living.send, living.flush)
    assert (len(dying.sent), len(living.sent)) == (1, 1)
    with engine.connect() as connection:
        assert connection.scalar(select(outbox.c.delivered_at)) == clock[0]


def test_what_is_no_message_is_given_up_and_holds_nothing_up(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'fleet.db'}")
    make_tables(engine)
    transactions, line = Transactions(engine, lambda: NOW), Line(alive=True)
    good = {"serial": "PT000000018", "name": "identify", "values": {"a": 1}}
    letters = ({"serial": "PT000000018"}, {**good, "values": 7}, {**good, "name": "bad"}, good)
    with transactions.begin(system_actor("test")) as uow:
        for number, letter in enumerate(letters):
            uow.send("command", f"c{number}", letter)
        uow.commit()

    def send(message: Outgoing) -> None:
        if message.name == "bad":
            raise WireError("no message is called 'bad'")
        line.send(message)

    def complete(messages: Sequence[Outgoing]) -> list[Outgoing]:
        return [replace(message, values={**message.values, "secret": 2}) for message in messages]

    Commands(Outbox(transactions), complete).deliver(send, line.flush)
    assert [message.values for message in line.sent] == [{"a": 1, "secret": 2}]
    with engine.connect() as connection:
        found = connection.execute(select(outbox.c.failed_at, outbox.c.delivered_at).order_by(outbox.c.id)).all()
    assert [(row.failed_at is None, row.delivered_at is None) for row in found] == [(False, True)] * 3 + [(True, False)]
