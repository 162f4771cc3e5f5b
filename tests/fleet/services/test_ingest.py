"""Each message is handled once, none is lost, and a bad one is in nobody's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

import fleet.store.tables.ingest
import fleet.store.tables.journal  # noqa: F401 - declares the tables
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError
from fleet.services.ingest import Delivery, Ingest
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.store.base import make_engine
from fleet.store.ingest import MAX_DEAD_LETTERS_PER_UNIT, MAX_STARTS_PER_UNIT, IngestStore
from fleet.store.tables.ingest import sequence_windows
from fleet.store.tables.journal import audit_log
from fleet.store.unit_of_work import Transactions, UnitOfWork
from protocol.wire.enumerations import EVENTS
from protocol.wire.messages import Message, layout_of, pack
from protocol.wire.serial_number import make_serial
from protocol.wire.topics import up_topic
from tests.fleet.new_database import make_tables

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
A, B = make_serial(1), make_serial(2)
HEARTBEAT = {field[0]: 0 for field in layout_of("heartbeat")[3]}
CALL = {field[0]: field[2] for field in layout_of("call_record")[3]} | {"number": "911"}
READY = {"config_version": 1, "line_state": 0, "configured_ms": 10, "tls_ms": 5, "clock_s": 0}


def registration_of(serial: str) -> dict[str, object]:
    return {
        "serial": serial,
        "mac": bytes(6),
        "epoch": 1,
        "board": "simulated",
        "hardware_revision": 1,
        "version": "1.0.0",
        "release_counter": 1,
        "image_sha256": bytes(32),
        "slot": 0,
        "abi": 0,
        "boot_reason": 0,
        "free_heap_bytes": 0,
        "clock_s": 0,
    }


@dataclass
class Handled:
    """Plays registration and updates: notes what reaches it, and refuses whom it is told to."""

    calls: list[tuple[str, str, int]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    broken: bool = False
    batches: list[int] = field(default_factory=list)
    checked_in: list[list[tuple[str, int]]] = field(default_factory=list)  # who, by which start, at once
    hindered: set[str] = field(default_factory=set)  # whose check-in fails

    def _note(self, uow: UnitOfWork, name: str, incoming: Incoming) -> None:
        if self.broken:
            uow.connection.execute(text("SELECT * FROM no_such_table"))
        uow.audit(AuditAction.UNIT_REGISTER, f"{name} {incoming.serial}")
        if incoming.serial in self.refused:
            raise ConflictError(f"{incoming.serial} is refused")
        self.calls.append((name, incoming.serial, incoming.message.sequence))

    def register(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        self._note(uow, "register", incoming)
        return [Outgoing(incoming.serial, "registered", {"result": 0})]

    def heartbeat(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        for incoming in batch:
            self._note(uow, "heartbeat", incoming)
        return []

    def service_ready(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        self._note(uow, "service_ready", incoming)
        return []

    def command_result(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        self._note(uow, "command_result", incoming)
        return []

    def check_in_all(self, uow: UnitOfWork, messages: Mapping[str, Message]) -> list[Outgoing]:
        for serial in sorted(self.hindered & messages.keys()):
            raise ConflictError(f"{serial} cannot check in")
        self.checked_in.append([(serial, message.boot_id) for serial, message in messages.items()])
        return [Outgoing(serial, "command", {}) for serial in messages]

    def take_in(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        self.batches.append(len(batch))
        for incoming in batch:
            self._note(uow, "call_record", incoming)
        return []

    def record_report(self, uow: UnitOfWork, serial: str, message: Message) -> list[Outgoing]:
        return []


@pytest.fixture
def transactions(tmp_path) -> Transactions:
    engine = make_engine(f"sqlite:///{tmp_path}/fleet.db")
    make_tables(engine)
    return Transactions(engine, lambda: NOW)


@pytest.fixture
def handled() -> Handled:
    return Handled()


@pytest.fixture
def ingest(transactions: Transactions, handled: Handled) -> Ingest:
    return Ingest(transactions, handled, handled, handled)


def delivery(serial: str, kind: str, name: str, values, sequence: int, boot_id: int = 7) -> Delivery:
    return Delivery(up_topic(serial, kind), pack(name, values, boot_id, sequence), NOW)


def beat(serial: str, sequence: int, boot_id: int = 7) -> Delivery:
    return delivery(serial, "heartbeat", "heartbeat", HEARTBEAT, sequence, boot_id)


def letters(transactions: Transactions) -> list[tuple[str, str]]:
    with transactions.engine.connect() as connection:
        return [(letter.serial, letter.reason) for letter in IngestStore(connection).dead_letters()]


def test_a_message_delivered_twice_is_handled_once(ingest: Ingest, handled: Handled) -> None:
    ingest.handle([beat(A, 1), beat(B, 1), beat(A, 2), beat(A, 1)])
    ingest.handle([beat(A, 2), beat(A, 4), beat(A, 3)])
    assert sorted(handled.calls) == [("heartbeat", A, n) for n in (1, 2, 3, 4)] + [("heartbeat", B, 1)]


def test_the_same_number_of_another_start_is_another_message(ingest: Ingest, handled: Handled) -> None:
    ingest.handle([beat(A, 1, boot_id=7)])
    ingest.handle([beat(A, 1, boot_id=8)])
    assert len(handled.calls) == 2


def test_a_registration_delivered_twice_is_answered_twice(ingest: Ingest) -> None:
    message = delivery(A, "register", "register", registration_of(A), 1)
    assert [o.name for o in ingest.handle([message])] == ["registered", "command"]
    assert [o.name for o in ingest.handle([message])] == ["registered", "command"]


def enrol(serial: str, boot_id: int) -> Delivery:
    return delivery(serial, "register", "register", registration_of(serial), 0, boot_id)


def test_registrations_of_a_batch_check_in_together_each_start_of_a_unit_by_itself(
    ingest: Ingest, handled: Handled
) -> None:
    ingest.handle([enrol(A, 7), enrol(B, 7), beat(B, 1), enrol(A, 8)])
    assert handled.checked_in == [[(A, 7), (B, 7)], [(A, 8)], [(B, 7)]]  # the heartbeat last


def test_a_check_in_that_fails_is_one_units_alone_and_its_registration_stands(
    ingest: Ingest, handled: Handled, transactions: Transactions
) -> None:
    handled.hindered = {A}
    answers = ingest.handle([enrol(A, 7), enrol(B, 7)])
    assert [(each.serial, each.name) for each in answers] == [(A, "registered"), (B, "registered"), (B, "command")]
    assert letters(transactions) == [(A, f"ConflictError: {A} cannot check in")]
    handled.hindered = set()
    assert [each.name for each in ingest.handle([beat(A, 1)])] == ["command"]


def test_a_critical_report_is_acknowledged_each_time_and_handled_once(ingest: Ingest, handled: Handled) -> None:
    report = delivery(A, "report", "service_ready", READY, 3)
    answer = [Outgoing(A, "acknowledge", {"boot_id": 7, "sequence": 3})]
    assert ingest.handle([report]) == answer
    assert ingest.handle([report]) == answer
    assert handled.calls == [("service_ready", A, 3)]


def test_calls_are_taken_in_together_and_each_is_acknowledged_each_time(ingest: Ingest, handled: Handled) -> None:
    calls = [delivery(serial, "report", "call_record", CALL, n) for serial in (A, B) for n in (1, 2)]
    answers = ingest.handle([*calls, beat(A, 3)])
    acknowledged = [(each.serial, each.values["sequence"]) for each in answers if each.name == "acknowledge"]
    assert acknowledged == [(A, 1), (A, 2), (B, 1), (B, 2)]
    assert handled.batches == [4]
    assert ingest.handle(calls) == [each for each in answers if each.name == "acknowledge"]
    assert [call for call in handled.calls if call[0] == "call_record"] == [
        ("call_record", serial, n) for serial in (A, B) for n in (1, 2)
    ]


def test_a_call_no_rule_takes_is_kept_for_people_and_in_no_others_way(
    ingest: Ingest, transactions: Transactions, handled: Handled
) -> None:
    handled.refused = {A}
    ingest.handle([delivery(serial, "report", "call_record", CALL, 1) for serial in (A, B)])
    assert handled.calls == [("call_record", B, 1)]
    assert [serial for serial, _ in letters(transactions)] == [A]


@pytest.mark.parametrize(
    ("topic", "payload", "serial", "reason"),
    [
        ("pt/1/00/PT000000018/up/heartbeat", pack("heartbeat", HEARTBEAT, 1, 1), "", "has shard 00"),
        ("else/where", b"", "", "not a unit's topic"),
        (up_topic(A, "heartbeat"), b"\x02", A, "a message has"),
        (up_topic(A, "heartbeat"), b"\xf0\x01" + bytes(8), A, "unknown message type 240"),
        (up_topic(A, "heartbeat"), pack("heartbeat", HEARTBEAT, 1, 1) + b"x", A, "too many"),
        (up_topic(A, "register"), pack("heartbeat", HEARTBEAT, 1, 1), A, "does not belong on a topic for register"),
        (up_topic(A, "report"), pack("hello", {}, 1, 1), A, "does not belong"),
        (up_topic(A, "register"), pack("register", registration_of(B), 1, 1), A, f"a registration of {B} from {A}"),
    ],
)
def test_poison_becomes_a_dead_letter_and_the_rest_is_handled(
    ingest: Ingest, transactions: Transactions, handled: Handled, topic: str, payload: bytes, serial: str, reason: str
) -> None:
    ingest.handle([Delivery(topic, payload, NOW), beat(B, 1)])
    assert handled.calls == [("heartbeat", B, 1)]
    [(of, why)] = letters(transactions)
    assert of == serial
    assert reason in why


def test_a_message_a_rule_refuses_leaves_no_trace_but_its_letter(
    ingest: Ingest, transactions: Transactions, handled: Handled
) -> None:
    handled.refused = {A}
    ingest.handle([beat(A, 1), beat(B, 1), delivery(A, "report", "service_ready", READY, 2)])
    assert handled.calls == [("heartbeat", B, 1)]
    assert [serial for serial, _ in letters(transactions)] == [A, A]
    with transactions.engine.connect() as connection:
        assert connection.scalars(select(audit_log.c.subject)).all() == [f"heartbeat {B}"]


def test_a_failing_database_leaves_nothing_handled(
    ingest: Ingest, transactions: Transactions, handled: Handled
) -> None:
    handled.broken = True
    with pytest.raises(OperationalError):
        ingest.handle([beat(A, 1)])
    handled.broken = False
    with transactions.engine.connect() as connection:
        assert connection.execute(select(sequence_windows)).all() == []
    ingest.handle([beat(A, 1)])
    assert handled.calls == [("heartbeat", A, 1)]


def test_a_number_too_old_to_tell_is_kept_for_people(ingest: Ingest, transactions: Transactions) -> None:
    ingest.handle([beat(A, 5000)])
    ingest.handle([beat(A, 1)])
    assert letters(transactions) == [(A, "sequence 1 is too old to tell")]


def test_the_audit_names_the_unit_that_acts(ingest: Ingest, transactions: Transactions) -> None:
    ingest.handle([delivery(A, "register", "register", registration_of(A), 1)])
    with transactions.engine.connect() as connection:
        assert connection.execute(select(audit_log.c.actor_kind, audit_log.c.actor)).all() == [("unit", A)]


def test_events_are_kept_by_name(ingest: Ingest, transactions: Transactions) -> None:
    events = {"events": [{"clock_s": 5, "event": EVENTS.index("link_up"), "value": 2}]}
    ingest.handle([delivery(A, "report", "events", events, 1)])
    with transactions.engine.connect() as connection:
        [event] = IngestStore(connection).events(A)
    assert (event.event, event.value, event.clock_s) == ("link_up", 2, 5)


def test_each_table_is_bounded_for_each_unit(ingest: Ingest, transactions: Transactions) -> None:
    for boot_id in range(MAX_STARTS_PER_UNIT + 5):
        ingest.handle([beat(A, 1, boot_id)])
    ingest.handle([Delivery(up_topic(A, "report"), b"bad", NOW)] * (MAX_DEAD_LETTERS_PER_UNIT + 5) + [beat(B, 1)])
    with transactions.engine.connect() as connection:
        assert len(connection.execute(select(sequence_windows)).all()) == MAX_STARTS_PER_UNIT + 1
        assert len(IngestStore(connection).dead_letters(limit=1000)) == MAX_DEAD_LETTERS_PER_UNIT
