"""An account has the last line taken from a unit: the service for that unit ends at once (equipment rules 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.charge import ChargeEvent
from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import local_date
from fleet.domain.placement import Placement
from fleet.domain.references import Noun, refer
from fleet.domain.waiver import EndCause
from fleet.services.annual_plans import forgo_plans
from fleet.services.cancellation_mail import charged
from fleet.services.downlinks import Downlinks
from fleet.services.letters import write_to_administrators
from fleet.services.lines import lines_of_placements, scope_of
from fleet.services.on_record import administrator_on_record
from fleet.services.service_end import Ending, end_services, hold_for_end
from fleet.store.accounts import AccountRepository
from fleet.store.cancellations import CancellationRepository
from fleet.store.placements import PlacementRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository


@dataclass(frozen=True, slots=True)
class RemovedLine:
    """Service of the unit `serial` ended `at`; `charges` are what that cost."""

    serial: str
    account_id: int
    at: datetime
    charges: tuple[ChargeEvent, ...]


class LineRemovals:
    """Lines taken from the units in the actor's scope; a unit has one line, so each is its last."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def remove(self, actor: Actor, serial: str, administrator: str | None) -> RemovedLine:
        """End the service of the line that the unit serves, or served last, for an Administrator of its account.

        `administrator`: on record for it; None: who acts, or the only one. ConflictError if it has ended already.
        """
        actor.require(Permission.CANCELLATION_MANAGE)
        with self._transactions.begin(actor) as uow:
            stay = _stay_of(uow, serial)
            account_id = stay.opened.account_id
            scope = scope_of([serial], PlacementRepository(uow).of_account(account_id))
            held = hold_for_end(uow, account_id, scope)
            if _stay_of(uow, serial).id != stay.id:
                raise ConflictError(f"{serial} came or went this moment; try again")
            _check_served(uow, stay)
            who = administrator_on_record(uow, account_id, administrator)
            ending = Ending(account_id, scope, uow.now, EndCause.ACCOUNT)
            charges = end_services(uow, ending, held, self._downlinks)
            AccountRepository(uow).note(account_id, AuditAction.UNIT_REMOVE_LINE, f"{serial}, asked for by {who}")
            uow.audit(AuditAction.UNIT_REMOVE_LINE, serial, ["service"], account_id)
            today = local_date(uow.now, self._downlinks.zone)
            plans = forgo_plans(uow, account_id, scope, held.placements, today)
            _confirm(uow, stay, today, [*charged(charges), *plans])
            uow.commit()
            return RemovedLine(serial, account_id, uow.now, tuple(charges))


def _confirm(uow: UnitOfWork, stay: Placement, ended_on: date, what_it_costs: list[str]) -> None:
    serial = stay.opened.serial
    lines = [f"the line of {serial} is removed: its service ended on {ended_on}.", "", *what_it_costs]
    key, subject = f"line_removal:{serial}:{stay.id}", f"The service of {serial} has ended"
    write_to_administrators(uow, stay.opened.account_id, key, subject, lines)


def _stay_of(uow: UnitOfWork, serial: str) -> Placement:
    UnitRepository(uow).get(serial)
    return PlacementRepository(uow).latest_of(serial)


def _check_served(uow: UnitOfWork, stay: Placement) -> None:
    """ConflictError once the service has ended, also where a cancellation's day has come and no job has run yet."""
    serial, account_id = stay.opened.serial, stay.opened.account_id
    if TermEventRepository(uow).has_ended(stay.id):
        raise ConflictError(f"the service of {serial} has ended already")
    lines = lines_of_placements(PlacementRepository(uow).of_account(account_id))[str(stay.id)]
    for kept in CancellationRepository(uow).pending(account_id):
        effect, ends = kept.cancellation.effect, kept.cancellation.scope
        if effect.at <= uow.now and all(ends.covers(line) for line in lines):
            name = refer(Noun.CANCELLATION, kept.cancellation.id)
            raise ConflictError(f"the service of {serial} ended on {effect.on} by {name}, which is carried out soon")
