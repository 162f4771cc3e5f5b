"""Returns and replacements: each step moves one track of an RMA, and the units with it, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.inspection import Inspection
from fleet.domain.local_dates import local_date
from fleet.domain.placement import NewPlacement, Placement
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.domain.rma import (
    Condition,
    DecisionEvent,
    Replacement,
    ReplacementEvent,
    ReplacementMode,
    ReturnEvent,
    Rma,
    RmaKind,
    RmaStep,
    check_may_cancel,
    check_may_reserve,
)
from fleet.domain.rma_permits import Opening, check_is_owed, check_may_open
from fleet.domain.term import Delivered, ServiceEnded, fold
from fleet.domain.unit import CustodyEvent, Service, after
from fleet.domain.waiver import EndCause
from fleet.services.receiving import catch_up, receive_under
from fleet.services.rma_acts import RmaActs
from fleet.services.rma_tracks import take_step
from fleet.services.settlement import charge_shipping
from fleet.services.shipping import Parcel, check_serves, fail_parcel, release_unit, ship_unit
from fleet.services.trials import last_day
from fleet.store.accounts import AccountRepository
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.inspections import InspectionRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository


class Rmas:
    """RMAs in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._acts = RmaActs(transactions, zone)
        self._zone = zone

    def page(self, actor: Actor, limit: int, after_id: int | None) -> list[Rma]:
        """At most `limit` RMAs with an id above `after_id`."""
        actor.require(Permission.RMA_READ)
        with self._transactions.read(actor) as uow:
            return RmaRepository(uow).page(limit, after_id)

    def get(self, actor: Actor, rma_id: int) -> tuple[Rma, list[RmaStep]]:
        """One RMA and its steps, oldest first."""
        actor.require(Permission.RMA_READ)
        with self._transactions.read(actor) as uow:
            rmas = RmaRepository(uow)
            return rmas.get(rma_id), rmas.steps(rma_id)

    def open(self, actor: Actor, serial: str, kind: RmaKind, mode: ReplacementMode, reason: str) -> Rma:
        """Ask for a return of a unit that is at an account, for a `reason` in words."""
        actor.require(Permission.RMA_MANAGE)
        check_why(reason)
        with self._transactions.begin(actor) as uow:
            unit, rmas = UnitRepository(uow).hold(serial), RmaRepository(uow)
            placement = PlacementRepository(uow).open_of(serial)
            held = BlindReturnRepository(uow).open_of(serial) is not None
            if placement is None or (unit.service is Service.REPLACED and not held):
                raise ConflictError(f"{serial} is {unit.custody} and {unit.service}: there is nothing to return")
            for pending in rmas.open_of(placement.id):
                raise ConflictError(f"{serial} has {refer(Noun.RMA, pending.id)} open already")
            account_id = placement.opened.account_id
            check_may_open(self._opening(uow, kind, placement, held), PolicyRepository(uow).book())
            rma = rmas.add(Rma(0, account_id, serial, placement.id, kind, mode, reason.strip(), opened_at=uow.now))
            uow.audit(AuditAction.RMA_OPEN, refer(Noun.RMA, rma.id), ["kind", "mode"], account_id)
            uow.commit()
            return rma

    # Decision

    def approve(self, actor: Actor, rma_id: int, why: str = "") -> Rma:
        """The RMA is granted: the deadline of the return counts from now."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            rma = take_step(uow, rma, DecisionEvent.APPROVE, why)
            AccountRepository(uow).hold(rma.account_id)  # a notice that comes now waits, and finds it approved
            rma = replace(rma, approved_at=uow.now)
            rma = replace(rma, due_on=last_day(uow, rma, self._zone))
            return catch_up(uow, rma)

        return self._acts.carry_out(actor, rma_id, Permission.RMA_MANAGE, AuditAction.RMA_APPROVE, change)

    def deny(self, actor: Actor, rma_id: int, why: str) -> Rma:
        """The RMA is refused; nothing comes back for it."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            rma = take_step(uow, rma, DecisionEvent.DENY, why)
            return take_step(uow, rma, ReturnEvent.CLOSE, why)

        return self._acts.carry_out(actor, rma_id, Permission.RMA_MANAGE, AuditAction.RMA_DENY, change)

    def cancel(self, actor: Actor, rma_id: int, why: str) -> Rma:
        """The RMA is withdrawn before anything was sent; a reserved replacement goes back to stock."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            check_may_cancel(rma)
            _check_not_here(uow, rma)
            rma = take_step(uow, rma, DecisionEvent.CANCEL, why)
            if rma.replacement is Replacement.RESERVED:
                rma = release_unit(uow, rma, why)
            return take_step(uow, rma, ReturnEvent.CLOSE, why)

        return self._acts.carry_out(actor, rma_id, Permission.RMA_MANAGE, AuditAction.RMA_CANCEL, change)

    # Replacement

    def reserve(self, actor: Actor, rma_id: int, serial: str | None = None) -> Rma:
        """Set a unit of the same board aside: the one named, else the first in stock."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            check_may_reserve(rma)
            _check_not_replaced(uow, rma)
            _check_served(uow, rma, serial)
            check_is_owed(rma, _found(uow, rma))
            units = UnitRepository(uow)
            board = units.get(rma.serial).board
            unit = units.hold(serial) if serial is not None else units.first_in_stock(board)
            if unit.board != board:
                raise ConflictError(f"{unit.serial} is a {unit.board}; {rma.serial} is a {board}")
            units.save(after(unit, CustodyEvent.RESERVE))
            rma = take_step(uow, rma, ReplacementEvent.RESERVE, unit.serial)
            return replace(rma, replacement_serial=unit.serial, replacement_placement=None)

        return self._acts.carry_out(actor, rma_id, Permission.RMA_MANAGE, AuditAction.RMA_RESERVE, change)

    def release(self, actor: Actor, rma_id: int, why: str) -> Rma:
        """The reserved unit goes back to stock: another is sent, or none."""
        check_why(why)

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            return release_unit(uow, rma, why)

        return self._acts.carry_out(actor, rma_id, Permission.RMA_MANAGE, AuditAction.RMA_RELEASE, change)

    def ship(self, actor: Actor, rma_id: int, parcel: Parcel) -> Rma:
        """Send the reserved unit; its first registration from the account swaps it in."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            AccountRepository(uow).hold(rma.account_id)
            check_is_owed(rma, _found(uow, rma))
            _check_served(uow, rma, rma.replacement_serial)
            rma = take_step(uow, rma, ReplacementEvent.SHIP, parcel.tracking)
            old = PlacementRepository(uow).get(rma.placement).opened
            unit = UnitRepository(uow).hold(rma.replacement_serial or "")
            opened = NewPlacement(
                serial=unit.serial,
                account_id=rma.account_id,
                order_id=old.order_id,
                order_date=old.order_date,
                free=old.free,
                ownership=old.ownership,  # equipment rules 3.1: it takes that of the unit it replaces
                price_cents=old.price_cents,
                shipped_at=uow.now,
                replaces=rma.placement,
                renews=rma.kind is RmaKind.DEFECT,
            )
            charge_shipping(uow, rma, old.ownership, self._zone)
            sent, facts = ship_unit(uow, unit, opened, parcel), TermEventRepository(uow)
            if facts.has_ended(rma.placement):  # it comes home, and its line stays ended
                facts.record(rma.account_id, ServiceEnded(sent.id, uow.now, EndCause.ACCOUNT))
            return replace(rma, replacement_placement=sent.id)

        return self._acts.carry_out(actor, rma_id, Permission.SHIPMENT_MANAGE, AuditAction.RMA_SHIP, change)

    def deliver(self, actor: Actor, rma_id: int, delivered_at: datetime) -> Rma:
        """The carrier's proof of delivery, whenever it turns up."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            placement = _replacement_placement(rma)
            shipped_at = PlacementRepository(uow).get(placement).opened.shipped_at
            if not shipped_at <= delivered_at <= uow.now:
                raise InvalidError(f"delivery is between {shipped_at} (shipped) and now, got {delivered_at}")
            TermEventRepository(uow).record(rma.account_id, Delivered(placement, delivered_at))
            return take_step(uow, rma, ReplacementEvent.DELIVER, "proof of delivery", delivered_at)

        return self._acts.carry_out(actor, rma_id, Permission.SHIPMENT_MANAGE, AuditAction.RMA_DELIVER, change)

    def lose(self, actor: Actor, rma_id: int, outcome: str) -> Rma:
        """The carrier reports the replacement lost, refused or returned; another may be reserved."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            placement = _replacement_placement(rma)
            rma = take_step(uow, rma, ReplacementEvent.LOSE, outcome)
            fail_parcel(uow, PlacementRepository(uow).get(placement), outcome, uow.now)
            return rma

        return self._acts.carry_out(actor, rma_id, Permission.SHIPMENT_MANAGE, AuditAction.RMA_LOSE, change)

    # Return

    def receive(
        self, actor: Actor, rma_id: int, serial: str, condition: Condition, received_at: datetime | None = None
    ) -> Rma:
        """The unit is back, since `received_at` (None: now): its placement is over, and it waits for triage."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            return receive_under(uow, rma, serial, condition, received_at)

        return self._acts.carry_out(actor, rma_id, Permission.RETURN_RECEIVE, AuditAction.RMA_RECEIVE, change)

    def _opening(self, uow: UnitOfWork, kind: RmaKind, placement: Placement, held: bool) -> Opening:
        """What is known of the unit's service now."""
        account_id, zone = placement.opened.account_id, self._zone
        terms = fold(TermEventRepository(uow).of_account(account_id), PolicyRepository(uow).book(), zone)
        return Opening(
            kind=kind,
            ownership=placement.opened.ownership,
            order_date=placement.opened.order_date,
            opened_on=local_date(uow.now, zone),
            service_ended_on=terms[placement.id].service_ended_on,
            held=held,
        )


