"""What an account owes for its units is settled in the transaction of the act that makes it known (ER 3 to 5).

- The domain decides what is due (settlement.py there); here it is given the facts, and what it finds is recorded.
- Each function holds the account: call it after units and RMAs are held. Nothing here commits.
- To settle twice is to settle once: an event has one key, and a value that is charged is not charged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from fleet.domain.blind_return import BlindReturn
from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger
from fleet.domain.equipment_charges import subject_of
from fleet.domain.local_dates import first_instant, local_date
from fleet.domain.other_charges import shipping_and_handling
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook
from fleet.domain.return_deadline import ReturnFacts
from fleet.domain.rma import ReturnEvent, Rma, RmaStep
from fleet.domain.settlement import ReturnCase, after_evidence, at_service_end, for_the_unit, value_due
from fleet.domain.term import ServiceEnded, Term, ValueCharged, ValueCredited, fold
from fleet.domain.waiver import EndCause
from fleet.services.ledger import hold_ledger, record_charges
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.inspections import InspectionRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork

RETURN_TRACK = "return"
PROOF = "proof"  # a scan that turns up when the unit is here
LOSS_REPORT = "report_loss"  # a step that moves no state: the unit may still turn up


@dataclass(slots=True)
class Books:
    """What is known of a held account; `record` keeps it up with what is charged."""

    uow: UnitOfWork
    account_id: int
    zone: tzinfo
    policy: PolicyBook
    ledger: Ledger

    @classmethod
    def hold(cls, uow: UnitOfWork, account_id: int, zone: tzinfo) -> Books:
        """The account's books, in no other hands until the transaction ends."""
        ledger = hold_ledger(uow, account_id)
        return cls(uow, account_id, zone, PolicyRepository(uow).book(), ledger)

    @property
    def today(self) -> date:
        """The operator's date."""
        return local_date(self.uow.now, self.zone)

    def terms(self) -> dict[int, Term]:
        """The term of every placement, for what is recorded by now."""
        return fold(TermEventRepository(self.uow).of_account(self.account_id), self.policy, self.zone)

    def record(self, events: Sequence[ChargeEvent]) -> None:
        """Write `events` down, and what they mean for the terms of the units (ER 3.1)."""
        known = self.ledger
        self.ledger = record_charges(self.uow, self.account_id, known, events)
        for event in self.ledger.events[len(known.events) :]:
            self._mark_value(event)

    def _mark_value(self, event: ChargeEvent) -> None:
        at = first_instant(event.on, self.zone)
        facts = TermEventRepository(self.uow)
        if event.kind is ChargeKind.CHARGE and event.rule is ChargeRule.REPLACEMENT_VALUE:
            facts.record(self.account_id, ValueCharged(_placement_of(event), at))
        elif event.kind is ChargeKind.CREDIT:
            charge = self.ledger.find(event.of)
            whole = charge is not None and not self.ledger.open_amount(charge)
            if charge is not None and whole and charge.rule is ChargeRule.REPLACEMENT_VALUE:
                facts.record(self.account_id, ValueCredited(_placement_of(event), at))


def end_service(
    uow: UnitOfWork, account_id: int, placements: Iterable[int], at: datetime, cause: EndCause, zone: tzinfo
) -> list[ChargeEvent]:
    """The service of the units of `placements` ended at `at`: the fees, charged as of that day, once for ever.

    However late that becomes known, the values due by that day come first, as they would have then: of a unit whose
    value was due, no fee is (ER 3.1).
    """
    books = Books.hold(uow, account_id, zone)
    _charge_values(books, return_cases(uow, account_id, zone), min(books.today, local_date(at, zone)))
    before, facts = books.terms(), TermEventRepository(uow)
    ending = sorted(number for number in placements if before[number].service_ended_on is None)
    for number in ending:
        facts.record(account_id, ServiceEnded(number, at, cause))
    known, terms = len(books.ledger.events), books.terms()
    for number in ending:
        books.record(at_service_end(terms[number], books.policy, books.ledger))
    return list(books.ledger.events[known:])


