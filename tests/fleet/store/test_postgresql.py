"""The same code on PostgreSQL: the migrations, allocation under concurrency, two operators at once, a whole swap."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from fleet.domain.access import Actor, Role
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import FleetError
from fleet.domain.policy import PolicyName, PolicyValue
from fleet.domain.refurbishing import Grade
from fleet.domain.rma import Condition
from fleet.domain.unit import Custody, Service, Trust
from fleet.services.build import build_services
from fleet.services.cancellations import Asked
from fleet.services.credentials import Passwords
from fleet.services.ingest import Delivery
from fleet.services.jobs import SCHEDULER
from fleet.settings import Settings
from fleet.store.base import make_engine, metadata
from fleet.store.migrate import migrate, newest_revision
from fleet.store.tables.commerce import placements
from fleet.store.tables.people import people
from protocol.wire.messages import pack
from protocol.wire.topics import up_topic
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.services.charging import charge_of, outbox_keys, record
from tests.fleet.services.equipment import FIRST_MAC, PARCEL, Warehouse, heartbeat, identity, proof_of
from tests.fleet.services.test_accounts import end_all_service
from tests.fleet.services.test_retention import LOGS, log, personal_rows, proofs
from tests.fleet.services.test_subjects import export_of, known_person, traces
from tests.fleet.store.voice_faults import PROFILE


@pytest.fixture
def warehouse(postgresql: str, settings: Settings, clock: Clock, passwords: Passwords, admin: Actor) -> Warehouse:
    migrate(postgresql)
    services = build_services(replace(settings, database_url=postgresql), clock, passwords)
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    return warehouse


def test_the_migrated_schema_is_the_declared_one(postgresql: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(migrate, [postgresql] * 3)) == {newest_revision()}
    with make_engine(postgresql).connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(found, metadata) == []


def test_threads_get_addresses_without_holes_or_doubles(warehouse: Warehouse) -> None:
    def allocate(number: int) -> int:
        unit = warehouse.provisioning.allocate(warehouse.actor, "simulated", 1, (number // 2).to_bytes(8, "big"))
        return int(unit.mac)

    with ThreadPoolExecutor(8) as pool:
        macs = list(pool.map(allocate, range(40)))
    assert sorted(set(macs)) == [int(FIRST_MAC) + n for n in range(20)]


def attempt(step: Callable[[], object]) -> str:
    try:
        step()
    except FleetError as error:
        return error.code
    return "done"


def both(step: Callable[[], object]) -> list[str]:
    """What becomes of a step that two operators take at once."""
    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(attempt, [step, step]))


def test_of_two_operators_at_once_one_is_refused(warehouse: Warehouse) -> None:
    rma = warehouse.approved(warehouse.place(warehouse.open_account()))
    stocked = warehouse.stock()
    expected = ["done", "illegal_transition"]
    assert both(lambda: warehouse.services.rmas.reserve(warehouse.actor, rma.id)) == expected
    assert both(lambda: warehouse.services.rmas.ship(warehouse.actor, rma.id, PARCEL)) == expected
    assert both(lambda: warehouse.services.units.revoke(warehouse.actor, stocked.serial, "stolen")) == expected


def test_of_two_policy_values_for_one_day_one_is_refused(warehouse: Warehouse) -> None:
    new = PolicyValue(PolicyName.RETURN_DAYS, date(2026, 4, 1), 14)
    assert both(lambda: warehouse.services.policy.set(warehouse.actor, new)) == ["done", "invalid"]


def test_of_two_that_record_one_charge_at_once_one_does(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    before = outbox_keys(warehouse.services)
    assert both(lambda: record(warehouse.services, account.id, charge_of("placement-1"))) == ["done", "done"]
    assert outbox_keys(warehouse.services) - before == {"charge:replacement_value:placement-1:once"}


def test_of_two_workers_that_complete_a_cancellation_at_once_one_does(warehouse: Warehouse, clock: Clock) -> None:
    account = warehouse.open_account()
    warehouse.place(account)
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="Phones & More")
    warehouse.services.cancellations.request(warehouse.actor, account.id, asked)
    clock.advance(days=10)
    with ThreadPoolExecutor(2) as pool:
        counts = pool.map(lambda _: warehouse.services.cancellations.take_effect(SCHEDULER), range(2))
        assert sum(counts) == 1
    assert len(outbox_keys(warehouse.services)) == 1  # the fee


def test_of_two_admins_who_disable_each_other_at_once_one_stays(warehouse: Warehouse) -> None:
    people, ids = warehouse.services.people, []
    for number in range(11):
        secret = people.setup_link().partition("#")[2]
        ids.append(people.setup(secret, "Ada", f"ada{number}@example.net", "four words of nobody").id)
        if len(ids) < 2:
            continue
        steps = [partial(people.disable, warehouse.actor, person_id) for person_id in ids]
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(attempt, steps))
        assert sorted(outcomes) == ["conflict", "done"]
        ids = [ids[outcomes.index("conflict")]]


def test_two_rmas_at_once_reserve_two_units(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    rmas = [warehouse.approved(warehouse.place(account)) for _ in range(2)]
    stocked = [warehouse.stock().serial for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        reserved = pool.map(lambda rma: warehouse.services.rmas.reserve(warehouse.actor, rma.id), rmas)
        assert sorted(rma.replacement_serial or "" for rma in reserved) == stocked


def test_a_whole_replacement(warehouse: Warehouse) -> None:
    warehouse.services.voice.set_profile(warehouse.actor, PROFILE)
    account = warehouse.open_account()
    old = warehouse.place(account)
    warehouse.stock()
    rma = warehouse.approved(old)
    new = warehouse.replace(rma)
    assert warehouse.result(new) == "accepted"
    warehouse.ready(new)
    warehouse.beat(new, old, config_version=2)
    warehouse.services.rmas.receive(warehouse.actor, rma.id, old.serial, Condition.DEFECTIVE)
    assert identity(warehouse.services, old)[0] == "dead"
    gone, here = warehouse.unit(old.serial), warehouse.unit(new.serial)
    assert (gone.custody, gone.service, gone.trust) == (Custody.RETURNED, Service.UNPLACED, Trust.REVOKED)
    assert (here.custody, here.service) == (Custody.AT_ACCOUNT, Service.ACTIVE)
    lines = warehouse.services.terms.quote(warehouse.actor, account.id)[1]
    assert [line.fee.cents for line in lines] == [0, 5000]
    listed = "".join(warehouse.services.voice.subscribers_csv(warehouse.actor))
    assert (new.serial in listed, old.serial in listed) == (True, False)


def test_of_two_who_set_the_voice_profile_at_once_both_are_heard(warehouse: Warehouse) -> None:
    changes = [replace(PROFILE, ptime_ms=each) for each in (10, 30)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda each: warehouse.services.voice.set_profile(warehouse.actor, each), changes))
    assert sorted(each.version for each in found) == [1, 2]


def test_of_two_at_the_bench_at_once_one_is_refused_at_each_step(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    warehouse.beat(unit)
    warehouse.take_back(unit)
    serial, actor, bench = unit.serial, warehouse.actor, warehouse.services.refurbishings
    expected = ["done", "illegal_transition"]
    assert both(lambda: bench.wipe(actor, serial, proof_of(unit))) == expected
    assert both(lambda: warehouse.provisioning.begin_epoch(actor, serial, "refurbished")) == expected
    warehouse.certify_and_stock(warehouse.unit(serial))
    assert both(lambda: bench.grade(actor, serial, Grade.A, "as new")) == ["conflict", "done"]
    renewed = warehouse.unit(serial)
    assert (renewed.epoch, renewed.custody) == (2, Custody.IN_STOCK)
    next_account = warehouse.open_account("Osprey Legal")
    warehouse.send(next_account, renewed)
    administrator = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=next_account.id)
    detail = warehouse.services.units.get(administrator, serial)
    assert (detail.heartbeat, detail.commands, detail.refurbishing) == (None, (), None)
    heard = Delivery(up_topic(serial, "heartbeat"), pack("heartbeat", heartbeat(1, 5).values, 7, 1), START)
    assert warehouse.services.ingest.handle([heard]) == []
    assert warehouse.services.units.get(actor, serial).heartbeat is None


def test_a_person_is_erased_and_logs_and_a_closed_account_are_purged(warehouse: Warehouse, clock: Clock) -> None:
    person = known_person(warehouse)
    services = warehouse.services
    log(services, clock, "PT000000018")
    export_of(services, warehouse.actor, person)
    services.subjects.erase(warehouse.actor, person.id)
    assert traces(services, person) == set()
    end_all_service(warehouse, clock)
    services.accounts.close(warehouse.actor, 1)
    clock.advance(days=91)
    assert services.retention.purge_logs(SCHEDULER) == len(LOGS) + 1, "and the start in which its unit told of a call"
    assert services.retention.purge_closed_accounts(SCHEDULER) == 1
    assert personal_rows(services) == {}
    assert {kept.proof.data for kept in proofs(services)} == {"connection_logs", "personal_data"}


def test_a_row_of_a_closed_account_that_somebody_holds_is_purged_too(warehouse: Warehouse, clock: Clock) -> None:
    services = warehouse.services
    known_person(warehouse)
    end_all_service(warehouse, clock)
    services.accounts.close(warehouse.actor, 1)
    clock.advance(days=91)
    engine = services.transactions.engine
    waits = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    with ThreadPoolExecutor(1) as pool:
        with engine.connect() as holder, engine.connect() as watch:
            holder.execute(select(placements).with_for_update()).all()
            purge = pool.submit(services.retention.purge_closed_accounts, SCHEDULER)
            while not purge.done() and not watch.scalar(waits):
                watch.rollback()
        assert purge.result() == 1
    assert personal_rows(services) == {}


def test_what_it_says_of_a_row_is_not_in_its_errors(warehouse: Warehouse) -> None:
    warehouse.open_account("Zaphod")
    twice = {"name": "Zaphod", "email": "zaphod@example.com", "state": "invited", "created_at": START}
    with pytest.raises(IntegrityError) as error, warehouse.services.transactions.engine.begin() as connection:
        connection.execute(insert(people).values(twice))
    told = "".join(traceback.format_exception(error.value))
    assert "uq_people_email" in told
    assert "zaphod@example.com" not in told
