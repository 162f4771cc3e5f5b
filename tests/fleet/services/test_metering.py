"""The table of metered destinations, and the charge of a month's metered calls: each once (ER 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.call_record import CallDirection
from fleet.domain.errors import InvalidError
from fleet.domain.unit import Unit
from fleet.services import metering
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.metering import Metering
from fleet.store.charges import ChargeFilter, RecordedCharge
from tests.fleet.conftest import Clock, someone
from tests.fleet.domain.calls import MINUTE, call
from tests.fleet.services.calling import Caller
from tests.fleet.services.charging import outbox_keys
from tests.fleet.services.equipment import Warehouse, snapshot

TABLE = "prefix,name,price,effective_from\n+1876,Jamaica,0.25,2026-03-03\n+1876,Jamaica,0.30,2026-04-01\n"
LONDON, KINGSTON = "+442079460100", "011 1 876 555 0100"  # the second as nobody dials it
JAMAICA = "18765550100"


def load(services: Services, actor: Actor, text: str = TABLE, dry_run: bool = False) -> tuple[int, list[str]]:
    loaded = services.metered_destinations.load(actor, BytesIO(text.encode()), dry_run)
    return loaded.new, list(loaded.refused)


@pytest.fixture
def caller(warehouse: Warehouse) -> Caller:
    load(warehouse.services, warehouse.actor)
    return Caller(warehouse)


@pytest.fixture
def unit(caller: Caller, account: Account) -> Unit:
    unit = caller.warehouse.place(account)
    caller.come_on(unit)
    return unit


def charge(caller: Caller) -> int:
    services = caller.services
    return Metering(services.transactions, services.calls._zone).charge(SCHEDULER)


def charges(caller: Caller, account_id: int = 1) -> list[RecordedCharge]:
    wanted = ChargeFilter(account_id)
    return [
        each
        for each in caller.services.charges.page(caller.warehouse.actor, wanted, 100, None)
        if each.event.rule == "metered_calls"
    ]


def test_a_table_is_loaded_whole_or_not_at_all_and_sent_again_changes_nothing(services: Services, admin: Actor) -> None:
    assert load(services, admin, dry_run=True) == (2, [])
    assert snapshot(services)["metered_destinations"] == []
    assert load(services, admin) == (2, [])
    before = snapshot(services)
    assert load(services, admin) == (0, [])
    wrong = f"{TABLE}+1876,Jamaica,0.35,2026-04-01\n1876,x,1,2026-05-01\n+44,UK,0.01,2026-03-02\n+1,ok,1,2026-05-01\n"
    new, refused = load(services, admin, wrong)
    assert [line.split(":")[0] for line in refused] == ["line 4", "line 5", "line 6"]
    assert "at $0.3000 from 2026-04-01 on already" in refused[0]
    assert new == 2
    for actor in (someone(Role.SUPPORT), someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)):
        with pytest.raises(ForbiddenError):
            load(services, actor)
    assert snapshot(services) == before
    assert load(services, someone(Role.FINANCE), "prefix,name,price,effective_from\n+53,Cuba,0.9,2026-05-01\n")[0] == 1
    rows = services.metered_destinations.page(someone(Role.SUPPORT), 2, None)
    assert [(row.prefix, row.price.dollars) for row in rows] == [("+1876", "0.2500"), ("+1876", "0.3000")]
    rest = services.metered_destinations.page(someone(Role.SUPPORT), 2, ("+1876", date(2026, 4, 1)))
    assert [row.prefix for row in rest] == ["+53"]
    today = services.metered_destinations.page(someone(Role.SUPPORT), 9, None, date(2026, 3, 31))
    assert [row.price.dollars for row in today] == ["0.2500"]


def test_a_file_that_is_too_long_is_refused(services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MAX_ROWS", 1)
    with pytest.raises(InvalidError, match="at most 1 destinations"):
        load(services, admin)


def test_only_answered_calls_out_under_a_prefix_in_force_are_metered(caller: Caller, unit: Unit, clock: Clock) -> None:
    caller.tell(unit, call(number=JAMAICA))  # the table takes effect tomorrow
    clock.advance(days=2)
    caller.tell(
        unit,
        call(number=JAMAICA, duration_ms=MINUTE + 1),
        call(number=LONDON),
        call(number=JAMAICA, direction=CallDirection.IN),
        call(number=JAMAICA, duration_ms=0),
        call(number=JAMAICA, emergency=True),
        call(number="911"),
    )
    metered = [each.taken_in.metering for each in caller.calls() if each.taken_in.metering]
    assert [(each.destination.prefix, each.destination.price.dollars, each.minutes) for each in metered] == [
        ("+1876", "0.2500", 2)
    ]


def test_a_call_is_metered_by_the_day_it_began_not_by_the_day_it_was_told(
    caller: Caller, unit: Unit, clock: Clock
) -> None:
    clock.now = datetime(2026, 4, 2, 12, tzinfo=UTC)
    caller.tell(unit, *[call(number=JAMAICA, started_s=caller.seconds_ago(hours=hours)) for hours in (1, 32, 33)])
    prices = [each.taken_in.metering.destination.price.dollars for each in caller.calls() if each.taken_in.metering]
    assert prices == ["0.3000", "0.3000", "0.2500"], "32 hours ago it was the first of April, at the operator's"


def test_a_month_is_charged_once_when_late_records_had_their_days(caller: Caller, unit: Unit, clock: Clock) -> None:
    clock.advance(days=2)
    caller.tell(unit, call(number=JAMAICA, duration_ms=MINUTE + 1), call(number=JAMAICA), call(number=LONDON))
    clock.now = datetime(2026, 4, 1, 5, tzinfo=UTC)
    caller.tell(unit, call(number=JAMAICA, started_s=caller.seconds_ago(hours=2)), call(number=JAMAICA))
    clock.now = datetime(2026, 4, 4, 3, 59, tzinfo=UTC)
    before = snapshot(caller.services)
    assert charge(caller) == 0
    assert snapshot(caller.services) == before
    clock.advance(minutes=1)
    known = outbox_keys(caller.services)
    assert charge(caller) == 1
    (made,) = charges(caller)
    assert (made.event.key, made.event.amount.cents) == ("metered_calls:AC-1:2026-03", 100)
    assert outbox_keys(caller.services) - known == {"charge:metered_calls:AC-1:2026-03"}
    assert sorted(each.charge_key or "" for each in caller.calls()) == ["", ""] + [made.event.key] * 3
    after = snapshot(caller.services)
    assert charge(caller) == 0
    assert snapshot(caller.services) == after, "once"


def test_what_is_told_after_the_charge_is_one_more_and_what_comes_to_nothing_is_none(
    caller: Caller, unit: Unit, clock: Clock
) -> None:
    clock.advance(days=2)
    began = caller.seconds_ago()
    caller.tell(unit, call(number=JAMAICA))
    clock.now = datetime(2026, 4, 5, 12, tzinfo=UTC)
    charge(caller)
    caller.tell(unit, call(number=JAMAICA, started_s=began), call(number=JAMAICA, started_s=began + 9))
    assert charge(caller) == 1
    assert [(each.event.key.rpartition(":")[2], each.event.amount.cents) for each in charges(caller)] == [
        ("2026-03", 25),
        ("2026-03-2", 50),
    ]
    cheap = "prefix,name,price,effective_from\n+44,Britain,0.0001,2026-04-06\n"
    load(caller.services, caller.warehouse.actor, cheap)
    clock.now = datetime(2026, 4, 7, 12, tzinfo=UTC)
    caller.tell(unit, call(number=LONDON))
    clock.now = datetime(2026, 5, 7, 12, tzinfo=UTC)
    before = len(charges(caller))
    assert charge(caller) == 1
    assert len(charges(caller)) == before, "a hundredth of a cent is no charge"
    assert charge(caller) == 0, "and is not looked at again"


def test_after_downtime_each_month_and_account_is_charged_on_its_own(
    caller: Caller, unit: Unit, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "BATCH_ACCOUNTS", 1)
    other = caller.warehouse.place(caller.warehouse.open_account("Osprey Legal"))
    caller.come_on(other)
    for month in (3, 4, 5):
        clock.now = datetime(2026, month, 10, 12, tzinfo=UTC)
        for each in (unit, other):
            caller.tell(each, call(number=JAMAICA, duration_ms=10 * MINUTE))
    clock.now = datetime(2026, 6, 20, 12, tzinfo=UTC)
    assert charge(caller) == 6
    for account_id in (1, 2):
        found = [(each.event.on, each.event.amount.cents) for each in charges(caller, account_id)]
        assert found == [(date(2026, 3, 31), 250), (date(2026, 4, 30), 300), (date(2026, 5, 31), 300)]


def test_a_charge_that_is_cut_off_is_made_whole_by_the_next_run(
    caller: Caller, unit: Unit, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(days=2)
    caller.tell(unit, call(number=JAMAICA))
    clock.now = datetime(2026, 4, 5, 12, tzinfo=UTC)
    before = snapshot(caller.services)

    def cut(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(metering, "record_charges", cut)
        with pytest.raises(RuntimeError):
            charge(caller)
    assert snapshot(caller.services) == before
    assert charge(caller) == 1


def test_what_comes_to_no_cent_is_counted_with_what_comes_later(caller: Caller, unit: Unit, clock: Clock) -> None:
    load(caller.services, caller.warehouse.actor, "prefix,name,price,effective_from\n+44,UK,0.004,2026-03-03\n")
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    records = [caller.record(unit, call(number=LONDON)) for _ in range(3)]
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    seen = []
    for record in records:
        caller.services.ingest.handle([record])
        assert charge(caller) == 1
        seen.append([(each.event.key, each.event.amount.cents) for each in charges(caller)])
    key = "metered_calls:AC-1:2026-04"
    assert seen == [[], [(key, 1)], [(key, 1)]]
    assert {each.charge_key for each in caller.calls()} == {key, f"{key}-2"}
    assert sum(each.charge_key == key for each in caller.calls()) == 2
    assert charge(caller) == 0
