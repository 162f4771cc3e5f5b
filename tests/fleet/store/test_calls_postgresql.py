"""Calls on PostgreSQL: told twice at once, charged twice at once, leafed through by an index, purged with proof."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from fleet.domain.access import Actor, Role
from fleet.domain.errors import FleetError
from fleet.domain.policy import PolicyName, PolicyValue
from fleet.domain.reasonable_use import Outcome
from fleet.domain.unit import Unit
from fleet.services.build import build_services
from fleet.services.calls import CallsWanted
from fleet.services.credentials import Passwords
from fleet.services.jobs import SCHEDULER
from fleet.services.metering import Metering
from fleet.settings import Settings
from fleet.store.migrate import migrate
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.domain.calls import call
from tests.fleet.services.calling import Caller, extremes, leave_traces
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.test_metering import JAMAICA, load

SUPPORT = someone(Role.SUPPORT)


@pytest.fixture
def caller(postgresql: str, settings: Settings, clock: Clock, passwords: Passwords, admin: Actor) -> Caller:
    migrate(postgresql)
    services = build_services(replace(settings, database_url=postgresql), clock, passwords)
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    load(services, admin)
    return Caller(warehouse)


@pytest.fixture
def unit(caller: Caller) -> Unit:
    unit = caller.warehouse.place(caller.warehouse.open_account())
    caller.come_on(unit)
    return unit


def both(step: Callable[[], object]) -> list[str]:
    """What becomes of a step that is taken twice at once."""

    def attempt(_: int) -> str:
        try:
            step()
        except FleetError as error:
            return error.code
        except IntegrityError:  # of a job, which the scheduler runs again
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(attempt, range(2)))


def test_a_record_that_two_gateways_take_in_at_once_is_one_row(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(hours=1)
    batch = [caller.record(unit, call(record_id=9 + n, started_s=caller.seconds_ago(minutes=n))) for n in range(20)]
    again = [replace(each) for each in batch]
    for _ in range(3):
        assert both(lambda: caller.services.ingest.handle(again)) == ["done", "done"]
    assert len(caller.calls()) == 20


def test_of_two_workers_that_charge_a_month_at_once_one_does(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(days=2)
    caller.tell(unit, *[call(number=JAMAICA)] * 4)
    clock.now = datetime(2026, 4, 5, 12, tzinfo=UTC)
    metering = Metering(caller.services.transactions, caller.services.calls._zone)
    assert both(lambda: metering.charge(SCHEDULER)) == ["done", "done"]
    assert [row[6] for row in snapshot(caller.services)["charge_events"]] == [100]
    assert caller.services.calls.usage(SUPPORT, 1, 2)[0].metered[0].minutes == 4


def test_of_two_who_block_or_decide_at_once_one_does(caller: Caller, unit: Unit) -> None:
    leave_traces(caller.warehouse, unit, "they")
    with caller.services.transactions.engine.begin() as connection:
        connection.execute(text("UPDATE use_reviews SET outcome = NULL"))
    blocks = caller.services.destination_blocks
    assert both(lambda: blocks.block(SUPPORT, 1, "CU", "fraud")) == ["conflict", "done"]
    assert both(lambda: blocks.unblock(SUPPORT, 2, "over")) == ["conflict", "done"]
    assert blocks.page(SUPPORT, 9, None) == []
    decide = caller.services.use_reviews.decide
    assert both(lambda: decide(SUPPORT, 1, Outcome.REASONABLE, "known")) == ["conflict", "done"]


def test_of_two_workers_that_measure_a_month_at_once_one_does(caller: Caller, unit: Unit, clock: Clock) -> None:
    value = PolicyValue(PolicyName.REASONABLE_USE_PERCENT, date(2026, 4, 1), 0)
    caller.services.policy.set(caller.warehouse.actor, value)
    caller.warehouse.place(caller.warehouse.open_account("Osprey Legal"))
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    caller.tell(unit, call())
    clock.now = datetime(2026, 5, 5, 12, tzinfo=UTC)
    outcomes = both(lambda: caller.services.use_reviews.measure(SCHEDULER))
    assert outcomes in (["done", "done"], ["done", "refused"])
    assert len(snapshot(caller.services)["use_measurements"]) == 2
    assert len(caller.services.use_reviews.page(SUPPORT, 9, None)) == 1


def test_a_unit_that_somebody_holds_is_in_no_calls_way(caller: Caller, unit: Unit) -> None:
    """What units tell waits for nobody: records refer to nothing that acts lock."""
    engine = caller.services.transactions.engine
    with engine.connect() as holder:
        for table in ("units", "accounts", "placements"):
            holder.execute(text(f"SELECT 1 FROM {table} FOR UPDATE"))
        with ThreadPoolExecutor(1) as pool:
            answers = pool.submit(caller.tell, unit, call()).result(timeout=20)
    assert [answer.name for answer in answers] == ["acknowledge"]


def test_pages_of_an_account_and_of_a_unit_come_from_an_index(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.now = START + timedelta(hours=9)
    caller.tell(unit, *[call(started_s=caller.seconds_ago(minutes=n)) for n in range(40)])
    wanted, seen, place = CallsWanted(1, unit.serial), list[int](), None
    while page := caller.services.calls.page(SUPPORT, wanted, 7, place):
        seen += [each.id for each in page]
        place = page[-1].place
    assert len(seen) == len(set(seen)) == 40
    plans = {
        "ix_call_records_account_id_started_at_id": "account_id = 1",
        "ix_call_records_serial_started_at_id": f"serial = '{unit.serial}'",
    }
    with caller.services.transactions.engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        for index, condition in plans.items():
            query = f"EXPLAIN SELECT * FROM call_records WHERE {condition} ORDER BY started_at DESC, id DESC LIMIT 50"
            plan = "\n".join(row[0] for row in connection.execute(text(query)))
            assert index in plan
            assert "Sort" not in plan


def test_whatever_the_wire_allows_fits_its_column(caller: Caller, unit: Unit) -> None:
    caller.services.ingest.handle([caller.delivery(unit, "report", "call_record", each) for each in extremes()])
    assert caller.letters() == []
    assert len(caller.calls()) == 2
    assert caller.services.calls.usage(SUPPORT, 1, 1) == [], "one is an emergency call, the other was not answered"
    most = call(record_id=1000, duration_ms=0xFFFFFFFF, started_s=caller.seconds_ago())
    caller.tell(unit, most, replace(most, record_id=1001))
    assert caller.services.calls.usage(SUPPORT, 1, 1)[0].totals.outgoing_ms == 2 * 0xFFFFFFFF


def test_old_calls_are_purged_with_their_proof(caller: Caller, unit: Unit, clock: Clock) -> None:
    caller.tell(unit, *[call()] * 3)
    clock.advance(days=600)
    caller.services.retention.purge_logs(SCHEDULER)
    assert snapshot(caller.services)["call_records"] == []
    counts = {row[2]: row[4] for row in snapshot(caller.services)["purge_proofs"] if row[1] == "call_records"}
    assert counts == {"call_records": 3}
