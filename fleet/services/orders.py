"""An account orders units, and the warehouse ships them: each becomes a placement on the order's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.local_dates import local_date
from fleet.domain.order import Agreement, Order, OrderLine, assign_lines, check_agreement, check_lines, price_of
from fleet.domain.ownership import Ownership
from fleet.domain.placement import NewPlacement, Placement
from fleet.domain.references import Noun, refer
from fleet.domain.registered_location import RegisteredLocation
from fleet.services.locations import LocationSaid, said_location
from fleet.services.numbers import assign_next
from fleet.services.shipping import Parcel, check_serves, check_unreserved, ship_unit
from fleet.store.accounts import AccountRepository
from fleet.store.distributors import DistributorRepository
from fleet.store.locations import LocationRepository
from fleet.store.orders import OrderRepository
from fleet.store.picks import PickRepository
from fleet.store.placements import PlacementRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

MAX_SERIALS = 1000
MONTHLY_BY_US = Agreement()


class Orders:
    """Orders in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def create(
        self,
        actor: Actor,
        account_id: int,
        order_date: date | None,
        lines: Sequence[OrderLine],
        agreement: Agreement = MONTHLY_BY_US,
        said: LocationSaid | None = None,
    ) -> Order:
        """A new order of an account; without a date, of today at the operator's. `said`: where its units will be."""
        actor.require(Permission.ORDER_MANAGE)
        checked = check_lines(tuple(lines))
        with self._transactions.begin(actor) as uow:
            today = local_date(uow.now, self._zone)
            order_date = order_date or today
            if order_date > today:
                raise InvalidError(f"the Order Date is when the account accepted: {order_date} is after today, {today}")
            AccountRepository(uow).hold(account_id).check_open()
            check_serves(uow, account_id)
            orders = OrderRepository(uow)
            check_agreement(agreement, orders.plan_of(account_id))
            if agreement.distributor_id is not None:
                DistributorRepository(uow).get(agreement.distributor_id).check_authorized()
            location = None if said is None else said_location(uow, account_id, said)
            order = orders.add(account_id, order_date, checked, agreement, location)
            fields = ["lines"] if said is None else ["lines", "location"]
            uow.audit(AuditAction.ORDER_CREATE, refer(Noun.ORDER, order.id), fields, account_id)
            uow.commit()
            return order

    def get(self, actor: Actor, order_id: int) -> Order:
        """One order; NotFoundError outside the actor's scope."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            return OrderRepository(uow).get(order_id)

    def page(self, actor: Actor, limit: int, after: int | None) -> list[Order]:
        """At most `limit` orders with an id above `after`."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            return OrderRepository(uow).page(limit, after)

    def ship(self, actor: Actor, order_id: int, serials: Sequence[str], parcel: Parcel) -> Order:
        """Send units from stock to the order's account: all of them or, if one cannot go, none."""
        actor.require(Permission.SHIPMENT_MANAGE)
        if len(set(serials)) != len(serials) or not 1 <= len(serials) <= MAX_SERIALS:
            raise InvalidError(f"a shipment has 1 to {MAX_SERIALS} units, each once, got {len(serials)}")
        with self._transactions.begin(actor) as uow:
            order = send_units(uow, OrderRepository(uow).hold(order_id), serials, parcel)
            uow.commit()
            return order


def send_units(uow: UnitOfWork, order: Order, serials: Sequence[str], parcel: Parcel) -> Order:
    """The units leave for the held order's account, from stock or as they were picked for it; the order after that."""
    orders, repository, picks = OrderRepository(uow), UnitRepository(uow), PickRepository(uow)
    units = [repository.hold(serial) for serial in sorted(serials)]
    AccountRepository(uow).hold(order.account_id).check_open()
    check_serves(uow, order.account_id)
    picked = set(picks.of_order(order.id))
    check_unreserved(unit for unit in units if unit.serial not in picked)
    positions = assign_lines(order, [unit.board for unit in units])
    for unit, position in zip(units, positions, strict=True):
        line = order.lines[position]
        opened = NewPlacement(
            serial=unit.serial,
            account_id=order.account_id,
            order_id=order.id,
            order_date=order.order_date,
            free=line.is_free,
            ownership=line.ownership,
            price_cents=price_of(line).cents,
            shipped_at=uow.now,
        )
        opened = replace(opened, replaces=_never_arrived(uow, opened))
        picks.remove(unit.serial)
        placement = ship_unit(uow, unit, opened, parcel)
        if opened.replaces is None:
            _open_line(uow, placement, order.location)
        orders.count_shipped(order.id, position)
        uow.audit(AuditAction.ORDER_SHIP, unit.serial, ["custody", "service", "account"], order.account_id)
    return orders.hold(order.id)


def _open_line(uow: UnitOfWork, placement: Placement, location: RegisteredLocation | None) -> None:
    """The line of a unit that leaves has a number and a place before it is plugged in, so that needs nobody."""
    if location is not None:
        LocationRepository(uow).save(placement.id, placement.opened.account_id, location)
    assign_next(uow, placement.id, placement.opened.account_id)


def wait_for_another(uow: UnitOfWork, stay: Placement) -> None:
    """A parcel of an order never arrived: its line waits for a unit again."""
    orders, board = OrderRepository(uow), UnitRepository(uow).get(stay.opened.serial).board
    order = orders.hold(stay.opened.order_id)
    sent = (line for line, shipped in zip(order.lines, order.shipped, strict=True) if shipped and line.board == board)
    line = next(line for line in sent if _terms(stay.opened) == (line.is_free, line.ownership, price_of(line).cents))
    orders.wait_again(order.id, order.lines.index(line))


def _never_arrived(uow: UnitOfWork, opened: NewPlacement) -> int | None:
    """The placement whose line this unit goes on with, because its parcel never arrived; None if there is none.

    ConflictError if the service of that line has ended meanwhile.
    """
    facts, stays = TermEventRepository(uow), PlacementRepository(uow).of_order(opened.order_id)
    followed = {stay.opened.replaces for stay in stays}
    ended = None
    for stay in stays:
        waits = stay.until is not None and stay.id not in followed and _terms(stay.opened) == _terms(opened)
        if waits and facts.has_failed(stay.id):
            if not facts.has_ended(stay.id):
                return stay.id
            ended = stay
    if ended is not None:
        raise ConflictError(f"{ended.opened.serial} never arrived, and its service has ended: nothing more is sent")
    return None


def _terms(opened: NewPlacement) -> tuple[bool, Ownership, int]:
    return opened.free, opened.ownership, opened.price_cents
