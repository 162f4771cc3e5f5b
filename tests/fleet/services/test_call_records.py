"""What units tell of calls: once, of whose they were then, by clocks that may be wrong (ER 7, 8)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.call_record import CallDirection, CallEnd, StartTakenFrom
from fleet.domain.errors import InvalidError, NotFoundError
from fleet.domain.unit import Unit
from fleet.services import calls as calls_service
from fleet.services.calls import CallsWanted
from fleet.services.jobs import SCHEDULER
from fleet.store.call_records import CallFilter, CallRecordRepository
from fleet.store.tables.calls import call_records
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.domain.calls import CALL, HEARD, MINUTE, call
from tests.fleet.services.calling import BOOT, EVERYBODY, Caller, administrator_of, extremes
from tests.fleet.services.equipment import Warehouse, sent, snapshot

SUPPORT = someone(Role.SUPPORT)


@pytest.fixture
def caller(warehouse: Warehouse) -> Caller:
    return Caller(warehouse)


@pytest.fixture
def unit(caller: Caller, account: Account) -> Unit:
    unit = caller.warehouse.place(account)
    caller.come_on(unit)
    return unit


def rows(caller: Caller) -> int:
    with caller.services.transactions.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(call_records)) or 0


def test_a_call_is_kept_as_it_was_told(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(hours=1)
    record = call(started_s=caller.seconds_ago(minutes=5), ended_by=CallEnd.PEER, secured=True, mos_tenths=41)
    assert [answer.name for answer in caller.tell(unit, record)] == ["acknowledge"]
    (kept,) = caller.calls()
    assert kept.taken_in.record == replace(record, record_id=kept.taken_in.record.record_id)
    assert (kept.taken_in.started_at, kept.taken_in.start_taken_from) == (
        clock() - timedelta(minutes=5),
        StartTakenFrom.UNIT,
    )
    assert (kept.taken_in.account_id, kept.taken_in.line, kept.taken_in.serial) == (1, 1, unit.serial)
    assert (kept.taken_in.metering, kept.charge_key) == (None, None)
    assert caller.services.calls.get(SUPPORT, kept.id) == kept


def test_a_record_sent_again_is_one_row_also_by_a_later_start(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(hours=1)
    record = call(record_id=9, started_s=caller.seconds_ago(minutes=5))
    delivery = caller.record(unit, record)
    assert caller.services.ingest.handle([delivery, delivery]) == caller.services.ingest.handle([delivery]) * 2
    caller.tell(unit, record, record)  # in messages of their own
    caller.come_on(unit, boot_id=78)
    clock.advance(days=3)
    assert [answer.name for answer in caller.tell(unit, record, boot_id=78)] == ["acknowledge"]
    assert rows(caller) == 1
    assert caller.letters() == []


@pytest.mark.parametrize("seed", range(4))
def test_however_often_and_in_whatever_order_records_come_each_call_is_one_row(
    caller: Caller, unit: Unit, clock: Clock, seed: int
) -> None:
    """Messages come twice and out of order, records again from later starts, batches are cut anywhere."""
    chance = random.Random(seed)
    clock.advance(days=2)
    records = [
        call(record_id=10 + n, started_s=caller.seconds_ago(minutes=chance.randrange(1, 2000))) for n in range(12)
    ]
    messages = []
    for start in (BOOT, 78, 79):
        caller.come_on(unit, boot_id=start)
        again = chance.sample(records, chance.randrange(4, 12)) if start != BOOT else records
        messages += [caller.record(unit, each, boot_id=start) for each in again]
    messages += chance.choices(messages, k=20)
    chance.shuffle(messages)
    while messages:
        size = chance.randrange(1, 9)
        batch, messages = messages[:size], messages[size:]
        clock.advance(minutes=chance.randrange(90))
        answers = caller.services.ingest.handle([replace(each, received_at=clock()) for each in batch])
        assert [answer.name for answer in answers] == ["acknowledge"] * len(batch)
    kept = [each.taken_in for each in caller.calls()]
    assert sorted((each.record.record_id, int(each.started_at.timestamp())) for each in kept) == [
        (each.record_id, each.started_s) for each in records
    ]
    assert caller.letters() == []


def test_a_unit_that_counts_from_the_beginning_again_loses_no_call(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(hours=1)
    first = call(record_id=9, started_s=caller.seconds_ago(minutes=50))
    caller.tell(unit, first, replace(first, started_s=caller.seconds_ago(minutes=5)))
    assert rows(caller) == 2


def test_a_batch_of_many_units_is_taken_in_at_once(caller: Caller, account: Account) -> None:
    units = [caller.warehouse.place(account) for _ in range(3)]
    for each in units:
        caller.come_on(each)
    batch = [caller.record(each, CALL) for _ in range(20) for each in units]
    assert len(caller.services.ingest.handle(batch)) == 60
    assert rows(caller) == 60
    assert {each.taken_in.line for each in caller.calls()} == {1, 2, 3}


@pytest.mark.parametrize("ago_s", [0, 86_400 * 9000])
def test_without_a_clock_the_receipt_counts_and_it_is_said(
    caller: Caller, unit: Unit, clock: Clock, ago_s: int
) -> None:
    clock.advance(days=1)
    started_s = int(clock().timestamp()) - ago_s if ago_s else 0
    caller.tell(unit, call(started_s=started_s))
    (kept,) = caller.calls()
    assert (kept.taken_in.started_at, kept.taken_in.start_taken_from) == (clock(), StartTakenFrom.RECEIPT)


def test_a_call_marked_or_dialled_as_one_is_an_emergency_call(caller: Caller, unit: Unit, clock: Clock) -> None:
    caller.tell(unit, call(number="911", emergency=False), call(number="112"), call(number="411"))
    assert {each.taken_in.record.number: each.taken_in.record.emergency for each in caller.calls()} == {
        "911": True,
        "112": True,
        "411": False,
    }
    clock.advance(hours=1)
    caller.tell(unit, call(number="911", direction=CallDirection.IN, started_s=caller.seconds_ago()))
    assert not caller.calls()[0].taken_in.record.emergency, "a caller's number is what they say it is"


def swapped(caller: Caller, old: Unit, clock: Clock) -> Unit:
    """The unit that has replaced `old`, with its line, a day later."""
    caller.warehouse.stock()
    rma = caller.warehouse.approved(old)
    new = caller.warehouse.replace(rma)
    clock.advance(days=1)
    caller.come_on(new)
    return new


def test_after_a_swap_late_records_of_the_old_unit_are_of_its_account_and_the_line_goes_on(
    caller: Caller, unit: Unit, clock: Clock
) -> None:
    clock.advance(hours=2)
    late = caller.record(unit, call(started_s=caller.seconds_ago(hours=1)))  # waits in the broker
    new = swapped(caller, unit, clock)
    caller.services.ingest.handle([replace(late, received_at=clock())])
    caller.tell(new, call(started_s=caller.seconds_ago(minutes=1)))
    assert [(each.taken_in.serial, each.taken_in.account_id, each.taken_in.line) for each in caller.calls()] == [
        (new.serial, 1, 1),
        (unit.serial, 1, 1),
    ]


def refurbished(caller: Caller, unit: Unit, clock: Clock) -> Unit:
    """The unit at another account, a month later."""
    caller.warehouse.beat(unit)
    caller.warehouse.take_back(unit)
    renewed = caller.warehouse.refurbish(unit)
    clock.advance(days=30)
    caller.warehouse.send(caller.warehouse.open_account("Osprey Legal"), renewed)
    caller.come_on(renewed, boot_id=90)
    return renewed


def test_a_former_customers_calls_never_show_for_the_next_one_nor_the_next_ones_for_it(
    caller: Caller, unit: Unit, clock: Clock
) -> None:
    clock.advance(hours=2)
    caller.tell(unit, call(number="+12125550199", started_s=caller.seconds_ago(minutes=9)))
    waiting = caller.record(unit, call(number="+12125550198", started_s=caller.seconds_ago(minutes=1)))
    renewed = refurbished(caller, unit, clock)
    caller.services.ingest.handle([waiting])
    assert "has not registered in epoch 2" in caller.letters()[0], "what the former identity said is nobody's now"
    # The clock is behind: by it, the call was while the unit was at the former account.
    caller.tell(renewed, call(number="+12125550200", started_s=int(START.timestamp()) + 7000), boot_id=90)
    former, present = administrator_of(1), administrator_of(2)
    assert [each.taken_in.record.number for each in caller.calls(2)] == ["+12125550200"]
    assert [each.taken_in.record.number for each in caller.calls(1)] == ["+12125550199"]
    for actor, serial_calls in ((present, ["+12125550200"]), (SUPPORT, ["+12125550200"])):
        found = caller.services.calls.page_of_unit(actor, unit.serial, CallsWanted(), EVERYBODY, None)
        assert [each.taken_in.record.number for each in found] == serial_calls
    with pytest.raises(NotFoundError):
        caller.services.calls.page_of_unit(former, unit.serial, CallsWanted(), EVERYBODY, None)
    assert caller.services.calls.page(former, CallsWanted(serial=unit.serial), EVERYBODY, None) == caller.calls(1)


def test_whatever_the_wire_allows_is_taken_in(caller: Caller, unit: Unit) -> None:
    caller.services.ingest.handle([caller.delivery(unit, "report", "call_record", each) for each in extremes()])
    assert caller.letters() == []
    most, least = sorted((each.taken_in.record for each in caller.calls()), key=lambda each: -each.duration_ms)
    assert (most.duration_ms, most.figures.packets_sent, most.record_id) == (0xFFFFFFFF,) * 3
    assert (least.duration_ms, least.number, least.answered) == (0, "", False)


def test_a_unit_nobody_knows_is_kept_for_people_and_the_others_are_taken_in(caller: Caller, unit: Unit) -> None:
    stranger = replace(unit, serial=str(make_serial(4000)))
    answers = caller.services.ingest.handle([caller.record(stranger), caller.record(unit)])
    assert len(answers) == 2
    assert rows(caller) == 1
    assert "there is no unit" in caller.letters()[0]


def test_a_record_of_a_start_that_never_reached_us_is_taken_in_when_the_unit_has_registered(
    caller: Caller, account: Account, clock: Clock
) -> None:
    """The fleet was away, the unit was plugged out and in again: what it kept has the boot id of then."""
    unit = caller.warehouse.place(account)
    clock.advance(days=1)
    kept = caller.record(unit, call(started_s=caller.seconds_ago(hours=3)), boot_id=90)
    unset = caller.record(unit, call(started_s=0), boot_id=91)
    caller.services.ingest.handle([kept])
    assert "has not registered in epoch 1" in caller.letters()[0], "nobody has proven to be the unit yet"
    caller.come_on(unit)
    evicted = len(sent(caller.services, "revoke"))
    answers = caller.services.ingest.handle([kept, unset, kept])
    assert [answer.name for answer in answers] == ["acknowledge"] * 3
    assert [each.taken_in.started_at for each in caller.calls()] == [clock() - timedelta(hours=3)]
    assert rows(caller) == 2
    nobodys = caller.services.calls.get(SUPPORT, 2).taken_in
    assert (nobodys.account_id, nobodys.metering) == (None, None), "it may be of another account's time"
    assert len(sent(caller.services, "revoke")) == evicted, "and the unit stays"
    assert len(caller.letters()) == 1


def test_no_record_is_too_old(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(hours=1)
    early = caller.record(unit, call(started_s=caller.seconds_ago(minutes=5)))
    caller.sequences[unit.serial, BOOT] = 100_000
    caller.tell(unit, call())
    assert [answer.name for answer in caller.services.ingest.handle([early, early])] == ["acknowledge"] * 2
    assert (rows(caller), caller.letters()) == (2, [])


def test_a_unit_that_is_nobodys_tells_of_nobodys_calls(caller: Caller, unit: Unit) -> None:
    with caller.services.transactions.begin(SCHEDULER) as uow:
        uow.connection.exec_driver_sql("UPDATE placements SET registered_at = NULL")
        uow.commit()
    caller.tell(unit, CALL)
    assert rows(caller) == 1
    assert caller.calls() == []
    assert caller.services.calls.get(SUPPORT, 1).taken_in.account_id is None
    with pytest.raises(NotFoundError):
        caller.services.calls.get(administrator_of(1), 1)


def test_calls_are_filtered_and_leafed_through_the_latest_first(
    caller: Caller, unit: Unit, clock: Clock, account: Account
) -> None:
    other = caller.warehouse.place(account)
    caller.come_on(other)
    for day in range(4):
        clock.now = START + timedelta(days=day)
        again = [call(started_s=int(clock().timestamp()), direction=way) for way in CallDirection]
        caller.tell(unit, *again)
        caller.tell(other, *again)
    assert len(caller.calls()) == 16
    assert len(caller.calls(serial=unit.serial)) == 8
    assert len(caller.calls(direction=CallDirection.IN)) == 8
    days = [(START + timedelta(days=n)).date() for n in range(4)]
    assert len(caller.calls(since=days[1], until=days[2])) == 8
    assert len(caller.calls(since=days[3])) == 4
    assert len(caller.calls(until=days[0])) == 4
    seen, place = [], None
    while page := caller.services.calls.page(SUPPORT, CallsWanted(1), 3, place):
        seen += page
        place = page[-1].place
    assert seen == caller.calls() == sorted(seen, key=lambda each: each.place, reverse=True)
    with pytest.raises(InvalidError, match="years 2 to 9998"):
        caller.calls(until=START.date().max)


def test_days_are_the_operators(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.now = START.replace(day=9, hour=4, minute=30)  # half past midnight in New York, since clocks went forward
    caller.tell(unit, call(started_s=caller.seconds_ago(minutes=45)), call(started_s=caller.seconds_ago(minutes=15)))
    found = [len(caller.calls(since=day, until=day)) for day in (START.date().replace(day=n) for n in (8, 9))]
    assert found == [1, 1]


def test_only_the_accounts_administrator_and_support_see_calls(caller: Caller, unit: Unit) -> None:
    caller.tell(unit, CALL)
    before = snapshot(caller.services)
    other = caller.warehouse.open_account("Osprey Legal")
    for actor in (someone(Role.VIEWER), someone(Role.WAREHOUSE), someone(Role.FINANCE), someone(Role.RELEASE_MANAGER)):
        with pytest.raises(ForbiddenError):
            caller.services.calls.page(actor, CallsWanted(1), 9, None)
        with pytest.raises(ForbiddenError):
            caller.services.calls.export(actor, CallsWanted(1))
        with pytest.raises(ForbiddenError):
            caller.services.calls.quality(actor, unit.serial, 7)
        with pytest.raises(ForbiddenError):
            caller.services.calls.usage(actor, 1, 1)
    theirs = administrator_of(other.id)
    assert caller.services.calls.page(theirs, CallsWanted(), 9, None) == []
    for step in (
        lambda: caller.services.calls.page(theirs, CallsWanted(1), 9, None),
        lambda: caller.services.calls.export(theirs, CallsWanted(1)),
        lambda: caller.services.calls.get(theirs, 1),
        lambda: caller.services.calls.usage(theirs, 1, 1),
        lambda: caller.services.calls.quality(theirs, unit.serial, 7),
    ):
        with pytest.raises(NotFoundError):
            step()
    assert len(caller.services.calls.page(administrator_of(1), CallsWanted(), 9, None)) == 1
    with pytest.raises(InvalidError, match="name the account"):
        caller.services.calls.page(SUPPORT, CallsWanted(), 9, None)
    assert snapshot(caller.services)["call_records"] == before["call_records"]


def test_the_queries_hold_the_scope_by_themselves(caller: Caller, unit: Unit) -> None:
    """Whatever a service asks for: an account is given its own calls."""
    other = caller.warehouse.place(caller.warehouse.open_account("Osprey Legal"))
    caller.come_on(other)
    caller.tell(unit, CALL)
    caller.tell(other, CALL, CALL)
    with caller.services.transactions.read(administrator_of(1)) as uow:
        records = CallRecordRepository(uow)
        for wanted, count in ((CallFilter(), 1), (CallFilter(1), 1), (CallFilter(2), 0)):
            assert len(records.page(wanted, EVERYBODY, None)) == len(list(records.each(wanted))) == count
            assert records.totals(wanted).calls == count
        assert records.use_by_account(START, START + timedelta(days=1)) == {1: MINUTE}


def test_an_export_has_a_line_a_call(caller: Caller, unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_service, "EXPORT_ROWS", 2)
    caller.tell(unit, *[call(number="=cmd|' /C calc'!A0")] * 5)
    lines = "".join(caller.services.calls.export(SUPPORT, CallsWanted(1))).split("\r\n")
    assert (len(lines), lines[0][:26]) == (7, "id,account,unit,line,start")
    assert all("cmdCcalcA0" in line and "=" not in line for line in lines[1:6])


def test_quality_is_of_the_latest_calls_however_many_a_unit_claims(
    caller: Caller, unit: Unit, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_service, "MAX_QUALITY_CALLS", 3)
    clock.advance(days=2)
    caller.tell(unit, *(call(started_s=caller.seconds_ago(hours=n)) for n in range(30)))
    found = caller.services.calls.quality(SUPPORT, unit.serial, 7)
    assert (found.together.calls, len(found.days)) == (3, 1)


def test_quality_is_of_the_days_that_are_asked_for(caller: Caller, unit: Unit, clock: Clock) -> None:
    caller.tell(unit, call(started_s=caller.seconds_ago(), packets_received=960, packets_lost=40))
    clock.advance(days=7)
    caller.tell(unit, call(started_s=caller.seconds_ago(minutes=1)), call(duration_ms=0))
    week, both = (caller.services.calls.quality(SUPPORT, unit.serial, days) for days in (7, 8))
    assert [each.quality.calls for each in week.days] == [2]
    assert (week.together.measured, week.together.loss_permille) == (1, 0)
    assert [each.day.day for each in both.days] == [9, 2]
    assert both.together.loss_permille == round(40_000 / (HEARD.packets_received + 1000))
    for days in (0, 93):
        with pytest.raises(InvalidError, match="1 to 92 days"):
            caller.services.calls.quality(SUPPORT, unit.serial, days)
    stocked = caller.warehouse.stock()
    assert caller.services.calls.quality(SUPPORT, stocked.serial, 7).together.calls == 0
    assert caller.services.calls.page_of_unit(SUPPORT, stocked.serial, CallsWanted(), 9, None) == []


def test_usage_is_by_the_operators_months(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.now = START.replace(month=4, day=1, hour=4, minute=10)  # ten past midnight
    caller.tell(
        unit,
        call(started_s=caller.seconds_ago(minutes=20), duration_ms=3 * MINUTE, direction=CallDirection.IN),
        call(started_s=caller.seconds_ago(minutes=5), duration_ms=2 * MINUTE),
        call(started_s=caller.seconds_ago(minutes=4), duration_ms=0),
        call(started_s=caller.seconds_ago(minutes=3), number="911"),
    )
    april, march = caller.services.calls.usage(administrator_of(1), 1, 2)
    assert (april.month.month, april.totals.calls, april.totals.outgoing_ms) == (4, 1, 2 * MINUTE)
    assert (march.month.month, march.totals.calls, march.totals.incoming_ms) == (3, 1, 3 * MINUTE)
    for months in (0, 25):
        with pytest.raises(InvalidError, match="1 to 24 months"):
            caller.services.calls.usage(SUPPORT, 1, months)
