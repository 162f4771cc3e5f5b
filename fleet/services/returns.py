"""The way back of a unit under an RMA: the carrier's scan or report of a loss, the inspection, the end of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.inspection import Inspection
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Decision, Return, ReturnEvent, Rma, RmaStep
from fleet.domain.rma_permits import check_may_close
from fleet.domain.unit import Custody
from fleet.services.receiving import check_was_away, hand_in
from fleet.services.refurbishing_track import open_round
from fleet.services.rma_acts import Change, RmaActs
from fleet.services.rma_tracks import take_step
from fleet.services.settlement import LOSS_REPORT, RETURN_TRACK
from fleet.services.trials import settle_trial
from fleet.store.inspections import InspectionRepository, KeptInspection
from fleet.store.placements import PlacementRepository
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

MAX_PHOTO_CHARACTERS = 200
ON_THE_WAY = (Return.AWAITED, Return.IN_TRANSIT, Return.OVERDUE)


class Returns:
    """Returns in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._acts = RmaActs(transactions, zone)
        self._zone = zone

    def inspection(self, actor: Actor, rma_id: int) -> KeptInspection:
        """What was found; NotFoundError if the unit was not inspected."""
        actor.require(Permission.RMA_READ)
        with self._transactions.read(actor) as uow:
            found = InspectionRepository(uow).of(RmaRepository(uow).get(rma_id).id)
            if found is None:
                raise NotFoundError(f"{refer(Noun.RMA, rma_id)} has no inspection yet")
            return found

    def hand_in(self, actor: Actor, rma_id: int, at: datetime) -> Rma:
        """The carrier accepted the unit at `at`, whenever that becomes known; it decides whether it is in time."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            _check_instant(rma, at, uow.now)
            check_was_away(uow, rma, at)
            rma = hand_in(uow, rma, at)
            settle_trial(uow, rma, self._zone)  # in time, as it may turn out after its inspection
            return rma

        return self._change(actor, rma_id, Permission.SHIPMENT_MANAGE, AuditAction.RMA_HAND_IN, change)

    def hold(self, actor: Actor, rma_id: int, why: str) -> Rma:
        """The received unit is set aside until it can be inspected."""
        check_why(why)

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            return take_step(uow, rma, ReturnEvent.HOLD, why)

        return self._change(actor, rma_id, Permission.RETURN_RECEIVE, AuditAction.RMA_HOLD, change)

    def report_loss(self, actor: Actor, rma_id: int, at: datetime, why: str) -> Rma:
        """The carrier reports the unit lost on its way back, which is at the account's risk; it may still turn up."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            _check_instant(rma, at, uow.now)
            if rma.returning not in ON_THE_WAY:
                raise ConflictError(f"{refer(Noun.RMA, rma.id)} is {rma.returning}: the unit is not on its way")
            step = RmaStep(RETURN_TRACK, LOSS_REPORT, rma.returning, at, uow.actor.reference, why)
            RmaRepository(uow).record(rma.id, step)
            return rma

        return self._change(actor, rma_id, Permission.SHIPMENT_MANAGE, AuditAction.RMA_REPORT_LOSS, change)

    def inspect(self, actor: Actor, rma_id: int, found: Inspection) -> Rma:
        """What the inspection of the received unit found; it decides what the account pays or gets back."""
        if len(found.photo) > MAX_PHOTO_CHARACTERS:
            raise InvalidError(f"a photo's reference has at most {MAX_PHOTO_CHARACTERS} characters")

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            rma = take_step(uow, rma, ReturnEvent.INSPECT, f"{found.code}: {found.note or found.photo}")
            InspectionRepository(uow).add(rma.id, found)
            self._to_the_bench(uow, rma, found)
            settle_trial(uow, rma, self._zone)
            return replace(rma, condition=found.condition)

        return self._change(actor, rma_id, Permission.RETURN_RECEIVE, AuditAction.RMA_INSPECT, change)

    def close(self, actor: Actor, rma_id: int, why: str) -> Rma:
        """Nothing more is expected; later evidence may still lower what is owed."""

        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            check_may_close(rma, PlacementRepository(uow).get(rma.placement).opened.ownership)
            return take_step(uow, rma, ReturnEvent.CLOSE, why)

        return self._change(actor, rma_id, Permission.RMA_MANAGE, AuditAction.RMA_CLOSE, change)

    def _to_the_bench(self, uow: UnitOfWork, rma: Rma, found: Inspection) -> None:
        """The unit waits for whoever refurbishes, repairs or scraps it."""
        unit = UnitRepository(uow).hold(rma.serial)
        looked_at = RefurbishingRepository(uow).open_of(rma.serial) is not None  # under another RMA of the same stay
        if unit.custody is Custody.RETURNED and not looked_at:  # one that was inspected late may have gone on already
            open_round(uow, unit, found, rma.id)

    def _change(self, actor: Actor, rma_id: int, permission: Permission, action: AuditAction, change: Change) -> Rma:
        def change_approved(uow: UnitOfWork, rma: Rma) -> Rma:
            if rma.decision is not Decision.APPROVED:
                raise ConflictError(f"{refer(Noun.RMA, rma.id)} is {rma.decision}: nothing is returned for it")
            return change(uow, rma)

        return self._acts.carry_out(actor, rma_id, permission, action, change_approved)


def _check_instant(rma: Rma, at: datetime, now: datetime) -> None:
    since = rma.approved_at or rma.opened_at
    if not since <= at <= now:
        raise InvalidError(f"the carrier has it between {since.isoformat()} and now, got {at.isoformat()}")
