"""The warehouse picks the units of an order one by one, packs what it has and sends it: what `order ship` does at once.

A picked unit is reserved for its order until the parcel leaves or it is put back, so a pick that is cut off goes on
where it was. Picked twice is picked once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.order import Order
from fleet.domain.pick_list import PickList, SentParcel, Standing, check_may_pick, check_may_ship
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.domain.unit import Custody, CustodyEvent, Unit, after
from fleet.services.orders import send_units
from fleet.services.shipping import Parcel, check_serves
from fleet.store.accounts import AccountRepository
from fleet.store.orders import OrderRepository
from fleet.store.picks import PickRepository
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository
from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import PREFIX, check_serial


class PickLists:
    """Orders as the warehouse sees them: boards and counts, without prices and people."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(self, actor: Actor, limit: int, after_id: int | None) -> list[PickList]:
        """At most `limit` of the orders that wait for units, with an id above `after_id`."""
        actor.require(Permission.SHIPMENT_MANAGE)
        with self._transactions.read(actor) as uow:
            waiting = PickRepository(uow).waiting(limit, after_id)
            return [_list_of(uow, OrderRepository(uow).get(order_id)) for order_id in waiting]

    def get(self, actor: Actor, order_id: int) -> PickList:
        """One order: what it waits for, what is set aside for it, what has left."""
        actor.require(Permission.SHIPMENT_MANAGE)
        with self._transactions.read(actor) as uow:
            return _list_of(uow, OrderRepository(uow).get(order_id))

    def pick(self, actor: Actor, order_id: int, named: str) -> PickList:
        """Set the unit of that serial number or MAC address aside; ConflictError says why it is the wrong one."""

        def change(uow: UnitOfWork, order: Order, serial: str) -> None:
            unit, picks = UnitRepository(uow).hold(serial), PickRepository(uow)
            before = _list_of(uow, order)
            AccountRepository(uow).hold(order.account_id).check_open()
            check_serves(uow, order.account_id)
            if picks.order_of(serial) == order.id and unit.custody is Custody.RESERVED:
                return
            check_may_pick(before, unit, _standing(uow, unit))
            UnitRepository(uow).save(after(unit, CustodyEvent.RESERVE))
            picks.add(order.id, serial)
            uow.audit(AuditAction.ORDER_PICK, serial, ["custody", "order"], order.account_id)

        return self._change(actor, order_id, named, change)

    def put_back(self, actor: Actor, order_id: int, named: str, why: str) -> PickList:
        """The unit goes back on its shelf; one that is there already stays there."""
        check_why(why)

        def change(uow: UnitOfWork, order: Order, serial: str) -> None:
            unit, picks = UnitRepository(uow).hold(serial), PickRepository(uow)
            if unit.custody is Custody.IN_STOCK:
                return
            if picks.order_of(serial) != order.id:
                raise ConflictError(f"{serial} is not set aside for {refer(Noun.ORDER, order.id)}")
            UnitRepository(uow).save(after(unit, CustodyEvent.RELEASE))
            picks.remove(serial)
            UnitRepository(uow).note(serial, AuditAction.ORDER_PUT_BACK, why)
            uow.audit(AuditAction.ORDER_PUT_BACK, serial, ["custody", "order"], order.account_id)

        return self._change(actor, order_id, named, change)

    def ship(self, actor: Actor, order_id: int, parcel: Parcel, partial: bool) -> PickList:
        """Everything that is set aside leaves in one parcel; less than the whole order only if that is meant."""
        actor.require(Permission.SHIPMENT_MANAGE)
        with self._transactions.begin(actor) as uow:
            order = OrderRepository(uow).hold(order_id)
            picks = _list_of(uow, order)
            check_may_ship(picks, partial)
            order = send_units(uow, order, [unit.serial for unit in picks.picked], parcel)
            sent = _list_of(uow, order)
            uow.commit()
            return sent

    def _change(
        self, actor: Actor, order_id: int, named: str, change: Callable[[UnitOfWork, Order, str], None]
    ) -> PickList:
        actor.require(Permission.SHIPMENT_MANAGE)
        with self._transactions.begin(actor) as uow:
            order = OrderRepository(uow).hold(order_id)
            change(uow, order, _serial_of(uow, named))
            changed = _list_of(uow, order)
            uow.commit()
            return changed


def _serial_of(uow: UnitOfWork, named: str) -> str:
    """The unit's serial number; InvalidError for what is neither one nor a MAC address."""
    try:
        if named.upper().startswith(PREFIX):
            return str(check_serial(named.upper()))
        return UnitRepository(uow).by_mac(MacAddress.parse(named)).serial
    except WireError as error:
        raise InvalidError(f"{named!r} is no serial number and no MAC address: {error}; scan it again") from None


def _list_of(uow: UnitOfWork, order: Order) -> PickList:
    units, picks = UnitRepository(uow), PickRepository(uow)
    together: dict[tuple[datetime, str, str], list[Unit]] = {}
    for shipped_at, carrier, tracking, serial in picks.sent_for(order.id):
        together.setdefault((shipped_at, carrier, tracking), []).append(units.get(serial))
    parcels = tuple(SentParcel(*key, tuple(sent)) for key, sent in together.items())
    return PickList(order, tuple(units.get(serial) for serial in picks.of_order(order.id)), parcels)


def _standing(uow: UnitOfWork, unit: Unit) -> Standing:
    latest = RefurbishingRepository(uow).latest_of(unit.serial)
    waiting = RmaRepository(uow).uninspected_of(unit.serial)
    return Standing(
        order_id=PickRepository(uow).order_of(unit.serial),
        rma_id=None if waiting is None else waiting.id,
        refurbishing=None if latest is None else latest.state,
    )
