"""Handles what units sent, a batch a transaction: each message once, and none lost.

- A message is named by (unit, boot id, sequence). One handled before changes nothing again, but is answered again
  if the answer may have been lost: `register` is asked anew (it is idempotent), a critical report acknowledged.
- A start is heard once it has registered in the unit's present identity epoch. Who speaks before is thrown out, and
  its certificate is looked at anew: nothing sent under an identity that died meanwhile is taken for the unit's.
- Reports wait on the unit over restarts. One of a start that never reached us throws nobody out once the unit has
  registered by another: what a call or an update came to is taken in then, as each says which it is of; the rest, of
  which an identity that died may have spoken as well, is kept for people. No call record is too old.
- A message no rule accepts goes to the dead letters in the same commit, so that it is never in the others' way.
- A fault of the database is the caller's: nothing of the batch is done, the broker keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import DataError, IntegrityError

from fleet.domain.access import Actor, ForbiddenError, system_actor, unit_actor
from fleet.domain.admission import Admission
from fleet.domain.errors import FleetError
from fleet.domain.sequence_window import Novelty
from fleet.services.downlinks import evict
from fleet.services.locks import hold_registering
from fleet.services.rollout_signals import note_calls, note_heartbeats
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.services.voice_accounts import complete
from fleet.store.ingest import DeadLetter, IngestStore, KnownStart, Start, UnitEvent
from fleet.store.unit_of_work import Transactions, UnitOfWork
from protocol.wire.enumerations import EVENTS, REGISTER_RESULTS
from protocol.wire.errors import WireError
from protocol.wire.layouts import CRITICAL
from protocol.wire.messages import Message, unpack
from protocol.wire.topics import parse_up_topic

GATEWAY = system_actor("gateway")
_ACCEPTED = REGISTER_RESULTS.index(Admission.ACCEPTED)
CALL_RECORD = "call_record"
_TAKEN_LATE = frozenset({CALL_RECORD, "update_report"})
_REPORTS = ("service_ready", "update_report", "command_result", "events", CALL_RECORD)
HOLDING = frozenset({"register", "service_ready"})  # what moves units: locked for the whole batch at once
_NAMES = {"register": ("register",), "heartbeat": ("heartbeat",), "report": _REPORTS}

# What a single message can do wrong; anything else is the machine's fault and stops the batch.
_POISON = (FleetError, ForbiddenError, ArithmeticError, LookupError, TypeError, ValueError, DataError, IntegrityError)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the broker handed it over."""

    topic: str
    payload: bytes
    received_at: datetime


class Registration(Protocol):
    """What a unit's messages change in its record; `fleet.services.registration`."""

    def register(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]: ...
    def heartbeat(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]: ...
    def service_ready(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]: ...
    def command_result(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]: ...


class Updates(Protocol):
    """What units tell of updates, and what they are to do next; `fleet.services.unit_updates`."""

    def check_in_all(self, uow: UnitOfWork, messages: Mapping[str, Message]) -> list[Outgoing]: ...
    def record_report(self, uow: UnitOfWork, serial: str, message: Message) -> list[Outgoing]: ...


class Calls(Protocol):
    """What units tell of calls; `fleet.services.call_records`."""

    def take_in(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]: ...


@dataclass(slots=True)
class _Batch:
    """One batch on its way through a transaction."""

    uow: UnitOfWork
    store: IngestStore
    known: Mapping[Start, KnownStart]
    epochs: Mapping[str, int]  # of the units there are
    starts: dict[Start, KnownStart] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    answers: list[Outgoing] = field(default_factory=list)
    evicted: set[str] = field(default_factory=set)
    registered: set[str] = field(default_factory=set)  # units that have, in their present epoch
    checking_in: dict[str, _Decoded] = field(default_factory=dict)  # accepted registrations, a unit's one at a time

    def start(self, name: Start) -> KnownStart:
        return self.starts.get(name) or self.known.get(name) or KnownStart()

    def refuse(self, delivery: Delivery, incoming: Incoming, epoch: int, *, throw_out: bool) -> None:
        """The start has not registered in `epoch`, the unit's present one."""
        serial = incoming.serial
        self.letters.append(_letter(serial, delivery, f"this start has not registered in epoch {epoch}"))
        if throw_out and serial not in self.evicted:
            self.evicted.add(serial)
            evict(self.uow, serial, epoch, "unregistered")


