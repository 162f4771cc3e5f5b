"""Accounts order, the warehouse ships, and each account sees its own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.errors import ConflictError, FleetError, InvalidError, NotFoundError
from fleet.domain.money import ZERO, Money
from fleet.domain.order import OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.quote import TermState
from fleet.domain.rma import Condition
from fleet.domain.unit import Custody, Service, Unit
from fleet.store.charges import ChargeFilter
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.boards_of_many_macs import boards_of_many_macs
from tests.fleet.services.equipment import HOME, PARCEL, Warehouse, sent, snapshot

LINE = OrderLine("simulated", 2, Money(0))


def test_an_account_is_opened_with_its_first_administrator_invited(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    (person,) = warehouse.services.people.list(warehouse.actor, 10, None)
    assert (person.account_id, person.roles) == (account.id, {Role.ACCOUNT_ADMINISTRATOR})
    assert [mail["person"] for mail in sent(warehouse.services, "mail")] == [person.id]


def test_an_account_whose_administrator_cannot_be_invited_is_not_opened(warehouse: Warehouse) -> None:
    warehouse.open_account()
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="somebody's address"):
        warehouse.open_account()
    assert snapshot(warehouse.services) == before


def test_shipped_units_are_placed_on_the_orders_terms(warehouse: Warehouse) -> None:
    account, units = warehouse.open_account(), [warehouse.stock(), warehouse.stock()]
    warehouse.send(account, *units)
    for unit in units:
        found = warehouse.unit(unit.serial)
        assert (found.custody, found.service, found.account_id) == (Custody.SHIPPED, Service.PLACED, account.id)
    (order,) = warehouse.services.orders.page(warehouse.actor, 10, None)
    assert order.shipped == (1, 1)


def test_a_shipment_goes_whole_or_not_at_all(warehouse: Warehouse, tmp_path: Path) -> None:
    account = warehouse.open_account()
    good, doubted, made = warehouse.stock(), warehouse.stock(), warehouse.allocate()
    warehouse.services.units.quarantine(warehouse.actor, doubted.serial, "seen twice")
    with boards_of_many_macs(tmp_path):
        other = warehouse.stock("pair")
    order = warehouse.services.orders.create(warehouse.actor, account.id, date(2026, 3, 1), [LINE])
    before = snapshot(warehouse.services)
    for serials, words in (
        ([good.serial, doubted.serial], "quarantined"),
        ([good.serial, made.serial], "made"),
        ([good.serial, other.serial], "no more units of board 'pair'"),
        ([good.serial, "PT999999992"], "there is no unit"),
        ([good.serial, good.serial], "each once"),
        ([], "each once"),
    ):
        with pytest.raises(FleetError, match=words):
            warehouse.services.orders.ship(warehouse.actor, order.id, serials, PARCEL)
        assert snapshot(warehouse.services) == before
    warehouse.services.orders.ship(warehouse.actor, order.id, [good.serial], PARCEL)
    with pytest.raises(ConflictError, match="shipped"):
        warehouse.services.orders.ship(warehouse.actor, order.id, [good.serial], PARCEL)


def test_no_more_units_go_than_were_ordered(warehouse: Warehouse) -> None:
    account, units = warehouse.open_account(), [warehouse.stock() for _ in range(3)]
    order = warehouse.services.orders.create(warehouse.actor, account.id, date(2026, 3, 1), [LINE])
    with pytest.raises(InvalidError, match="no more units"):
        warehouse.services.orders.ship(warehouse.actor, order.id, [unit.serial for unit in units], PARCEL)


def test_the_order_date_is_not_after_the_operators_today(warehouse: Warehouse, clock: Clock) -> None:
    account = warehouse.open_account()
    clock.now = datetime(2026, 3, 3, 4, 59, tzinfo=UTC)  # 23:59 on the 2nd in New York
    with pytest.raises(InvalidError, match="2026-03-03 is after today, 2026-03-02"):
        warehouse.services.orders.create(warehouse.actor, account.id, date(2026, 3, 3), [LINE])


def test_a_unit_of_an_order_has_the_orders_term(warehouse: Warehouse, clock: Clock) -> None:
    account, unit = warehouse.open_account(), warehouse.stock()
    warehouse.send(account, unit)
    clock.advance(days=10)
    warehouse.register(unit)
    warehouse.ready(unit)
    term, line = warehouse.services.terms.of_unit(warehouse.actor, unit.serial)
    assert (term.begins, term.ends) == (date(2026, 3, 12), date(2027, 3, 12))
    assert line.fee == Money(5000)
    for day, fee in ((date(2027, 3, 11), 5000), (date(2027, 3, 12), 0)):
        assert warehouse.services.terms.quote(warehouse.actor, account.id, day)[1][0].fee == Money(fee)


def test_an_administrator_sees_their_own_account_alone(warehouse: Warehouse) -> None:
    one, other = warehouse.open_account("Blue Heron"), warehouse.open_account("Osprey Books")
    unit = warehouse.place(one)
    services = warehouse.services
    own = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=one.id)
    foreign = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=other.id)
    assert [account.id for account in services.accounts.page(own, 10, None)] == [one.id]
    assert [found.serial for found in services.units.page(own, 10, None)] == [unit.serial]
    assert services.terms.of_unit(own, unit.serial)[1].unit == unit.serial
    assert [order.account_id for order in services.orders.page(own, 10, None)] == [one.id]
    assert services.units.page(foreign, 10, None) == []
    assert services.orders.page(foreign, 10, None) == []
    for read in (
        lambda: services.accounts.get(foreign, one.id),
        lambda: services.units.get(foreign, unit.serial),
        lambda: services.units.by_mac(foreign, unit.mac),
        lambda: services.terms.of_unit(foreign, unit.serial),
        lambda: services.terms.quote(foreign, one.id),
        lambda: services.orders.get(foreign, 1),
    ):
        with pytest.raises(NotFoundError):
            read()
    with pytest.raises(ForbiddenError):
        services.units.revoke(own, unit.serial, "mine")


def test_a_unit_that_went_back_is_out_of_its_former_accounts_sight_but_its_term_is_not(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    unit = warehouse.place(account)
    own = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=account.id)
    rma = warehouse.approved(unit)
    warehouse.services.rmas.receive(warehouse.actor, rma.id, unit.serial, Condition.SOUND)
    with pytest.raises(NotFoundError):
        warehouse.services.units.get(own, unit.serial)
    assert warehouse.services.terms.of_unit(own, unit.serial)[1].state == "in_our_hands"


def test_a_unit_that_is_set_aside_for_an_rma_is_not_sent_with_an_order(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    rma = warehouse.approved(warehouse.place(account))
    reserved = warehouse.stock()
    warehouse.services.rmas.reserve(warehouse.actor, rma.id)
    order = warehouse.services.orders.create(warehouse.actor, account.id, None, [LINE])
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="is reserved for an RMA"):
        warehouse.services.orders.ship(warehouse.actor, order.id, [reserved.serial], PARCEL)
    assert snapshot(warehouse.services) == before


# --- Whose the units are (ER 1, ER 3.1) ---------------------------------------------------------------------------

RENTED = OrderLine("simulated", 1, ZERO, recurring=Money(500))
BROUGHT = OrderLine("simulated", 1, ZERO, ownership=Ownership.CUSTOMER)


def have(warehouse: Warehouse, line: OrderLine) -> Unit:
    """A unit of such a line, plugged in and active."""
    account, unit = warehouse.open_account(), warehouse.stock()
    order = warehouse.services.orders.create(warehouse.actor, account.id, None, [line], said=HOME)
    warehouse.services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    warehouse.ready(unit)
    return warehouse.unit(unit.serial)


@pytest.mark.parametrize(
    ("line", "whose", "paid"), [(RENTED, Ownership.OPERATOR, [995]), (BROUGHT, Ownership.CUSTOMER, [])]
)
def test_a_rented_unit_is_ours_and_a_free_one_may_be_the_customers_and_neither_has_a_term(
    warehouse: Warehouse, clock: Clock, line: OrderLine, whose: Ownership, paid: list[int]
) -> None:
    """Shipping and handling is paid for what is ours; the replacement is whose the replaced unit was."""
    unit, services, actor = have(warehouse, line), warehouse.services, warehouse.actor
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(unit))
    warehouse.register(new)
    clock.advance(days=1)
    assert [warehouse.unit(each.serial).ownership for each in (unit, new)] == [whose, whose]
    assert [kept.event.amount.cents for kept in services.charges.page(actor, ChargeFilter(), 9, None)] == paid
    quoted = services.terms.quote(actor, unit.account_id or 0)[1]
    assert {(each.state, each.fee.cents) for each in quoted} == {(TermState.NONE, 0)}
    assert all("not provided free of charge" in each.reason for each in quoted)


def test_a_unit_that_begins_anew_is_ours_whoever_had_it(warehouse: Warehouse) -> None:
    unit = have(warehouse, BROUGHT)
    warehouse.take_back(unit)
    assert warehouse.unit(unit.serial).ownership is Ownership.CUSTOMER
    assert warehouse.refurbish(unit).ownership is Ownership.OPERATOR
