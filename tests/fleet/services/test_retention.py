"""Logs and the personal data of closed accounts go when their period is over, and each purge proves what went."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Table, insert, select

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.people import PersonState
from fleet.domain.policy import DEFAULTS, PolicyName
from fleet.domain.retention import RETENTION, RetentionClass
from fleet.services import retention
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER, Jobs
from fleet.store.ingest import DeadLetter, IngestStore, UnitEvent
from fleet.store.personal_data import ACCOUNT_DATA, NOBODY, PURGEABLE
from fleet.store.purge import KeptProof, name_of
from fleet.store.tables.calls import call_records, use_reviews
from fleet.store.tables.commerce import rmas
from fleet.store.tables.equipment import heartbeats, unit_notes
from fleet.store.tables.ingest import dead_letters, sequence_windows, unit_events
from fleet.store.tables.trust import claim_failures
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.telephony import HOME_NETWORK, see
from tests.fleet.services.test_accounts import end_all_service

LOG_DAYS = DEFAULTS[PolicyName.CONNECTION_LOGS_DAYS]
PERSON_DAYS = DEFAULTS[PolicyName.PERSONAL_DATA_DAYS]
NETWORKS = {"unit_whereabouts", "registered_locations"}
LOGS = (unit_events, dead_letters, sequence_windows, claim_failures, heartbeats)


def names(services: Services, table: Table) -> set[str]:
    with services.transactions.engine.connect() as connection:
        return {name_of(table, row) for row in connection.execute(select(table))}


def proofs(services: Services, data: RetentionClass | None = None) -> list[KeptProof]:
    return services.retention.proofs(someone(Role.ADMIN), data, 1000, None)


def assert_proved(found: list[KeptProof], gone: dict[str, set[str]]) -> None:
    """The proofs of each table are over exactly those names, each once."""
    counted: dict[str, int] = defaultdict(int)
    for kept in found:
        counted[kept.rows_of] += kept.proof.count
        if kept.proof.count == len(gone[kept.rows_of]):
            ordered = sorted(gone[kept.rows_of])
            assert (kept.proof.first, kept.proof.last) == (ordered[0], ordered[-1])
            assert kept.proof.sha256 == sha256("".join(f"{name}\n" for name in ordered).encode()).hexdigest()
    assert counted == {table: len(some) for table, some in gone.items()}


def log(services: Services, clock: Clock, serial: str) -> None:
    """A row in every table that is a connection log."""
    now = clock()
    with services.transactions.begin(SCHEDULER) as uow:
        store = IngestStore(uow.connection)
        store.add_events([UnitEvent(serial, "boot", 1, 0, now)])
        store.add_dead_letters([DeadLetter(serial, "up/x", b"?", "bad", now)])
        window = {"serial": serial, "boot_id": 1, "highest": 1, "seen": b"", "updated_at": now}
        uow.connection.execute(insert(sequence_windows).values(window))
        guess = {"account_id": 1, "serial": serial, "failed_at": now}
        uow.connection.execute(insert(claim_failures).values(guess))
        beat: dict[str, Any] = {column.name: 0 for column in heartbeats.columns}
        uow.connection.execute(insert(heartbeats).values(beat | {"serial": serial, "received_at": now}))
        uow.commit()


def test_logs_stay_through_the_last_day_of_their_period_and_go_on_the_next(warehouse: Warehouse, clock: Clock) -> None:
    services = warehouse.services
    warehouse.open_account()
    log(services, clock, "PT000000018")
    clock.advance(days=1)
    log(services, clock, "PT000000026")
    before = {table.name: names(services, table) for table in LOGS}

    clock.now = START + timedelta(days=LOG_DAYS)
    assert services.retention.purge_logs(SCHEDULER) == 0
    assert proofs(services) == []
    clock.advance(days=1)
    assert services.retention.purge_logs(SCHEDULER) == len(LOGS)

    gone = {table.name: before[table.name] - names(services, table) for table in LOGS}
    assert {name: len(some) for name, some in gone.items()} == {table.name: 1 for table in LOGS}
    assert_proved(proofs(services, RetentionClass.CONNECTION_LOGS), gone)
    assert services.retention.purge_logs(SCHEDULER) == 0, "twice changes nothing"
    assert len(proofs(services)) == len(LOGS)


def test_after_downtime_all_that_is_due_goes_in_batches_each_with_its_proof(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    with services.transactions.begin(SCHEDULER) as uow:
        rows = [UnitEvent(f"PT00000000{n}", "boot", n, 0, START + timedelta(days=n)) for n in range(5)]
        IngestStore(uow.connection).add_events(rows)
        uow.commit()
    before = names(services, unit_events)
    clock.advance(days=1000)
    assert Jobs(services.transactions, services.jobs).run_due(lambda name, error: pytest.fail(f"{name}: {error}"))
    assert names(services, unit_events) == set()
    found = proofs(services)
    assert sorted(kept.proof.count for kept in found) == [1, 2, 2]
    assert all(kept.proof.on == date(2028, 11, 26) for kept in found)
    assert_proved(found, {"unit_events": before})


def test_every_class_with_a_period_has_its_tables() -> None:
    others = {
        RetentionClass.UNDELIVERED_MESSAGES,  # the message service's
        RetentionClass.PERSONAL_DATA,  # ACCOUNT_DATA, and people
    }
    kept = {data for data, rule in RETENTION.items() if rule.period is not None}
    assert kept - others == {purgeable.data for purgeable in PURGEABLE}
    assert {purgeable.table for purgeable in PURGEABLE} == {*LOGS, call_records, use_reviews}


def closed_account(warehouse: Warehouse, clock: Clock) -> None:
    """An account with a history in every table that holds something personal, closed."""
    services, admin = warehouse.services, warehouse.actor
    account = warehouse.open_account("Zaphod Quux")
    unit = warehouse.place(account)
    see(services, unit, HOME_NETWORK)
    warehouse.register(unit)
    services.units.quarantine(admin, unit.serial, "Zaphod called")
    services.units.clear(admin, unit.serial, "Zaphod called again")
    rma = warehouse.approved(unit)
    end_all_service(warehouse, clock)
    services.rmas.receive(admin, rma.id, unit.serial, "defective")
    services.accounts.close(admin, account.id)


def personal_rows(services: Services) -> dict[str, set[str]]:
    """The names of the rows that still hold something, by table."""
    found = {}
    with services.transactions.engine.connect() as connection:
        for held in ACCOUNT_DATA:
            rows = connection.execute(select(held.table)).all()
            full = {name_of(held.table, r) for r in rows if any(
                r._mapping[held.table.c[name]] != value for name, value in held.emptied.items())}  # fmt: skip
            if full:
                found[held.table.name] = full
    return found


def test_a_closed_accounts_personal_data_goes_and_its_history_stays(warehouse: Warehouse, clock: Clock) -> None:
    services = warehouse.services
    closed_account(warehouse, clock)
    theirs, before = personal_rows(services), snapshot(services)
    assert set(theirs) >= {
        "accounts",
        "cancellations",
        "placements",
        "rmas",
        "rma_steps",
        "unit_notes",
        "unit_whereabouts",
    }
    assert HOME_NETWORK.network in str(before)
    closed_at = clock()

    clock.now = closed_at + timedelta(days=PERSON_DAYS)
    assert services.retention.purge_closed_accounts(SCHEDULER) == 0
    assert snapshot(services) == before, "the last day of the period is kept whole"
    clock.advance(days=1)
    assert services.retention.purge_closed_accounts(SCHEDULER) == 1
    assert services.retention.purge_closed_accounts(SCHEDULER) == 0

    assert personal_rows(services) == {}
    after = snapshot(services)
    assert HOME_NETWORK.network not in str(after)
    person = services.people.get(warehouse.actor, 1)
    assert (person.state, person.name, person.email) == (PersonState.ERASED, NOBODY, "pe-1@erased.invalid")
    assert services.accounts.get(warehouse.actor, 1).name == NOBODY
    stays = set(before) - {"people", "person_roles", "purge_proofs", "audit_log", *theirs}
    assert all(after[name] == before[name] for name in stays), "unit history, charges, terms"
    assert all(len(after[name]) == len(before[name]) for name in theirs)
    lost = {"people": {"people-1"}, "person_roles": {"person_roles-1-account_administrator"}}
    assert_proved(proofs(services, RetentionClass.PERSONAL_DATA), theirs | lost)
    assert [entry.action for entry in services.audit.page(warehouse.actor, 2, None, None)] == [
        "account:purge",
        "person:erase",
    ]


def test_an_open_account_keeps_everything_however_old(warehouse: Warehouse, clock: Clock) -> None:
    warehouse.place(warehouse.open_account())
    before = snapshot(warehouse.services)
    clock.advance(days=2000)
    assert warehouse.services.retention.purge_closed_accounts(SCHEDULER) == 0
    assert snapshot(warehouse.services) == before


def test_a_purge_that_is_cut_off_goes_on_where_it_stopped(
    warehouse: Warehouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = warehouse.services
    closed_account(warehouse, clock)
    theirs = personal_rows(services)
    clock.advance(days=PERSON_DAYS + 1)
    held = services.retention._purge_held

    def cut(actor: Actor, account_id: int, what: Any) -> bool:
        if what.table is rmas:
            raise RuntimeError("power cut")
        return held(actor, account_id, what)

    with monkeypatch.context() as patched:
        patched.setattr(type(services.retention), "_purge_held", lambda _self, *args: cut(*args))
        with pytest.raises(RuntimeError):
            services.retention.purge_closed_accounts(SCHEDULER)
    assert set(personal_rows(services)) == {"rmas", "rma_steps", "unit_notes"}
    assert services.retention.purge_closed_accounts(SCHEDULER) == 1
    assert personal_rows(services) == {}
    lost = {"people": {"people-1"}, "person_roles": {"person_roles-1-account_administrator"}}
    assert_proved(proofs(services, RetentionClass.PERSONAL_DATA), theirs | lost)


def test_notes_on_a_unit_go_only_from_the_time_it_was_the_accounts(warehouse: Warehouse, clock: Clock) -> None:
    services, admin = warehouse.services, warehouse.actor
    account, unit = warehouse.open_account(), warehouse.stock()
    services.units.quarantine(admin, unit.serial, "from before")
    services.units.clear(admin, unit.serial, "from before")
    clock.advance(days=1)
    warehouse.send(account, unit)
    warehouse.register(unit)
    services.units.quarantine(admin, unit.serial, "theirs")
    services.units.clear(admin, unit.serial, "theirs")
    end_all_service(warehouse, clock)
    services.accounts.close(admin, account.id)
    clock.advance(days=PERSON_DAYS + 1)
    services.retention.purge_closed_accounts(SCHEDULER)
    with services.transactions.engine.connect() as connection:
        whys = list(connection.scalars(select(unit_notes.c.why).order_by(unit_notes.c.id)))
    assert whys == ["from before", "from before", "", ""]


def test_proofs_are_shown_to_who_reads_the_audit_for_the_operator(services: Services) -> None:
    for actor in (someone(Role.SUPPORT), Actor(someone(Role.ADMIN).kind, "PE-9", someone(Role.ADMIN).permissions, 1)):
        with pytest.raises(ForbiddenError):
            services.retention.proofs(actor, None, 10, None)
