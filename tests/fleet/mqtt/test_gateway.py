"""What the broker acknowledged is in the database, once, whoever is killed in between."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from fleet.domain.access import system_actor
from fleet.store.base import make_engine
from fleet.store.ingest import IngestStore
from fleet.store.tables.journal import outbox
from fleet.store.unit_of_work import Transactions
from protocol.wire.enumerations import COMMANDS
from protocol.wire.messages import layout_of, pack, unpack
from protocol.wire.topics import down_topic, up_topic
from tests.fleet.mqtt.conftest import Client, Door, callout_running, until
from tests.fleet.mqtt.gateway_process import received
from tests.fleet.new_database import make_tables

HEARTBEAT = {field[0]: 0 for field in layout_of("heartbeat")[3]}
BOOT_ID = 99
MESSAGES = 3000
IN_FLIGHT = 100
PER_START = 500  # far more at once than a unit sends; within the window of one start


class KillableGateway:
    """The gateway as a process of its own."""

    def __init__(self, door: Door) -> None:
        values = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(door.state.settings).items()}
        self._command = [sys.executable, "-m", "tests.fleet.mqtt.gateway_process", json.dumps(values)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def wait(self) -> None:
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def transactions(door: Door) -> Transactions:
    engine = make_engine(door.state.settings.database)
    make_tables(engine)
    received.create(engine)
    return Transactions(engine, lambda: datetime.now(UTC))


@contextmanager
def gateway_running(door: Door) -> Iterator[KillableGateway]:
    with callout_running(door):
        gateway = KillableGateway(door)
        gateway.wait()
        try:
            yield gateway
        finally:
            gateway.kill()


def stored(transactions: Transactions) -> Counter[int]:
    with transactions.engine.connect() as connection:
        return Counter(connection.scalars(select(received.c.sequence)))


def connected(door: Door, serial: str, credentials: Path) -> Client:
    """A unit that tries until it is let in."""
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        unit = door.client(serial, credentials)
        try:
            if unit.connect() == "Success":
                return unit
        except OSError:
            time.sleep(0.05)
        unit.close()
        time.sleep(0.05)
    raise AssertionError("the unit is not let in")


class Publisher:
    """A unit that keeps what is not acknowledged and sends it again on its next connection."""

    def __init__(self, door: Door, serial: str, credentials: Path) -> None:
        self._door, self._serial, self._credentials = door, serial, credentials
        self._waiting: dict[int, int] = {}
        self.acknowledged: set[int] = set()
        self._unit = connected(door, serial, credentials)

    def publish(self, sequence: int) -> None:
        payload = pack("heartbeat", HEARTBEAT, BOOT_ID + sequence // PER_START, sequence)
        self._waiting[self._unit.client.publish(up_topic(self._serial, "heartbeat"), payload, 1).mid] = sequence
        self.wait_for(IN_FLIGHT)

    def wait_for(self, left: int) -> None:
        """Until at most `left` messages are not acknowledged."""
        while len(self._waiting) > left:
            self.acknowledged.add(self._waiting.pop(int(str(self._unit.next("puback")))))

    def connect_again(self) -> None:
        again = [*self._waiting.values()]
        self._waiting.clear()
        self._unit = connected(self._door, self._serial, self._credentials)
        for sequence in again:
            self.publish(sequence)


def test_nothing_acknowledged_is_lost_or_doubled_when_gateway_and_broker_are_killed(
    door: Door, transactions: Transactions
) -> None:
    places = random.Random(1).sample(range(100, MESSAGES - 100), 4)
    with gateway_running(door) as gateway:
        publisher = Publisher(door, *door.unit(1))
        for sequence in range(1, MESSAGES + 1):
            publisher.publish(sequence)
            if sequence in places[:3]:
                gateway.kill()
                gateway.start()
            elif sequence == places[3]:
                door.kill_broker()
                door.start_broker()
                publisher.connect_again()
        publisher.wait_for(0)
        everything = set(range(1, MESSAGES + 1))
        assert publisher.acknowledged == everything
        until(lambda: stored(transactions).keys() == everything, "all that was acknowledged is stored", 20)
    assert max(stored(transactions).values()) == 1


def test_a_unit_is_answered_and_commanded(door: Door, transactions: Transactions) -> None:
    serial, credentials = door.unit(1)
    with gateway_running(door):
        unit = connected(door, serial, credentials)
        unit.subscribe(down_topic(serial))
        unit.client.publish(up_topic(serial, "register"), pack("register", registration_of(serial), BOOT_ID, 5), 1)
        answer = unpack(unit.next("message").payload)
        assert (answer.name, answer["sequence"]) == ("acknowledge", 5)

        values = {"command_id": 3, "command": COMMANDS.index("identify"), "argument": 0}
        with transactions.begin(system_actor("test")) as uow:
            uow.send("command", "c3", {"serial": serial, "name": "command", "values": values})
            uow.send("command", "c4", {"serial": serial, "name": "command", "values": {}})
            uow.commit()
        assert unpack(unit.next("message").payload).values == values
        until(lambda: states(transactions) == {"c3": "delivered", "c4": "failed"}, "the outbox is closed")


def test_poison_is_kept_and_acknowledged(door: Door, transactions: Transactions) -> None:
    serial, credentials = door.unit(1)
    with gateway_running(door):
        unit = connected(door, serial, credentials)
        unit.client.publish(up_topic(serial, "report"), b"no message", 1)
        unit.client.publish(up_topic(serial, "heartbeat"), pack("heartbeat", HEARTBEAT, BOOT_ID, 1), 1)
        until(lambda: stored(transactions) == Counter([1]), "the good message is stored")
    with transactions.engine.connect() as connection:
        [letter] = IngestStore(connection).dead_letters(serial)
    assert letter.payload == b"no message"


def states(transactions: Transactions) -> dict[str, str]:
    with transactions.engine.connect() as connection:
        rows = connection.execute(select(outbox.c.key, outbox.c.delivered_at, outbox.c.failed_at)).all()
    return {key: "delivered" if delivered else "failed" if failed else "waiting" for key, delivered, failed in rows}


def registration_of(serial: str) -> dict[str, object]:
    empty = {1: 0, 2: 0, 4: 0, 8: 0}
    values = {f[0]: empty.get(f[1], bytes(f[2]) if f[1] == 16 else "x") for f in layout_of("register")[3]}
    return values | {"serial": serial, "epoch": 1}
