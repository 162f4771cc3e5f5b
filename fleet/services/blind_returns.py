"""Whatever comes in at the warehouse is taken in by its label: under the RMA that waits for it, else blind (ER 4).

A blind return changes only while its unit is held. Its list is what the warehouse still owes an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.blind_return import BlindCase, BlindReturn, BlindReturnEvent, check_delivered, matches
from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import local_date
from fleet.domain.reason import check_why
from fleet.domain.rma import Condition, Rma, RmaStep
from fleet.domain.unit import CustodyEvent, Unit, after
from fleet.services.line_levels import store_line
from fleet.services.receiving import check_came_back, receive_under, take_blind_step
from fleet.services.rma_acts import RmaActs
from fleet.services.shipping import Parcel
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

TAKE_IN = "take_in"  # the step that opens one

Change = Callable[[UnitOfWork, Unit, BlindCase], BlindCase]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a scan came to: the RMA that waited, a blind return, or neither: our own parcel that never arrived."""

    unit: Unit
    rma: Rma | None = None
    blind: BlindCase | None = None


class BlindReturns:
    """Blind returns in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._acts = RmaActs(transactions, zone)
        self.zone = zone

    @property
    def today(self) -> date:
        """The operator's date."""
        return local_date(self._transactions.clock(), self.zone)

    def page(self, actor: Actor, states: Sequence[BlindReturn], limit: int, after_id: int | None) -> list[BlindCase]:
        """At most `limit` in one of `states` with an id above `after_id`, the longest waiting first."""
        actor.require(Permission.RMA_READ)
        with self._transactions.read(actor) as uow:
            return BlindReturnRepository(uow).page(states, limit, after_id)

    def get(self, actor: Actor, number: int) -> tuple[BlindCase, list[RmaStep], list[Rma]]:
        """One blind return, its steps, and the RMAs it may be matched to now."""
        actor.require(Permission.RMA_READ)
        with self._transactions.read(actor) as uow:
            repository = BlindReturnRepository(uow)
            case = repository.get(number)
            waiting = RmaRepository(uow).open_of(case.placement)
            return case, repository.steps(number), matches(case.serial, waiting)

    def take_in(
        self, actor: Actor, serial: str, condition: Condition, why: str, received_at: datetime | None = None
    ) -> TakenIn:
        """The unit of that label is here, since `received_at` (None: now).

        IllegalTransitionError for one that never left, or is here already.
        """
        actor.require(Permission.RETURN_RECEIVE)
        check_why(why)
        with self._transactions.read(actor) as uow:
            at = received_at or uow.now
            unit, rma = UnitRepository(uow).get(serial), _waiting_for(uow, serial, at)
        if rma is None:
            return self._hold(actor, serial, condition, why, at)
        rma = self._receive(actor, rma.id, serial, condition, AuditAction.RMA_RECEIVE, at)
        return TakenIn(unit, rma=rma)

    def match(self, actor: Actor, number: int, rma_id: int) -> Rma:
        """It belongs to that RMA, whose return goes on as received on the day the unit first came in."""
        actor.require(Permission.RETURN_RECEIVE)
        with self._transactions.read(actor) as uow:
            case = BlindReturnRepository(uow).get(number)
        if case.state is not BlindReturn.IN_QUARANTINE:
            raise ConflictError(f"{case.reference} is {case.state}: there is nothing to match")
        return self._receive(actor, rma_id, case.serial, case.condition, AuditAction.BLIND_RETURN_MATCH)

    def send_back(self, actor: Actor, number: int, parcel: Parcel, why: str) -> BlindCase:
        """It is nobody's RMA, and goes back to its account as it came."""

        def change(uow: UnitOfWork, unit: Unit, case: BlindCase) -> BlindCase:
            case = take_blind_step(uow, case, BlindReturnEvent.SEND_BACK, why)
            _move(uow, unit, CustodyEvent.SEND_BACK)
            return replace(case, carrier=parcel.carrier, tracking=parcel.tracking, sent_at=uow.now)

        return self._change(actor, number, why, AuditAction.BLIND_RETURN_SEND_BACK, change)

    def deliver(self, actor: Actor, number: int, delivered_at: datetime) -> BlindCase:
        """The carrier's proof that the account has it again; its registration is as good."""

        def change(uow: UnitOfWork, unit: Unit, case: BlindCase) -> BlindCase:
            case = take_blind_step(uow, case, BlindReturnEvent.DELIVER, "proof of delivery", delivered_at)
            check_delivered(case, delivered_at, uow.now)
            _move(uow, unit, CustodyEvent.ARRIVE)
            return case

        return self._change(actor, number, "proof", AuditAction.BLIND_RETURN_DELIVER, change)

    def come_back(self, actor: Actor, number: int, why: str) -> BlindCase:
        """The parcel was refused or not deliverable: the unit is here again."""

        def change(uow: UnitOfWork, unit: Unit, case: BlindCase) -> BlindCase:
            return _come_back(uow, unit, case, why)

        return self._change(actor, number, why, AuditAction.BLIND_RETURN_COME_BACK, change)

    def _receive(
        self,
        actor: Actor,
        rma_id: int,
        serial: str,
        condition: Condition,
        action: AuditAction,
        at: datetime | None = None,
    ) -> Rma:
        def change(uow: UnitOfWork, rma: Rma) -> Rma:
            return receive_under(uow, rma, serial, condition, at)

        return self._acts.carry_out(actor, rma_id, Permission.RETURN_RECEIVE, action, change)

    def _hold(self, actor: Actor, serial: str, condition: Condition, why: str, at: datetime) -> TakenIn:
        with self._transactions.begin(actor) as uow:
            units, repository = UnitRepository(uow), BlindReturnRepository(uow)
            unit = units.hold(serial)
            if _waiting_for(uow, serial, at) is not None:
                raise ConflictError(f"an RMA for {serial} was granted this moment; scan it again")
            placement, case = PlacementRepository(uow).open_of(serial), repository.open_of(serial)
            if case is not None:
                case = _come_back(uow, unit, case, why)
                uow.audit(AuditAction.BLIND_RETURN_COME_BACK, case.reference, ["custody", "state"], case.account_id)
                uow.commit()
                return TakenIn(units.get(serial), blind=case)
            unit = _move(uow, unit, CustodyEvent.TAKE_BACK)
            if placement is None:
                check_came_back(uow, PlacementRepository(uow).latest_of(serial).id, at)
                uow.audit(AuditAction.UNIT_TURN_UP, serial, ["custody"])
                units.note(serial, AuditAction.UNIT_TURN_UP, why)
            else:
                check_came_back(uow, placement.id, at)
                case = BlindCase(0, placement.opened.account_id, serial, placement.id, condition, at)
                case = repository.add(case)
                repository.record(case.id, TAKE_IN, case.state, at, actor.reference, why)
                uow.audit(AuditAction.BLIND_RETURN_TAKE_IN, case.reference, ["custody", "state"], case.account_id)
            uow.commit()
            return TakenIn(unit, blind=case)

    def _change(self, actor: Actor, number: int, why: str, action: AuditAction, change: Change) -> BlindCase:
        actor.require(Permission.RETURN_RECEIVE)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            repository = BlindReturnRepository(uow)
            unit = UnitRepository(uow).hold(repository.get(number).serial)
            case = repository.save(change(uow, unit, repository.get(number)))
            uow.audit(action, case.reference, ["custody", "state"], case.account_id)
            uow.commit()
            return case