def _found(uow: UnitOfWork, rma: Rma) -> Inspection | None:
    kept = InspectionRepository(uow).of(rma.id)
    return None if kept is None else kept.inspection


def _check_served(uow: UnitOfWork, rma: Rma, sent: str | None) -> None:
    """After the end of its service nothing is sent for a unit any more; the account's own comes home, repaired."""
    ownership = PlacementRepository(uow).get(rma.placement).opened.ownership
    if sent == rma.serial and not ownership.is_operators:
        return
    check_serves(uow, rma.account_id)
    if TermEventRepository(uow).has_ended(rma.placement):
        raise ConflictError(f"the service of {rma.serial} has ended: nothing is sent for it any more")


def _check_not_here(uow: UnitOfWork, rma: Rma) -> None:
    """An approved RMA is not taken back while its unit lies here: that would have come for nothing."""
    blind = BlindReturnRepository(uow).held_of(rma.placement)
    if blind is not None and rma.approved_at is not None:
        raise ConflictError(f"{rma.serial} is here as {blind.reference}: match it to {refer(Noun.RMA, rma.id)}")


def _check_not_replaced(uow: UnitOfWork, rma: Rma) -> None:
    """A unit that came back blind after its RMA was given up has its replacement already."""
    stays = PlacementRepository(uow).of_account(rma.account_id)
    there = next(
        (stay.opened.serial for stay in stays if stay.opened.replaces == rma.placement and not stay.until), None
    )
    if there is not None:
        raise ConflictError(f"{rma.serial} was replaced by {there} already: nothing more is sent for it")


def _replacement_placement(rma: Rma) -> int:
    if rma.replacement_placement is None:
        raise ConflictError(f"{refer(Noun.RMA, rma.id)}: replacement {rma.replacement}, nothing was shipped")
    return rma.replacement_placement
