"""Trial returns: their last day follows the notice that ends the service, then what they bring back (es 7.b).

A notice may come before the return, after it, or be taken back: whoever notes one calls `redate`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, tzinfo

from fleet.domain.local_dates import first_instant, local_date
from fleet.domain.money import Money
from fleet.domain.other_charges import trial_refund
from fleet.domain.ownership import Ownership
from fleet.domain.placement import Placement
from fleet.domain.return_deadline import judge_return
from fleet.domain.rma import Rma, RmaKind, return_due
from fleet.domain.term import TrialReturned
from fleet.domain.trial import judge_trial
from fleet.services.lines import lines_of_placements
from fleet.services.settlement import Books, return_cases
from fleet.store.cancellations import CancellationRepository
from fleet.store.inspections import InspectionRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork


def last_day(uow: UnitOfWork, rma: Rma, zone: tzinfo) -> date | None:
    """Until when the unit of an RMA approved now is to be handed in; of a trial None before there is a notice."""
    noticed = None
    if rma.kind is RmaKind.TRIAL_RETURN:
        noticed = _noticed_on(uow, PlacementRepository(uow).get(rma.placement), zone)
    return return_due(rma, rma.approved_at or uow.now, PolicyRepository(uow).book(), zone, noticed)


def redate(uow: UnitOfWork, account_id: int, zone: tzinfo) -> None:
    """A notice came or was taken back: the account's trial returns have another last day. They and it are held."""
    rmas = RmaRepository(uow)
    for rma in rmas.hold_trials(account_id):
        due_on = last_day(uow, rma, zone)
        if due_on != rma.due_on:
            settle_trial(uow, rmas.save(replace(rma, due_on=due_on)), zone)


def settle_trial(uow: UnitOfWork, rma: Rma, zone: tzinfo) -> None:
    """In time and in original condition it has no fee, and a bought unit's price comes back, once. The RMA is held."""
    found, facts = InspectionRepository(uow).of(rma.id), TermEventRepository(uow)
    if rma.kind is not RmaKind.TRIAL_RETURN or found is None or rma.due_on is None:
        return
    books = Books.hold(uow, rma.account_id, zone)
    way_back = return_cases(uow, rma.account_id, zone)[rma.placement][0].facts
    verdict = judge_return(rma.due_on, way_back, books.today, books.policy)
    if facts.is_trial_returned(rma.placement) or not judge_trial(verdict, found.inspection).accepted:
        return
    inspected_on = local_date(found.at, zone)
    handed_in_on = way_back.proved_on or way_back.handed_in_on or way_back.received_on or inspected_on
    stay = PlacementRepository(uow).get(rma.placement)
    owed = stay.opened.ownership is Ownership.CUSTOMER and not _is_paid_back(uow, stay)
    facts.record(rma.account_id, TrialReturned(rma.placement, first_instant(handed_in_on, zone)))
    if owed:
        price = Money(stay.opened.price_cents)
        books.record(trial_refund(rma.placement, price, inspected_on, books.policy, books.ledger))


def _is_paid_back(uow: UnitOfWork, stay: Placement) -> bool:
    """Whether the price, which was paid once for the unit and all that replaced it, came back with another of them."""
    placements, facts = PlacementRepository(uow), TermEventRepository(uow)
    return any(facts.is_trial_returned(other.id) for other in placements.on_line(placements.line_of(stay)))


def _noticed_on(uow: UnitOfWork, placement: Placement, zone: tzinfo) -> date | None:
    """The date of the first notice that ends, or ended, the service of a unit; None if there is none."""
    account_id = placement.opened.account_id
    number = str(placement.id)
    lines = {number: lines_of_placements(PlacementRepository(uow).of_account(account_id))[number]}
    standing = (kept.cancellation for kept in CancellationRepository(uow).standing(account_id))
    notices = (each.notice.at for each in standing if each.scope.units_ended(lines))
    first = min(notices, default=None)
    return None if first is None else local_date(first, zone)