def note_arrival(uow: UnitOfWork, serial: str, at: datetime) -> None:
    """The unit registered from its account: if it was sent back to it, it has arrived. The unit is held."""
    case = BlindReturnRepository(uow).open_of(serial)
    if case is not None:
        take_blind_step(uow, case, BlindReturnEvent.DELIVER, "it registered", at)
        uow.audit(AuditAction.BLIND_RETURN_DELIVER, case.reference, ["custody", "state"], case.account_id)


def _come_back(uow: UnitOfWork, unit: Unit, case: BlindCase, why: str) -> BlindCase:
    case = take_blind_step(uow, case, BlindReturnEvent.COME_BACK, why)
    _move(uow, unit, CustodyEvent.TAKE_BACK)
    return case


def _move(uow: UnitOfWork, unit: Unit, event: CustodyEvent) -> Unit:
    """The unit is in other hands, and its line serves there or does not; its stay and its service are as they were."""
    unit = UnitRepository(uow).save(after(unit, event))
    store_line(uow, unit)
    return unit


def _waiting_for(uow: UnitOfWork, serial: str, at: datetime) -> Rma | None:
    """The RMA that was granted for the unit's present stay and waited for it at an instant."""
    placement = PlacementRepository(uow).open_of(serial)
    rmas = [] if placement is None else RmaRepository(uow).open_of(placement.id)
    return next((rma for rma in matches(serial, rmas) if rma.approved_at is not None and rma.approved_at <= at), None)
