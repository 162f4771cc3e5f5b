"""Units are picked one by one, the wrong one is stopped in words, and the parcel that leaves is what was picked."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.errors import ConflictError, FleetError, InvalidError, NotFoundError
from fleet.domain.money import ZERO
from fleet.domain.order import Order, OrderLine
from fleet.domain.pick_list import PickList
from fleet.domain.unit import Custody, Service, Unit
from fleet.store.tables.journal import audit_log
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.boards_of_many_macs import boards_of_many_macs
from tests.fleet.services.equipment import AS_NEW, PARCEL, Warehouse, make_csr, snapshot


def order(warehouse: Warehouse, quantity: int = 2, name: str = "Blue Heron Dental") -> Order:
    account = warehouse.open_account(name)
    line = OrderLine("simulated", quantity, ZERO)
    return warehouse.services.orders.create(warehouse.actor, account.id, date(2026, 3, 1), [line])


def pick(warehouse: Warehouse, wanted: Order, unit: Unit | str) -> PickList:
    named = unit if isinstance(unit, str) else unit.serial
    return warehouse.services.pick_lists.pick(warehouse.actor, wanted.id, named)


def stopped(warehouse: Warehouse, wanted: Order, unit: Unit, words: str) -> None:
    """The pick is refused in those words, and nothing has moved."""
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match=words):
        pick(warehouse, wanted, unit)
    assert snapshot(warehouse.services) == before


def test_units_are_picked_by_serial_number_or_mac_and_leave_in_one_parcel(warehouse: Warehouse) -> None:
    wanted, first, second = order(warehouse), warehouse.stock(), warehouse.stock()
    picks = pick(warehouse, wanted, first.serial.lower())
    assert (picks.waits_for, [unit.serial for unit in picks.picked]) == ({"simulated": 1}, [first.serial])
    assert warehouse.unit(first.serial).custody is Custody.RESERVED
    picks = pick(warehouse, wanted, str(second.mac).replace(":", "-"))
    assert picks.is_complete
    sent = warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=False)
    assert (sent.picked, sent.order.shipped) == ((), (2,))
    (parcel,) = sent.parcels
    assert (parcel.carrier, parcel.tracking) == (PARCEL.carrier, PARCEL.tracking)
    assert {unit.serial for unit in parcel.units} == {first.serial, second.serial}
    for unit in (first, second):
        found = warehouse.unit(unit.serial)
        assert (found.custody, found.service, found.account_id) == (Custody.SHIPPED, Service.PLACED, wanted.account_id)


def test_a_pick_that_was_cut_off_goes_on_and_a_unit_scanned_twice_is_picked_once(warehouse: Warehouse) -> None:
    wanted, first = order(warehouse), warehouse.stock()
    pick(warehouse, wanted, first)
    before = snapshot(warehouse.services)
    again = pick(warehouse, wanted, first)
    assert snapshot(warehouse.services) == before
    assert again == warehouse.services.pick_lists.get(warehouse.actor, wanted.id)
    assert [each.name for each in warehouse.services.pick_lists.page(warehouse.actor, 9, None)] == ["OR-1"]
    with pytest.raises(ConflictError, match="OR-1 still waits for 1 x simulated"):
        warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=False)
    warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=True)
    pick(warehouse, wanted, warehouse.stock())
    sent = warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=False)
    assert sum(len(parcel.units) for parcel in sent.parcels) == 2
    assert warehouse.services.pick_lists.page(warehouse.actor, 9, None) == []
    with pytest.raises(ConflictError, match="nothing is picked for OR-1"):
        warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=False)


def test_parcels_that_left_at_two_times_are_two(warehouse: Warehouse, clock: Clock) -> None:
    wanted = order(warehouse)
    for _ in range(2):
        pick(warehouse, wanted, warehouse.stock())
        sent = warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=True)
        clock.now += timedelta(hours=1)
    assert [len(parcel.units) for parcel in sent.parcels] == [1, 1]


def test_the_wrong_unit_is_stopped_with_a_clear_word(warehouse: Warehouse, tmp_path: Path) -> None:
    wanted, actor, services = order(warehouse), warehouse.actor, warehouse.services
    with boards_of_many_macs(tmp_path):
        stopped(warehouse, wanted, warehouse.stock("pair"), "is a pair; OR-1 waits for 2 x simulated: put it back")
    doubted, killed = warehouse.stock(), warehouse.stock()
    services.units.quarantine(actor, doubted.serial, "seen twice")
    stopped(warehouse, wanted, doubted, f"{doubted.serial} is quarantined: do not ship it")
    services.units.revoke(actor, killed.serial, "stolen key")
    stopped(warehouse, wanted, killed, f"{killed.serial} is revoked: do not ship it")
    made = warehouse.allocate()
    stopped(warehouse, wanted, made, "not in stock: it has no identity yet")
    warehouse.provisioning.certify(actor, made.serial, make_csr(made.serial), made.epoch)
    stopped(warehouse, wanted, made, "not in stock: it did not pass its self-test yet")
    junk = warehouse.stock()
    services.units.scrap(actor, junk.serial, "burnt")
    stopped(warehouse, wanted, junk, "is revoked: do not ship it|never leaves again")
    theirs = warehouse.place(warehouse.open_account("Elm Tailors"))
    stopped(warehouse, wanted, theirs, f"it counts as at account.*plugtone return take-in {theirs.serial}")
    for named in ("PT000000019", "hello", "02:00"):
        with pytest.raises(InvalidError, match="no serial number and no MAC address"):
            pick(warehouse, wanted, named)
    for named in (make_serial(99999999), "8c:1f:64:aa:bf:ff"):
        with pytest.raises(NotFoundError):
            pick(warehouse, wanted, named)


def test_a_unit_that_came_back_is_stopped_until_it_is_graded(warehouse: Warehouse) -> None:
    wanted, unit = order(warehouse), warehouse.place(warehouse.open_account("Elm Tailors"))
    rma = warehouse.approved(unit, mode="on_receipt")
    warehouse.services.rmas.receive(warehouse.actor, rma.id, unit.serial, AS_NEW.condition)
    stopped(warehouse, wanted, unit, "it came back under RMA-1 and has to be refurbished first")
    warehouse.services.returns.inspect(warehouse.actor, rma.id, AS_NEW)
    stopped(warehouse, wanted, unit, "it came back and has to be refurbished first")
    warehouse.certify_and_stock(warehouse.renew(unit))
    stopped(warehouse, wanted, unit, "refurbished and is not graded yet")


def test_what_is_set_aside_is_nobody_elses(warehouse: Warehouse) -> None:
    wanted, other = order(warehouse), order(warehouse, name="Elm Tailors")
    unit, spare = warehouse.stock(), warehouse.stock()
    pick(warehouse, wanted, unit)
    stopped(warehouse, other, unit, f"{unit.serial} is set aside for OR-1: put it back there")
    held = warehouse.place(warehouse.open_account("Oak Books"))
    rma = warehouse.approved(held)
    before = snapshot(warehouse.services)
    for act in (
        lambda: warehouse.services.orders.ship(warehouse.actor, other.id, [unit.serial], PARCEL),
        lambda: warehouse.services.rmas.reserve(warehouse.actor, rma.id, unit.serial),
        lambda: warehouse.services.units.scrap(warehouse.actor, unit.serial, "burnt"),
        lambda: warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "suspicion"),
        lambda: warehouse.services.pick_lists.put_back(warehouse.actor, other.id, unit.serial, "wrong shelf"),
    ):
        with pytest.raises(FleetError):
            act()
        assert snapshot(warehouse.services) == before
    warehouse.services.rmas.reserve(warehouse.actor, rma.id, spare.serial)
    stopped(warehouse, wanted, spare, f"{spare.serial} is set aside for an RMA")
    warehouse.services.orders.ship(warehouse.actor, wanted.id, [unit.serial], PARCEL)
    assert warehouse.services.pick_lists.get(warehouse.actor, wanted.id).picked == ()


def test_a_unit_put_back_is_stock_again_and_may_be_put_back_twice(warehouse: Warehouse) -> None:
    wanted, other, unit = order(warehouse), order(warehouse, name="Elm Tailors"), warehouse.stock()
    pick(warehouse, wanted, unit)
    put_back = warehouse.services.pick_lists.put_back
    assert put_back(warehouse.actor, wanted.id, str(unit.mac), "box is torn").picked == ()
    assert warehouse.unit(unit.serial).custody is Custody.IN_STOCK
    before = snapshot(warehouse.services)
    put_back(warehouse.actor, wanted.id, unit.serial, "box is torn")
    assert snapshot(warehouse.services) == before
    assert [picked.serial for picked in pick(warehouse, other, unit).picked] == [unit.serial]


def test_a_unit_doubted_after_it_was_picked_does_not_leave(warehouse: Warehouse) -> None:
    wanted, unit = order(warehouse, quantity=1), warehouse.stock()
    pick(warehouse, wanted, unit)
    warehouse.services.units.quarantine(warehouse.actor, unit.serial, "seen twice")
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match=f"{unit.serial} is quarantined: do not ship it"):
        warehouse.services.pick_lists.ship(warehouse.actor, wanted.id, PARCEL, partial=False)
    assert snapshot(warehouse.services) == before
    warehouse.services.pick_lists.put_back(warehouse.actor, wanted.id, unit.serial, "doubted")
    stopped(warehouse, wanted, unit, "is quarantined")


def test_an_order_takes_no_more_than_it_waits_for(warehouse: Warehouse) -> None:
    wanted = order(warehouse, quantity=1)
    pick(warehouse, wanted, warehouse.stock())
    stopped(warehouse, wanted, warehouse.stock(), "OR-1 waits for nothing more: put it back")


def test_the_warehouse_picks_and_nobody_else_and_each_act_is_audited(warehouse: Warehouse) -> None:
    wanted, unit = order(warehouse, quantity=1), warehouse.stock()
    lists = warehouse.services.pick_lists
    for role in (Role.VIEWER, Role.SUPPORT, Role.FINANCE, Role.ACCOUNT_ADMINISTRATOR):
        stranger = someone(role, account_id=wanted.account_id if role is Role.ACCOUNT_ADMINISTRATOR else None)
        for act in (
            lambda actor=stranger: lists.page(actor, 1, None),
            lambda actor=stranger: lists.get(actor, wanted.id),
            lambda actor=stranger: lists.pick(actor, wanted.id, unit.serial),
            lambda actor=stranger: lists.put_back(actor, wanted.id, unit.serial, "why"),
            lambda actor=stranger: lists.ship(actor, wanted.id, PARCEL, partial=True),
        ):
            with pytest.raises(ForbiddenError):
                act()
    picker = someone(Role.WAREHOUSE)
    lists.pick(picker, wanted.id, unit.serial)
    lists.put_back(picker, wanted.id, unit.serial, "box is torn")
    lists.pick(picker, wanted.id, unit.serial)
    lists.ship(picker, wanted.id, PARCEL, partial=False)
    with warehouse.services.transactions.engine.connect() as connection:
        rows = connection.execute(select(audit_log).where(audit_log.c.subject == unit.serial).order_by(audit_log.c.id))
        actions = [row.action for row in rows if row.action.startswith("order:")]
    assert actions == ["order:pick", "order:put_back", "order:pick", "order:ship"]
