"""A gateway to be killed: `python -m tests.fleet.mqtt.gateway_process SETTINGS`; writes each heartbeat as a row."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, insert

from fleet.mqtt.commands import Commands
from fleet.mqtt.gateway import Endpoint, Gateway
from fleet.serve.state import State
from fleet.services.certificates import GATEWAYS
from fleet.services.ingest import Ingest
from fleet.services.outbox import Outbox
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.settings import Settings
from fleet.store.base import make_engine
from fleet.store.unit_of_work import Transactions, UnitOfWork
from protocol.wire.messages import Message

# Not in the product's own metadata, which other tests compare with the migrations.
received = Table("test_received", MetaData(), Column("serial", String(11)), Column("sequence", Integer))


class Rows:
    """Stores every heartbeat it is given, a row each."""

    def heartbeat(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        rows = [{"serial": each.serial, "sequence": each.message.sequence} for each in batch]
        uow.connection.execute(insert(received), rows)
        return []

    take_in = heartbeat

    def register(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        return [Outgoing(incoming.serial, "acknowledge", {"boot_id": 0, "sequence": incoming.message.sequence})]

    service_ready = command_result = register

    def check_in_all(self, uow: UnitOfWork, messages: Mapping[str, Message]) -> list[Outgoing]:
        return []

    def record_report(self, uow: UnitOfWork, serial: str, message: Message) -> list[Outgoing]:
        return []


def main() -> None:
    values = json.loads(sys.argv[1])
    settings = Settings(**values | {"data_dir": Path(values["data_dir"])})
    credentials, name = State(settings).credentials, GATEWAYS[0]
    endpoint = Endpoint("127.0.0.1", settings.broker_port, name, credentials.server_anchor, credentials.gateway(name))
    transactions = Transactions(make_engine(settings.database), lambda: datetime.now(UTC))
    ingest = Ingest(transactions, Rows(), Rows(), Rows())
    gateway = Gateway(endpoint, ingest, Commands(Outbox(transactions), list), transactions.clock)
    gateway.run(threading.Event(), lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
