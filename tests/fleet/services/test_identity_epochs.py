"""One unit goes through a hundred refurbishings: nothing of an earlier key epoch is ever accepted again.

The certificates, the door's decision, the ingest of messages and the bench are the real ones; in between the service
dies at a random statement, as a killed process does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import event, func, select

from fleet.domain.access import Actor, unit_actor
from fleet.domain.account import Account
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.identity import Permissions, Refusal
from fleet.domain.refurbishing import Grade
from fleet.domain.unit import Unit
from fleet.pki.authority import DeviceAuthority
from fleet.pki.peer import PeerReader
from fleet.services.admission import Admission
from fleet.services.build import Services
from fleet.services.ingest import Delivery
from fleet.services.unit_messages import Outgoing
from fleet.store.assignments import AssignmentRepository
from fleet.store.commands import CommandRepository
from fleet.store.identities import IdentityLookup
from fleet.store.ingest import IngestStore
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.tables.equipment import commands, heartbeats, identities, units
from fleet.store.tables.ingest import unit_events
from fleet.store.tables.journal import audit_log
from protocol.wire.enumerations import COMMAND_RESULTS, EVENTS, REGISTER_RESULTS, UPDATE_STATES
from protocol.wire.messages import layout_of, pack
from protocol.wire.topics import up_topic
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import REPORT, Warehouse, make_csr, sent

ROUNDS = 100
STAYS_AN_ACCOUNT = 3
KILLED = 0.2  # of the steps at the bench
MOST_STATEMENTS = 16  # of a step at the bench
EVERY_EARLIER_ONE = 50  # how often all of them are tried, not the last and one more
ZEROS = {name: {layout[0]: 0 for layout in layout_of(name)[3]} for name in ("heartbeat", "service_ready")}
SPOKEN = {
    "heartbeat": ZEROS["heartbeat"] | {"uptime_s": 999},
    "service_ready": ZEROS["service_ready"],
    "command_result": {"command_id": 1, "result": COMMAND_RESULTS.index("done"), "detail": ""},
    "events": {"events": [{"clock_s": 5, "event": EVENTS.index("link_up"), "value": 2}]},
}
AT_THE_BENCH = {
    "waiting": ("returned", True), "repaired": ("returned", True), "wiped": ("returned", True),
    "new_epoch": ("made", False), "flashed": ("certified", True), "tested": ("certified", True),
}  # fmt: skip


WENT_THROUGH = re.compile("not possible now|not being refurbished")  # it had died after its commit


class KilledError(BaseException):
    """The process is gone."""


@dataclass(frozen=True)
class Epoch:
    """What a unit had in one: key, certificate, the start it registered with."""

    number: int
    key: ec.EllipticCurvePrivateKey
    certificate_pem: str
    boot_id: int


@dataclass
class Life:
    """The unit, and all that it ever was."""

    warehouse: Warehouse
    admission: Admission
    account: Account
    unit: Unit
    chance: random.Random
    past: list[Epoch] = field(default_factory=list)
    present: Epoch | None = None
    sequence: int = 0

    @property
    def services(self) -> Services:
        return self.warehouse.services

    def delivery(self, boot_id: int, name: str, values: dict[str, Any]) -> Delivery:
        self.sequence += 1
        kind = name if name in ("register", "heartbeat") else "report"
        payload = pack(name, values, boot_id, self.sequence)
        return Delivery(up_topic(self.unit.serial, kind), payload, self.services.transactions.clock())

    def say(self, boot_id: int, name: str, values: dict[str, Any]) -> list[Outgoing]:
        return self.services.ingest.handle([self.delivery(boot_id, name, values)])

    def registration(self, epoch: int) -> dict[str, Any]:
        return {
            "serial": self.unit.serial, "mac": self.unit.mac.octets, "epoch": epoch, "board": self.unit.board,
            "hardware_revision": 1, "version": "1.0.0", "release_counter": 1, "image_sha256": bytes(32), "slot": 0,
            "abi": 6, "boot_reason": 0, "free_heap_bytes": 0, "clock_s": 0,
        }  # fmt: skip

    def register(self, boot_id: int, epoch: int) -> str:
        return REGISTER_RESULTS[self.say(boot_id, "register", self.registration(epoch))[0].values["result"]]

    def admitted(self, epoch: Epoch) -> Permissions | Refusal:
        return self.admission.decide(epoch.certificate_pem, self.unit.serial, gateways_listen=True, address="")

    def some_of_the_past(self) -> list[Epoch]:
        if len(self.past) % EVERY_EARLIER_ONE == 0:
            return self.past
        return [*self.past[-1:], self.chance.choice(self.past)] if self.past else []

    def rows(self) -> list[Any]:
        """What an old identity must not change: all that the fleet keeps of the unit, and what it did with it."""
        with self.services.transactions.engine.connect() as connection:
            kept = [connection.execute(select(table)).all() for table in (units, heartbeats)]
            rows = [[tuple(row) for row in each] for each in kept]
            counts = [select(func.count()).select_from(table) for table in (identities, audit_log, unit_events)]
            answered = select(func.count()).where(commands.c.result.is_not(None))
            return [*rows, *(connection.scalar(query) for query in (*counts, answered))]

    def refused(self, act: Callable[[], object], words: str) -> None:
        before = self.rows()
        with pytest.raises(ConflictError, match=words):
            act()
        assert self.rows() == before


@pytest.fixture
def life(services: Services, admin: Actor) -> Life:
    @event.listens_for(services.transactions.engine, "connect")
    def hurry(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # what a power cut does to a disk is not the question here

    services.transactions.engine.dispose()
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    authority = DeviceAuthority.load(services.settings.data_dir / "pki")
    lookup = IdentityLookup(services.transactions, unit_actor("callout"))
    admission = Admission(PeerReader([authority.certificate], []), lookup, lambda _serial, _address: None)
    account, unit = warehouse.open_account(), warehouse.allocate()
    life = Life(warehouse, admission, account, unit, random.Random(1))
    certify(life, 1)
    warehouse.provisioning.stock(admin, unit.serial, REPORT)
    return life


def certify(life: Life, number: int) -> None:
    key, serial = ec.generate_private_key(ec.SECP256R1()), life.unit.serial
    made = life.warehouse.provisioning.certify(life.warehouse.actor, serial, make_csr(serial, key), number)
    pem = x509.load_der_x509_certificate(made.certificate).public_bytes(Encoding.PEM).decode()
    life.present = Epoch(number, key, pem, boot_id=1000 + number)


@contextmanager
def dying(life: Life, after_statements: int) -> Iterator[None]:
    """The process is killed at that statement of whatever runs, or just before a commit that comes sooner."""
    engine, left = life.services.transactions.engine, [after_statements]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KilledError

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", count)
        engine.dispose()  # its connections are gone with it


def nothing_half(life: Life) -> None:
    """What the fleet knows of the unit on the bench fits together."""
    unit = life.warehouse.unit(life.unit.serial)
    with life.services.transactions.read(life.warehouse.actor) as uow:
        current = RefurbishingRepository(uow).open_of(unit.serial)
        alive = uow.connection.execute(
            select(identities.c.epoch).where(identities.c.serial == unit.serial, identities.c.state == "current")
        ).scalars()
        present = list(alive)
    custody, has_identity = ("in_stock", True) if current is None else AT_THE_BENCH[current.state]
    assert (unit.custody, present) == (custody, [unit.epoch] if has_identity else [])


def survive(life: Life, step: Callable[[], object]) -> None:
    """The service may die in the midst of a step; the step is taken again, as a station does."""
    if life.chance.random() < KILLED:
        with suppress(KilledError), dying(life, life.chance.randrange(MOST_STATEMENTS)):
            step()
        nothing_half(life)
    try:
        step()
    except ConflictError as error:
        if not WENT_THROUGH.search(str(error)):
            raise


def serve(life: Life) -> None:
    """A stay at the account in the present epoch."""
    present = life.present
    assert present is not None
    life.warehouse.send(life.account, life.warehouse.unit(life.unit.serial))
    assert isinstance(life.admitted(present), Permissions)
    for old in life.some_of_the_past():
        assert life.admitted(old) is Refusal.DEAD_IDENTITY
        assert life.register(old.boot_id, old.number) == "bad_identity"
    assert life.register(present.boot_id, present.number) == "accepted"
    command = life.services.units.command(life.warehouse.actor, life.unit.serial, "identify", 1)
    life.say(present.boot_id, "service_ready", SPOKEN["service_ready"])
    life.say(present.boot_id, "heartbeat", SPOKEN["heartbeat"] | {"uptime_s": present.number})
    before = life.rows()
    for old in life.some_of_the_past():
        spoken = SPOKEN | {"command_result": SPOKEN["command_result"] | {"command_id": command.id}}
        life.services.ingest.handle([life.delivery(old.boot_id, name, values) for name, values in spoken.items()])
    assert life.rows() == before, "an old start spoke under the unit's name, and changed something"


def refurbish(life: Life) -> None:
    """Back to the bench and onto the shelf, in the next epoch."""
    warehouse, actor, serial = life.warehouse, life.warehouse.actor, life.unit.serial
    present = life.present
    assert present is not None
    warehouse.take_back(life.unit)
    survive(life, lambda: warehouse.wipe(life.unit))
    survive(life, lambda: warehouse.provisioning.begin_epoch(actor, serial, "refurbished"))
    life.past.append(present)
    assert life.admitted(present) is Refusal.DEAD_IDENTITY
    assert life.register(present.boot_id, present.number) == "bad_identity"
    before = life.rows()
    life.say(present.boot_id, "heartbeat", SPOKEN["heartbeat"])
    life.say(present.boot_id + 500_000, "heartbeat", SPOKEN["heartbeat"])
    assert life.rows() == before
    number = present.number + 1
    request = warehouse.provisioning.certify
    for old in life.some_of_the_past():
        csr = make_csr(serial, old.key)
        life.refused(lambda: request(actor, serial, csr, number), f"certified before, for {serial}")  # noqa: B023
    life.refused(lambda: request(actor, serial, make_csr(serial), present.number), f"is in epoch {number}")
    certify(life, number)
    nothing_half(life)
    survive(life, lambda: warehouse.provisioning.stock(actor, serial, REPORT))
    survive(life, lambda: life.services.refurbishings.grade(actor, serial, Grade.B, "as it is"))


def test_nothing_of_an_old_key_epoch_is_ever_accepted_again(life: Life, clock: Clock) -> None:
    for number in range(1, ROUNDS + 1):
        if number % STAYS_AN_ACCOUNT == 0:
            life.account = life.warehouse.open_account(f"Heron{number}")
        serve(life)
        clock.advance(minutes=1)
        refurbish(life)
        clock.advance(minutes=1)
        assert life.warehouse.unit(life.unit.serial).epoch == number + 1
    assert len(life.past) == ROUNDS
    serve(life)
    with life.services.transactions.engine.connect() as connection:
        states = connection.execute(select(identities.c.epoch, identities.c.state).order_by(identities.c.epoch)).all()
    assert [tuple(row) for row in states] == [(n, "dead") for n in range(1, ROUNDS + 1)] + [(ROUNDS + 1, "current")]


def letters(life: Life) -> list[str]:
    with life.services.transactions.engine.connect() as connection:
        return [letter.reason for letter in IngestStore(connection).dead_letters(life.unit.serial)]


def test_who_speaks_before_it_registers_is_thrown_out_once_and_heard_after(life: Life) -> None:
    beats = [life.delivery(7, "heartbeat", SPOKEN["heartbeat"]) for _ in range(3)]
    assert life.services.ingest.handle(beats) == []
    assert letters(life) == ["this start has not registered in epoch 1"] * 3
    assert sent(life.services, "revoke") == [{"serial": life.unit.serial, "epoch": 1}]
    assert life.register(7, 1) == "accepted"
    life.say(7, "heartbeat", SPOKEN["heartbeat"])
    assert life.services.units.get(life.warehouse.actor, life.unit.serial).heartbeat is not None
    assert len(letters(life)) == 3


@pytest.mark.parametrize("name", ["service_ready", "command_result"])
def test_a_late_report_of_a_start_that_never_registered_is_for_people_and_throws_nobody_out(
    life: Life, name: str
) -> None:
    """It waited on the unit over a restart; what it is of cannot be told from what a dead identity left there."""
    assert life.register(7, 1) == "accepted"
    late = life.delivery(6, name, SPOKEN[name])
    assert [answer.name for answer in life.services.ingest.handle([late, late])] == ["acknowledge"] * 2
    assert letters(life) == ["this start has not registered in epoch 1"]
    assert sent(life.services, "revoke") == []


def test_what_an_update_came_to_is_heard_once_also_of_a_start_that_never_registered(life: Life) -> None:
    """Back on its old image the unit lost power before the fleet was there: another start tells it, or nobody."""
    nothing = {layout[0]: 0 for layout in layout_of("update_report")[3]}
    values = nothing | {"state": UPDATE_STATES.index("reverted"), "target_sha256": bytes(32), "detail": ""}
    assert life.register(7, 1) == "accepted"
    late = life.delivery(6, "update_report", values)
    for _ in range(2):
        assert [answer.name for answer in life.services.ingest.handle([late, late])] == ["acknowledge"] * 2
    reported = select(audit_log.c.fields).where(audit_log.c.action == AuditAction.UPDATE_REPORT)
    with life.services.transactions.engine.connect() as connection:
        assert len(connection.execute(reported).all()) == 1
    assert (letters(life), sent(life.services, "revoke")) == ([], [])


def test_a_start_that_registers_and_speaks_in_one_batch_is_heard(life: Life) -> None:
    register = life.delivery(7, "register", life.registration(1))
    life.services.ingest.handle([register, life.delivery(7, "heartbeat", SPOKEN["heartbeat"])])
    assert life.services.units.get(life.warehouse.actor, life.unit.serial).heartbeat is not None
    assert letters(life) == []


def test_a_refused_start_is_not_heard_and_what_it_says_it_runs_is_not_noted(life: Life) -> None:
    assert life.register(7, 2) == "bad_identity"
    life.say(7, "heartbeat", SPOKEN["heartbeat"])
    assert life.services.units.get(life.warehouse.actor, life.unit.serial).heartbeat is None
    with life.services.transactions.read(life.warehouse.actor) as uow:
        assert AssignmentRepository(uow).running(life.unit.serial) is None


def test_a_critical_report_of_an_old_start_is_acknowledged_so_that_it_ends(life: Life) -> None:
    (answer,) = life.say(7, "service_ready", SPOKEN["service_ready"])
    assert (answer.name, answer.values["boot_id"]) == ("acknowledge", 7)


def test_an_assignment_and_a_command_are_of_the_epoch_they_were_given_in(life: Life) -> None:
    warehouse, serial = life.warehouse, life.unit.serial
    asked = life.services.units.command(warehouse.actor, serial, "identify", 1)
    with life.services.transactions.begin(warehouse.actor) as uow:
        given = AssignmentRepository(uow).issue(serial, None, None, asked.id, "key", lambda _sequence: b"stay")
        uow.commit()
    assert life.services.unit_updates.assignment(serial) == b"stay"
    warehouse.provisioning.begin_epoch(warehouse.actor, serial, "its key was seen")
    with pytest.raises(NotFoundError, match="the director has nothing"):
        life.services.unit_updates.assignment(serial)
    with life.services.transactions.begin(warehouse.actor) as uow:
        assert AssignmentRepository(uow).by_sequence(serial, given.sequence) is None
        CommandRepository(uow).answer(serial, asked.id, "done", "")
        assert CommandRepository(uow).unanswered(serial, ["identify"], uow.now - timedelta(hours=1)) == []
        assert [each.result for each in CommandRepository(uow).of(serial, 5)] == [None]
