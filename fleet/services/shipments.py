"""What the carrier says of a parcel to an account: delivered, or lost, refused or returned (equipment rules 3.3).

A parcel is known by its unit and an instant: that of the stay the unit was in, or on its way to, just then. What
an RMA sent moves that RMA, too.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.placement import Placement
from fleet.domain.term import Delivered
from fleet.services.cancellation_quotes import requote_pending
from fleet.services.orders import wait_for_another
from fleet.services.rmas import Rmas
from fleet.services.settlement import settle
from fleet.services.shipping import fail_parcel
from fleet.store.accounts import AccountRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository


class Shipments:
    """Parcels in the actor's scope. `rmas` keeps those that an RMA sent; `zone`: the operator's."""

    def __init__(self, transactions: Transactions, rmas: Rmas, zone: tzinfo) -> None:
        self._transactions = transactions
        self._rmas = rmas
        self._zone = zone

    def deliver(self, actor: Actor, serial: str, delivered_at: datetime) -> Placement:
        """The carrier's proof of delivery, whenever it turns up: it may set the day of receipt."""
        stay, rma_id = self._parcel(actor, serial, delivered_at)
        if rma_id is not None:
            self._rmas.deliver(actor, rma_id, delivered_at)
            return stay
        with self._transactions.begin(actor) as uow:
            UnitRepository(uow).hold(serial)
            AccountRepository(uow).hold(stay.opened.account_id)
            facts = TermEventRepository(uow)
            if facts.has_failed(stay.id):
                raise ConflictError(f"the carrier reported this parcel of {serial} as not delivered")
            facts.record(stay.opened.account_id, Delivered(stay.id, delivered_at))
            self._conclude(uow, stay, AuditAction.SHIPMENT_DELIVER, ["delivered_at"])
            return stay

    def lose(self, actor: Actor, serial: str, outcome: str, reported_at: datetime) -> Placement:
        """The carrier reports the parcel lost, refused or returned: it has no receipt, and another may be sent."""
        stay, rma_id = self._parcel(actor, serial, reported_at)
        if rma_id is not None:
            self._rmas.lose(actor, rma_id, outcome)
            return stay
        with self._transactions.begin(actor) as uow:
            fail_parcel(uow, stay, outcome, reported_at)
            wait_for_another(uow, stay)
            self._conclude(uow, stay, AuditAction.SHIPMENT_LOSE, ["custody", "service", "account"])
            return stay

    def _parcel(self, actor: Actor, serial: str, at: datetime) -> tuple[Placement, int | None]:
        actor.require(Permission.SHIPMENT_MANAGE)
        with self._transactions.read(actor) as uow:
            if at > uow.now:
                raise InvalidError(f"the carrier cannot say now what happened at {at.isoformat()}")
            stay = PlacementRepository(uow).at(serial, at)
            rma = RmaRepository(uow).of_replacement(stay.id)
            return stay, None if rma is None else rma.id

    def _conclude(self, uow: UnitOfWork, stay: Placement, action: AuditAction, fields: list[str]) -> None:
        account_id = stay.opened.account_id
        uow.audit(action, stay.opened.serial, fields, account_id)
        settle(uow, account_id, self._zone)
        requote_pending(uow, account_id, self._zone)
        uow.commit()
