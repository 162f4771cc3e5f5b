"""Of a unit so many call records are taken in a day; what it tells beyond is acknowledged, and kept nowhere."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from fleet.domain.account import Account
from fleet.domain.audit import AuditAction
from fleet.domain.unit import Unit
from fleet.services import call_records as call_records_service
from fleet.store.call_records import told_since
from fleet.store.tables.calls import call_records
from fleet.store.tables.journal import audit_log
from tests.fleet.conftest import START, Clock
from tests.fleet.domain.calls import CALL, call
from tests.fleet.services.calling import BOOT, Caller
from tests.fleet.services.equipment import Warehouse

MOST = 5


@pytest.fixture
def caller(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """Whose units may tell of few calls a day."""
    monkeypatch.setattr(call_records_service, "MAX_RECORDS_A_DAY", MOST)
    return Caller(warehouse)


@pytest.fixture
def unit(caller: Caller, account: Account) -> Unit:
    placed = caller.warehouse.place(account)
    caller.come_on(placed)
    return placed


def kept(caller: Caller, unit: Unit) -> int:
    """How many calls of the unit are."""
    query = select(func.count()).where(call_records.c.serial == unit.serial)
    with caller.services.transactions.engine.connect() as connection:
        return connection.scalar(query) or 0


def refusals(caller: Caller) -> list[tuple[str, str, int | None]]:
    """Of whom the audit log has that they told too much: the actor, the unit, whose it was."""
    query = select(audit_log.c.actor, audit_log.c.subject, audit_log.c.account_id)
    with caller.services.transactions.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query.where(audit_log.c.action == AuditAction.CALL_REFUSE))]


def test_beyond_the_most_a_unit_is_acknowledged_and_no_more_is_kept(caller: Caller, unit: Unit, clock: Clock) -> None:
    caller.tell(unit, *[CALL] * 3)
    for told in (4, 1, 3):
        answers = caller.tell(unit, *[CALL] * told)
        assert [answer.name for answer in answers] == ["acknowledge"] * told  # or it would send them for ever
    assert (kept(caller, unit), caller.letters()) == (MOST, [])
    assert refusals(caller) == [("gateway", unit.serial, 1)]
    clock.advance(days=1, seconds=1)
    caller.tell(unit, *[CALL] * (MOST + 1))
    assert kept(caller, unit) == 2 * MOST
    assert refusals(caller) == [("gateway", unit.serial, 1)] * 2


def test_what_one_unit_tells_takes_no_room_of_another(caller: Caller, unit: Unit) -> None:
    other = caller.warehouse.place(caller.warehouse.open_account("Egret"))
    caller.come_on(other)
    batch = [caller.record(each) for each in (unit, other, unit) for _ in range(MOST)]
    caller.services.ingest.handle(batch)
    assert (kept(caller, unit), kept(caller, other)) == (MOST, MOST)
    assert [subject for _, subject, _ in refusals(caller)] == [unit.serial]


def test_a_record_counts_once_however_often_it_comes(caller: Caller, unit: Unit) -> None:
    records = [call(record_id=20 + number, started_s=caller.seconds_ago(minutes=number)) for number in range(MOST)]
    for start in (BOOT, 78, 79):
        caller.come_on(unit, boot_id=start)
        caller.tell(unit, *records[:-1] * 3, boot_id=start)
    for _ in range(2):
        caller.tell(unit, *records, boot_id=79)
    assert (kept(caller, unit), refusals(caller)) == (MOST, [])


def test_what_a_unit_told_in_a_day_is_counted_by_an_index(caller: Caller, unit: Unit) -> None:
    with caller.services.transactions.engine.connect() as connection:
        query = told_since([unit.serial], START).compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    assert "USING COVERING INDEX ix_call_records_serial_received_at" in str(plan)