Handler = Callable[[UnitOfWork, Incoming], list[Outgoing]]
Together = Callable[[UnitOfWork, Sequence[Incoming]], list[Outgoing]]
_Decoded = tuple[Delivery, Incoming]


class Ingest:
    """The gateway's one use case."""

    def __init__(self, transactions: Transactions, registration: Registration, updates: Updates, calls: Calls) -> None:
        self._transactions = transactions
        self._registration = registration
        self._updates = updates
        self._calls = calls
        self._handlers: dict[str, Handler] = {
            "service_ready": registration.service_ready,
            "update_report": self._update_report,
            "command_result": registration.command_result,
            "events": self._events,
        }
        self._together: dict[str, Together] = {"heartbeat": self._beat, CALL_RECORD: self._take_in_calls}

    def handle(self, deliveries: Sequence[Delivery]) -> list[Outgoing]:
        """Handle all of `deliveries` and return what to send, once everything is committed."""
        letters: list[DeadLetter] = []
        decoded = [pair for delivery in deliveries if (pair := _decode(delivery, letters))]
        with self._transactions.begin(GATEWAY) as uow:
            store = IngestStore(uow.connection)
            names = [(incoming.serial, incoming.message.name) for _, incoming in decoded]
            beating = {serial for serial, name in names if name == "heartbeat"}
            hold_registering(uow, {serial for serial, name in names if name in HOLDING}, beating)
            starts = {_start(incoming) for _, incoming in decoded}
            epochs = store.present_epochs({serial for serial, _ in starts})
            batch = _Batch(uow, store, store.known(starts), epochs, letters=letters)
            batch.registered = store.registered({serial for serial, name in names if name in CRITICAL})
            taken = [(delivery, self._take(batch, delivery, incoming)) for delivery, incoming in decoded]
            waiting = [(delivery, incoming) for delivery, incoming in taken if incoming is not None]
            self._check_in(batch)
            for name, handler in self._together.items():
                self._handle_together(batch, [pair for pair in waiting if pair[1].message.name == name], handler)
            store.save(batch.starts, batch.known, uow.now)
            store.add_dead_letters(batch.letters)
            answers = complete(uow, batch.answers)
            uow.commit()
        return answers

    def _take(self, batch: _Batch, delivery: Delivery, incoming: Incoming) -> Incoming | None:
        """Handle one message, or return it if it is a fresh one of those that are handled together."""
        name, message = _start(incoming), incoming.message
        start, epoch, waits = batch.start(name), batch.epochs.get(incoming.serial), False
        late = message.name in CRITICAL and start.epoch is None and incoming.serial in batch.registered
        if late and message.name == CALL_RECORD:
            batch.answers.append(_acknowledge(incoming))
            return replace(incoming, heard=False)
        novelty = start.window.novelty(message.sequence)
        new = novelty is Novelty.FRESH or (novelty is Novelty.TOO_OLD and message.name == CALL_RECORD)
        if novelty is Novelty.TOO_OLD and not new:
            batch.letters.append(_letter(incoming.serial, delivery, f"sequence {message.sequence} is too old to tell"))
        elif novelty is Novelty.FRESH:
            batch.starts[name] = replace(start, window=start.window.with_handled(message.sequence))
        if message.name == "register":
            if novelty is not Novelty.TOO_OLD:
                self._admit(batch, delivery, incoming)
        elif new:
            if epoch is not None and start.epoch != epoch and not (late and message.name in _TAKEN_LATE):
                batch.refuse(delivery, incoming, epoch, throw_out=not late)
            elif message.name in self._together:
                waits = True
            else:
                self._attempt(batch, delivery, incoming, self._handlers[message.name])
        if message.name in CRITICAL:
            batch.answers.append(_acknowledge(incoming))  # which leaves once all of the batch is stored
        return incoming if waits else None

    def _admit(self, batch: _Batch, delivery: Delivery, incoming: Incoming) -> None:
        """A registration: its start is heard from then on if it is accepted, and checks in with the others."""
        if _accepted(self._attempt(batch, delivery, incoming, self._register)):
            name = _start(incoming)
            batch.starts[name] = replace(batch.start(name), epoch=incoming.message["epoch"])
            batch.registered.add(incoming.serial)
            if incoming.serial in batch.checking_in:  # each of a unit's starts may be one after a crash
                self._check_in(batch)
            batch.checking_in[incoming.serial] = delivery, incoming

    def _check_in(self, batch: _Batch) -> None:
        waiting = list(batch.checking_in.values())
        batch.checking_in.clear()
        self._handle_together(batch, waiting, self._registered)

    def _handle_together(self, batch: _Batch, waiting: Sequence[_Decoded], handler: Together) -> None:
        """All at once; if that fails each alone, to find the one at fault."""
        if not waiting:
            return
        try:
            with batch.uow.connection.begin_nested():
                answers = handler(batch.uow, [incoming for _, incoming in waiting])
        except _POISON:
            for delivery, incoming in waiting:
                self._attempt(batch, delivery, incoming, lambda uow, one: handler(uow, [one]))
        else:
            batch.answers += answers

    def _attempt(self, batch: _Batch, delivery: Delivery, incoming: Incoming, handler: Handler) -> Sequence[Outgoing]:
        """Run `handler` in a savepoint, as the unit; a message it cannot take becomes a dead letter. Its answers."""
        uow, answers = batch.uow, list[Outgoing]()
        try:
            with uow.connection.begin_nested(), _acting(uow, unit_actor(incoming.serial)):
                answers = handler(uow, incoming)
        except _POISON as error:
            batch.letters.append(_letter(incoming.serial, delivery, f"{type(error).__name__}: {error}"))
        else:
            batch.answers += answers
        return answers

    def _register(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        if incoming.message["serial"] != incoming.serial:
            raise WireError(f"a registration of {incoming.message['serial']} from {incoming.serial}")
        return self._registration.register(uow, incoming)

    def _registered(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        """Accepted ones, each of another unit: what a refused one says it runs is nothing to go by."""
        return self._updates.check_in_all(uow, {incoming.serial: incoming.message for incoming in batch})

    def _beat(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        note_heartbeats(uow, batch)
        answers = self._registration.heartbeat(uow, batch)
        return answers + self._updates.check_in_all(uow, {incoming.serial: incoming.message for incoming in batch})

    def _take_in_calls(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        answers = self._calls.take_in(uow, batch)
        note_calls(uow, batch)
        return answers

    def _update_report(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        return self._updates.record_report(uow, incoming.serial, incoming.message)

    def _events(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        IngestStore(uow.connection).add_events(
            [
                UnitEvent(incoming.serial, EVENTS[e["event"]], e["value"], e["clock_s"], incoming.received_at)
                for e in incoming.message["events"]
            ]
        )
        return []


@contextmanager
def _acting(uow: UnitOfWork, actor: Actor) -> Iterator[None]:
    """Let `actor` act for a while, so that the audit names it."""
    before, uow.actor = uow.actor, actor
    try:
        yield
    finally:
        uow.actor = before


def _decode(delivery: Delivery, letters: list[DeadLetter]) -> _Decoded | None:
    serial = ""
    try:
        serial, kind = parse_up_topic(delivery.topic)
        message = unpack(delivery.payload)
        if message.name not in _NAMES[kind]:
            raise WireError(f"a {message.name} does not belong on a topic for {kind}")
    except WireError as error:
        letters.append(_letter(serial, delivery, str(error)))
        return None
    return delivery, Incoming(serial, message, delivery.received_at)


def _accepted(answers: Sequence[Outgoing]) -> bool:
    return any(answer.name == "registered" and answer.values["result"] == _ACCEPTED for answer in answers)


def _start(incoming: Incoming) -> Start:
    return incoming.serial, incoming.message.boot_id


def _letter(serial: str, delivery: Delivery, reason: str) -> DeadLetter:
    return DeadLetter(serial, delivery.topic, delivery.payload, reason, delivery.received_at)


def _acknowledge(incoming: Incoming) -> Outgoing:
    message = incoming.message
    return Outgoing(incoming.serial, "acknowledge", {"boot_id": message.boot_id, "sequence": message.sequence})
