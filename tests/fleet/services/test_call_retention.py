"""Calls are kept 18 months, their numbers no longer than the account's data; each purge proves what went (ER 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from fleet.domain.access import Role
from fleet.domain.policy import PolicyName, PolicyValue
from fleet.domain.reasonable_use import Outcome
from fleet.domain.retention import RetentionClass
from fleet.domain.unit import Unit
from fleet.services.jobs import SCHEDULER
from fleet.services.metering import Metering
from fleet.store.tables.calls import call_records, use_reviews
from tests.fleet.conftest import Clock, someone
from tests.fleet.domain.calls import CALL, MINUTE, call
from tests.fleet.services.calling import Caller
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.test_accounts import end_all_service
from tests.fleet.services.test_metering import load
from tests.fleet.services.test_retention import PERSON_DAYS, assert_proved, names, personal_rows, proofs
from tests.fleet.services.test_subjects import export_of, known_person, traces

SUPPORT = someone(Role.SUPPORT)
NUMBER, OTHER = "+18765550142", "+12125550143"


@pytest.fixture
def caller(warehouse: Warehouse) -> Caller:
    load(warehouse.services, warehouse.actor)
    return Caller(warehouse)


def customer(caller: Caller, name: str = "Blue Heron Dental") -> Unit:
    unit = caller.warehouse.place(caller.warehouse.open_account(name))
    caller.come_on(unit)
    return unit


def test_a_call_stays_eighteen_months_from_its_start_and_goes_on_the_day_they_end(caller: Caller, clock: Clock) -> None:
    unit = customer(caller)
    clock.now = datetime(2026, 4, 5, 4, 0, tzinfo=UTC)  # told days later: the start counts
    first, second = caller.seconds_ago(days=3, seconds=1), caller.seconds_ago(days=3)  # the first and the second
    caller.tell(unit, call(started_s=first), call(started_s=second))
    before = names(caller.services, call_records)
    clock.now = datetime(2027, 10, 1, 3, 59, tzinfo=UTC)
    caller.services.retention.purge_logs(SCHEDULER)
    assert names(caller.services, call_records) == before
    clock.advance(minutes=1)
    caller.services.retention.purge_logs(SCHEDULER)
    gone = before - names(caller.services, call_records)
    assert gone == {"call_records-1"}
    assert_proved(proofs(caller.services, RetentionClass.CALL_RECORDS), {"call_records": gone})


def test_the_period_is_a_policy_value(caller: Caller, clock: Clock) -> None:
    value = PolicyValue(PolicyName.CALL_RECORDS_MONTHS, date(2026, 6, 1), 1)
    caller.services.policy.set(caller.warehouse.actor, value)
    caller.tell(customer(caller), call())
    clock.now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    caller.services.retention.purge_logs(SCHEDULER)
    assert names(caller.services, call_records) == set()


def test_what_a_month_came_to_goes_with_its_calls(caller: Caller, clock: Clock) -> None:
    value = PolicyValue(PolicyName.REASONABLE_USE_PERCENT, date(2026, 4, 1), 50)
    caller.services.policy.set(caller.warehouse.actor, value)
    busy = customer(caller)
    customer(caller, "Osprey Legal")
    clock.now = datetime(2026, 4, 30, 12, tzinfo=UTC)
    caller.tell(busy, call())
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    caller.services.use_reviews.measure(SCHEDULER)
    before = names(caller.services, use_reviews)
    assert len(before) == 1
    clock.now = datetime(2027, 10, 31, 12, tzinfo=UTC)
    caller.services.retention.purge_logs(SCHEDULER)
    assert names(caller.services, call_records) == set()
    assert names(caller.services, use_reviews) == before
    clock.advance(days=1)
    caller.services.retention.purge_logs(SCHEDULER)
    assert names(caller.services, use_reviews) == set()


def test_of_a_closed_account_numbers_and_words_go_and_the_figures_stay(caller: Caller, clock: Clock) -> None:
    services, unit = caller.services, customer(caller, "Zaphod Quux")
    value = PolicyValue(PolicyName.REASONABLE_USE_PERCENT, date(2026, 4, 1), 50)
    services.policy.set(caller.warehouse.actor, value)
    other = customer(caller, "Osprey Legal")
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    caller.tell(unit, call(number=NUMBER, duration_ms=9 * MINUTE))
    caller.tell(other, call(number=OTHER))
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    services.use_reviews.measure(SCHEDULER)
    services.use_reviews.decide(SUPPORT, 1, Outcome.FRAUD, "Zaphod calls himself")
    lifted = services.destination_blocks.block(SUPPORT, 1, "CU", "Zaphod asked for it")
    services.destination_blocks.unblock(SUPPORT, lifted.id, "Zaphod is back")
    end_all_service(caller.warehouse, clock)
    services.accounts.close(caller.warehouse.actor, 1)
    theirs, before = personal_rows(services), snapshot(services)
    assert set(theirs) >= {"call_records", "use_reviews", "destination_blocks"}
    clock.advance(days=PERSON_DAYS + 1)
    assert services.retention.purge_closed_accounts(SCHEDULER) == 1
    after = str(snapshot(services))
    assert "Zaphod" not in after
    assert NUMBER not in after
    assert OTHER in after, "the other account keeps its own"
    (kept,) = caller.calls()
    assert replace(kept.taken_in.record, number=NUMBER).duration_ms == 9 * MINUTE
    assert kept.taken_in.metering is not None
    assert len(snapshot(services)["call_records"]) == len(before["call_records"])
    proved = {kept.rows_of: kept.proof.count for kept in proofs(services, RetentionClass.PERSONAL_DATA)}
    assert {table: proved[table] for table in ("call_records", "use_reviews", "destination_blocks")} == {
        "call_records": 1,
        "use_reviews": 1,
        "destination_blocks": 1,
    }


def test_what_a_unit_tells_after_its_accounts_data_went_brings_no_number_back(caller: Caller, clock: Clock) -> None:
    services, unit = caller.services, customer(caller)
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    late, soon = (caller.record(unit, call(number=NUMBER, started_s=caller.seconds_ago(hours=n))) for n in (1, 2))
    end_all_service(caller.warehouse, clock)
    services.accounts.close(caller.warehouse.actor, 1)
    services.ingest.handle([soon])
    assert [each.taken_in.record.number for each in caller.calls()] == [NUMBER], "kept as long as the rest"
    clock.advance(days=PERSON_DAYS + 1)
    assert services.retention.purge_closed_accounts(SCHEDULER) == 1
    services.ingest.handle([replace(late, received_at=clock())])
    assert [(each.taken_in.record.number, each.taken_in.metering is not None) for each in caller.calls()] == [
        ("", True), ("", True)
    ]  # fmt: skip


def test_a_charge_outlives_its_calls_and_names_no_number(caller: Caller, clock: Clock) -> None:
    unit = customer(caller)
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    caller.tell(unit, call(number=NUMBER))
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    Metering(caller.services.transactions, caller.services.calls._zone).charge(SCHEDULER)
    clock.advance(days=600)
    caller.services.retention.purge_logs(SCHEDULER)
    after = snapshot(caller.services)
    assert after["call_records"] == []
    assert len(after["charge_events"]) == 1
    assert NUMBER not in str(after)


def test_an_administrator_is_given_the_numbers_of_their_accounts_calls(caller: Caller, clock: Clock) -> None:
    person = known_person(caller.warehouse)
    unit = next(each for each in caller.services.units.page(SUPPORT, 9, None) if each.account_id == person.account_id)
    caller.come_on(unit, boot_id=78)
    clock.advance(hours=1)
    caller.tell(unit, call(number=NUMBER, started_s=caller.seconds_ago()), boot_id=78)
    caller.tell(customer(caller, "Osprey Legal"), call(number=OTHER))
    shown = export_of(caller.services, caller.warehouse.actor, person)
    assert [each["number"] for each in shown["of_account"]["call_records"]] == [CALL.number, NUMBER]
    assert OTHER not in str(shown)
    caller.services.destination_blocks.block(SUPPORT, 1, "CU", f"{person.name} asked for it")
    caller.services.subjects.erase(caller.warehouse.actor, person.id)
    assert traces(caller.services, person) == set()
    (block,) = caller.services.destination_blocks.page(SUPPORT, 9, None)
    assert block.why == f"{person.reference} asked for it"
    assert [each.taken_in.record.number for each in caller.calls()] == [NUMBER, CALL.number], (
        "the account's, as long as it is one"
    )


def test_a_purge_of_many_calls_runs_in_batches(caller: Caller, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.services.retention.BATCH_ROWS", 2)
    unit = customer(caller)
    caller.tell(unit, *[call()] * 5)
    clock.now += timedelta(days=600)
    assert caller.services.retention.purge_logs(SCHEDULER) >= 5
    found = [kept.proof.count for kept in proofs(caller.services, RetentionClass.CALL_RECORDS)]
    assert sorted(found) == [1, 2, 2]