def settle(uow: UnitOfWork, account_id: int, zone: tzinfo) -> None:
    """Charge the values that are due by today, the longest due first, and credit what is no longer owed."""
    books = Books.hold(uow, account_id, zone)
    cases = return_cases(uow, account_id, zone)
    _charge_values(books, cases, books.today)
    charged = {event.subject for event in books.ledger.events}
    for number, term in books.terms().items() if charged else ():
        if subject_of(number) in charged:
            books.record(after_evidence(term, cases.get(number), books.today, books.policy, books.ledger))


def _charge_values(books: Books, cases: Mapping[int, Sequence[ReturnCase]], by: date) -> None:
    due = [
        (found[0], case)
        for of_unit in cases.values()
        for case in of_unit
        if (found := value_due(case, by, books.policy)) is not None
    ]
    for _, case in sorted(due, key=lambda each: (each[0], each[1].rma.id)):
        books.record(for_the_unit(case, by, books.policy, books.ledger))


def charge_shipping(uow: UnitOfWork, rma: Rma, ownership: Ownership, zone: tzinfo) -> None:
    """Shipping and handling of what is sent today for an RMA, if the account pays it (ER 4)."""
    books = Books.hold(uow, rma.account_id, zone)
    books.record(shipping_and_handling(rma.id, rma.kind, ownership, books.today, books.policy, books.ledger))


def return_cases(uow: UnitOfWork, account_id: int, zone: tzinfo) -> dict[int, list[ReturnCase]]:
    """Every RMA the account was granted, by placement; those of one unit share what is known of its way back."""
    rmas, placements, inspections = RmaRepository(uow), PlacementRepository(uow), InspectionRepository(uow)
    granted: dict[int, list[Rma]] = {}
    for rma in rmas.granted_of(account_id):
        granted.setdefault(rma.placement, []).append(rma)
    cases: dict[int, list[ReturnCase]] = {}
    for number, of_unit in granted.items():
        steps = _lying_here(uow, of_unit[0])
        steps += [step for step in rmas.steps_of_stay(number) if step.track == RETURN_TRACK]
        facts, ownership = return_facts(steps, zone), placements.get(number).opened.ownership
        inspected = {rma.id: inspections.of(rma.id) for rma in of_unit}
        found_sound = any(kept is not None and kept.inspection.is_sound for kept in inspected.values())
        for rma in of_unit:
            found, sent = inspected[rma.id], rma.replacement_placement
            left = None if sent is None else local_date(placements.get(sent).opened.shipped_at, zone)
            case = ReturnCase(
                rma=rma,
                due_on=rma.due_on,
                ownership=ownership,
                facts=facts,
                inspection=None if found is None else found.inspection,
                inspected_on=None if found is None else local_date(found.at, zone),
                replaced_on=left,
                found_sound=found_sound,
            )
            cases.setdefault(number, []).append(case)
    return cases


def _lying_here(uow: UnitOfWork, rma: Rma) -> list[RmaStep]:
    """The receipt of a unit in quarantine that nobody has matched yet: what is here does not stay away (ER 4)."""
    case = BlindReturnRepository(uow).open_of(rma.serial)
    if case is None or case.state is not BlindReturn.IN_QUARANTINE or case.placement != rma.placement:
        return []
    return [RmaStep(RETURN_TRACK, ReturnEvent.RECEIVE, case.state, case.received_at, "", "")]


def return_facts(steps: Iterable[RmaStep], zone: tzinfo) -> ReturnFacts:
    """What the steps of a unit's return, in the order they became known, say of its way back; of a kind the first."""
    first: dict[str, date] = {}
    for step in steps:
        day = local_date(step.at, zone)
        here = step.event == ReturnEvent.HAND_IN and ReturnEvent.RECEIVE in first
        name = PROOF if here else step.event
        first[name] = min(first.get(name, day), day)
    return ReturnFacts(
        handed_in_on=first.get(ReturnEvent.HAND_IN),
        lost_on=first.get(LOSS_REPORT),
        received_on=first.get(ReturnEvent.RECEIVE),
        proved_on=first.get(PROOF),
    )


def _placement_of(event: ChargeEvent) -> int:
    return int(event.subject.rpartition("-")[2])
