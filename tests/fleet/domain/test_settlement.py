"""Whole stories of a unit: what is charged when its service ends or it stays away, and what evidence takes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.charge import ChargeKind, ChargeRule, Ledger
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.money import ZERO, Money
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.return_deadline import ReturnFacts
from fleet.domain.rma import Decision, Replacement, ReplacementMode, RmaKind
from fleet.domain.settlement import ReturnCase, after_evidence, at_service_end, for_the_unit, value_due
from fleet.domain.term import (
    Activated,
    Delivered,
    ServiceEnded,
    Shipped,
    TakenBack,
    Term,
    TermEvent,
    TrialReturned,
    ValueCharged,
    ValueCredited,
    fold,
)
from fleet.domain.waiver import EndCause
from tests.fleet.domain.rmas import REQUESTED

NEW_YORK = ZoneInfo("America/New_York")
POLICY = PolicyBook()
DUE = date(2025, 5, 20)
SOUND = Inspection(InspectionCode.HARDWARE_DEFECT, note="No power.")
SPOILT = Inspection(InspectionCode.LIQUID, photo="photo-1")


def noon(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00").replace(tzinfo=NEW_YORK)


def day(text: str) -> date:
    return date.fromisoformat(text)


# A free unit in term from 2025-01-20 to 2026-01-20.
FREE = (Shipped(1, noon("2025-01-10"), "unit-1", day("2025-01-10"), free=True), Activated(1, noon("2025-01-20")))
BOUGHT = (replace(FREE[0], free=False), FREE[1])  # type: ignore[type-var]
REPLACEMENT = Shipped(2, noon("2025-05-10"), "unit-2", day("2025-01-10"), True, replaces=1, renews=True)
RMA = replace(
    REQUESTED,
    serial="unit-1",
    placement=1,
    opened_at=datetime(2025, 5, 9, tzinfo=UTC),
    decision=Decision.APPROVED,
    replacement=Replacement.DELIVERED,
)
ABSENT = ReturnCase(RMA, DUE, Ownership.OPERATOR)


def ended(on: str, cause: EndCause = EndCause.ACCOUNT) -> ServiceEnded:
    return ServiceEnded(1, noon(on), cause)


def term(*events: TermEvent) -> Term:
    return fold(events, POLICY, NEW_YORK)[1]


def back(received: str, inspection: Inspection | None = SOUND, case: ReturnCase = ABSENT) -> ReturnCase:
    inspected_on = None if inspection is None else day(received) + timedelta(2)
    facts = replace(case.facts, received_on=day(received))
    sound = inspection is not None and inspection.is_sound
    return replace(case, facts=facts, inspection=inspection, inspected_on=inspected_on, found_sound=sound)


def end(ledger: Ledger, of: Term) -> Ledger:
    return ledger.add(at_service_end(of, POLICY, ledger))


def charge(ledger: Ledger, case: ReturnCase, today: str) -> Ledger:
    return ledger.add(for_the_unit(case, day(today), POLICY, ledger))


def learn(ledger: Ledger, of: Term, case: ReturnCase | None, today: str) -> Ledger:
    return ledger.add(after_evidence(of, case, day(today), POLICY, ledger))


def owed(ledger: Ledger) -> Money:
    charged, given = ZERO, ZERO
    for event in ledger.events:
        if event.kind is ChargeKind.CHARGE:
            charged += event.amount
        else:
            given += event.amount
    return charged - given


# Service ends.


@pytest.mark.parametrize(
    ("on", "cents"), [("2025-01-19", 0), ("2025-01-20", 5000), ("2026-01-19", 5000), ("2026-01-20", 0)]
)
def test_the_fee_follows_the_term(on: str, cents: int) -> None:
    ledger = end(Ledger(), term(*FREE, ended(on)))
    assert owed(ledger) == Money(cents)
    assert end(ledger, term(*FREE, ended(on))) == ledger


def test_while_service_runs_and_for_a_bought_unit_nothing_is_charged() -> None:
    assert end(Ledger(), term(*FREE)) == Ledger()
    assert end(Ledger(), term(*BOUGHT, ended("2025-06-01"))) == Ledger()


@pytest.mark.parametrize("cause", list(EndCause))
def test_the_cause_of_the_end_decides(cause: EndCause) -> None:
    fee = cause in {EndCause.ACCOUNT, EndCause.BREACH}
    assert owed(end(Ledger(), term(*FREE, ended("2025-06-01", cause)))) == (Money(5000) if fee else ZERO)


def test_the_fee_and_its_policy_are_those_the_term_was_agreed_with() -> None:
    raised = PolicyValue(PolicyName.REIMBURSEMENT_FEE_CENTS, day("2025-01-10"), 7500)
    book = PolicyBook((raised, replace(raised, effective_from=day("2025-03-01"), value=9000)))
    of = fold((*FREE, ended("2025-06-01")), book, NEW_YORK)[1]
    (event,) = at_service_end(of, book, Ledger())
    assert (event.amount, event.policy) == (Money(7500), (raised,))


# A replacement, received late, never, or found out about later.


def test_a_proof_found_later_takes_the_old_units_fee_back_and_charges_nobody_else() -> None:
    ended_both = (ended("2025-06-01"), replace(ended("2025-06-01"), placement=2))
    sent_late = replace(REPLACEMENT, at=noon("2025-05-28"))
    before = fold((*FREE, sent_late, *ended_both), POLICY, NEW_YORK)
    ledger = end(end(Ledger(), before[1]), before[2])
    assert owed(ledger) == Money(5000)
    after = fold((*FREE, sent_late, *ended_both, Delivered(2, noon("2025-05-31"))), POLICY, NEW_YORK)
    ledger = learn(learn(ledger, after[1], None, "2025-06-10"), after[2], None, "2025-06-10")
    assert owed(ledger) == ZERO
    credit = ledger.events[-1]
    assert credit.of == ledger.events[0].key
    assert "replaced by unit-2, received on 2025-05-31" in credit.reason.text


def test_a_trial_return_found_timely_after_the_end_takes_the_fee_back() -> None:
    ledger = end(Ledger(), term(*FREE, ended("2025-02-05")))
    assert owed(ledger) == Money(5000)
    returned = term(*FREE, ended("2025-02-05"), TrialReturned(1, noon("2025-02-12")))
    assert owed(learn(ledger, returned, None, "2025-02-20")) == ZERO


def test_a_unit_that_comes_back_after_the_end_changes_nothing() -> None:
    ledger = end(Ledger(), term(*FREE, ended("2025-06-01")))
    later = term(*FREE, ended("2025-06-01"), TakenBack(1, noon("2025-06-09")))
    assert learn(ledger, later, None, "2025-06-10") == ledger


def test_nothing_is_credited_before_the_end_or_for_it() -> None:
    assert learn(Ledger(), term(*FREE, ended("2025-06-01")), None, "2025-05-20") == Ledger()
    assert learn(Ledger(), term(*FREE), None, "2025-05-20") == Ledger()


# A unit that stays away.


def test_a_late_unit_found_sound_under_another_of_its_rmas_has_its_value_credited() -> None:
    ledger = charge(Ledger(), ABSENT, "2025-05-21")
    here = back("2025-05-30", None)
    assert learn(ledger, term(*FREE), here, "2025-06-02") == ledger
    assert owed(learn(ledger, term(*FREE), replace(here, found_sound=True), "2025-06-02")) == ZERO


@pytest.mark.parametrize(("today", "cents"), [("2025-05-20", 0), ("2025-05-21", 6500)])
def test_an_advance_replaced_unit_is_charged_when_its_last_day_is_over(today: str, cents: int) -> None:
    ledger = charge(Ledger(), ABSENT, today)
    assert owed(ledger) == Money(cents)
    assert charge(ledger, ABSENT, "2025-12-01") == charge(Ledger(), ABSENT, "2025-12-01")


def test_a_charge_made_late_is_of_the_day_it_was_due() -> None:
    (event,) = charge(Ledger(), ABSENT, "2025-12-01").events
    assert event.on == day("2025-05-21")
    assert event.reason.text == (
        "unit-1 was replaced in advance and is not back in time. Due on 2025-05-20: neither scan nor receipt is known; "
        "without a scan a unit received by 2025-05-25 is in time."
    )


def test_an_rma_without_a_last_day_costs_nothing_but_what_was_spoilt() -> None:
    undated = replace(ABSENT, due_on=None)
    assert charge(Ledger(), undated, "2026-05-21") == Ledger()
    spoilt = charge(Ledger(), replace(back("2025-05-23", SPOILT), due_on=None), "2025-05-25")
    assert owed(spoilt) == Money(6500)
    late = charge(Ledger(), ABSENT, "2025-05-21")
    after = learn(late, term(*FREE), undated, "2025-05-22")  # nothing asks for the unit any more
    assert (owed(after), after.events[-1].reason.text) == (ZERO, "Nothing is owed.")


def test_a_unit_replaced_after_its_last_day_is_owed_from_the_day_its_replacement_left() -> None:
    late = replace(ABSENT, replaced_on=day("2025-06-01"))
    assert charge(Ledger(), late, "2025-05-31") == Ledger()
    assert charge(Ledger(), late, "2025-06-01").events[0].on == day("2025-06-01")
    assert charge(Ledger(), replace(ABSENT, replaced_on=day("2025-05-10")), "2025-05-21").events


def test_a_unit_that_arrives_in_the_grace_gives_the_value_back_and_may_still_be_found_spoilt() -> None:
    ledger = charge(Ledger(), ABSENT, "2025-05-21")
    in_grace = back("2025-05-23", None)
    ledger = learn(ledger, term(*FREE), in_grace, "2025-05-23")
    assert (owed(ledger), ledger.events[-1].of) == (ZERO, ledger.events[0].key)
    spoilt = back("2025-05-23", SPOILT)
    ledger = charge(ledger, spoilt, "2025-05-25")
    assert (owed(ledger), ledger.events[-1].on) == (Money(6500), day("2025-05-25"))
    assert learn(charge(ledger, spoilt, "2025-06-01"), term(*FREE), spoilt, "2025-06-01") == ledger


def test_of_a_units_two_rmas_one_that_is_in_time_leaves_the_value_of_the_other() -> None:
    on_receipt = replace(ABSENT, rma=replace(RMA, id=8, mode=ReplacementMode.ON_RECEIPT))
    ledger = charge(Ledger(), ABSENT, "2025-05-21")
    after = ledger.add(after_evidence(term(*FREE), [on_receipt, ABSENT], day("2025-05-22"), POLICY, ledger))
    assert after == ledger
    cancelled = replace(ABSENT, rma=replace(RMA, decision=Decision.CANCELLED))
    assert owed(learn(ledger, term(*FREE), cancelled, "2025-05-22")) == ZERO


@pytest.mark.parametrize(
    "case",
    [
        replace(ABSENT, rma=replace(RMA, mode=ReplacementMode.ON_RECEIPT)),
        replace(ABSENT, rma=replace(RMA, kind=RmaKind.TRIAL_RETURN)),
        replace(ABSENT, rma=replace(RMA, replacement=Replacement.LOST)),
        replace(ABSENT, rma=replace(RMA, kind=RmaKind.CANCELLATION_RETURN), ownership=Ownership.CUSTOMER),
        replace(ABSENT, facts=ReturnFacts(handed_in_on=DUE)),
        back("2025-05-25"),
    ],
    ids=["on receipt", "trial", "replacement lost", "own unit", "scanned in time", "received in the grace"],
)
def test_nothing_is_charged_for_a_unit_that_is_not_owed_or_came_in_time(case: ReturnCase) -> None:
    assert charge(Ledger(), case, "2025-12-01") == Ledger()


def test_a_leased_unit_that_stays_away_after_the_end_is_charged() -> None:
    leased = replace(ABSENT, rma=replace(RMA, kind=RmaKind.CANCELLATION_RETURN), ownership=Ownership.LEASED)
    assert owed(charge(Ledger(), leased, "2025-05-26")) == Money(6500)


@pytest.mark.parametrize(
    ("received", "inspection", "cents"),
    [
        ("2025-05-26", SOUND, 0),
        ("2025-06-20", SOUND, 0),  # day 30 from the charge
        ("2025-06-21", SOUND, 6500),
        ("2025-06-01", SPOILT, 6500),
        ("2025-06-01", Inspection(InspectionCode.MISSING_PARTS, note="No supply."), 0),  # the unit itself is sound
        ("2025-06-01", None, 6500),  # nobody has looked at it yet
    ],
)
def test_a_late_unit_gives_the_value_back_if_it_is_sound_within_30_days(
    received: str, inspection: Inspection | None, cents: int
) -> None:
    ledger = charge(Ledger(), ABSENT, "2025-05-26")
    case = back(received, inspection)
    after = learn(ledger, term(*FREE), case, "2025-07-01")
    assert owed(after) == Money(cents)
    assert learn(after, term(*FREE), case, "2025-07-02") == after
    assert charge(after, case, "2025-07-02") == after
    if not cents:
        assert after.events[-1].rule is ChargeRule.LATE_RETURN
        assert f"Received sound on {received}" in after.events[-1].reason.text


def test_a_unit_that_is_back_and_sound_before_anybody_charged_it_is_not_charged_any_more() -> None:
    assert charge(Ledger(), back("2025-06-01"), "2025-07-01") == Ledger()


def test_a_scan_in_time_that_turns_up_later_takes_the_value_back() -> None:
    ledger = charge(Ledger(), ABSENT, "2025-05-26")
    scanned = replace(ABSENT, facts=ReturnFacts(handed_in_on=DUE))
    after = learn(ledger, term(*FREE), scanned, "2025-06-01")
    assert owed(after) == ZERO
    assert after.events[-1].rule is ChargeRule.LATER_EVIDENCE
    assert "the carrier accepted it on 2025-05-20" in after.events[-1].reason.text


def test_evidence_of_something_else_leaves_a_value_that_stands() -> None:
    ledger = charge(Ledger(), ABSENT, "2025-05-26")
    assert learn(ledger, term(*FREE), ABSENT, "2025-06-01") == ledger
    assert learn(ledger, term(*FREE), None, "2025-06-01") == ledger


# Spoilt and lost units.


def test_a_unit_in_time_but_spoilt_is_charged_on_the_day_of_its_inspection() -> None:
    case = back("2025-05-15", SPOILT)
    assert charge(Ledger(), case, "2025-05-16") == Ledger()
    (event,) = charge(Ledger(), case, "2025-05-17").events
    assert (event.on, event.amount) == (day("2025-05-17"), Money(6500))
    assert "found liquid" in event.reason.text


@pytest.mark.parametrize("kind", [k for k in RmaKind if k is not RmaKind.DEFECT])
def test_only_a_defect_asks_who_caused_it(kind: RmaKind) -> None:
    case = replace(back("2025-05-15", SPOILT), rma=replace(RMA, kind=kind))
    assert value_due(case, day("2025-06-01"), POLICY) is None


@pytest.mark.parametrize("mode", list(ReplacementMode))
def test_nobody_pays_for_spoiling_their_own_unit(mode: ReplacementMode) -> None:
    own = replace(back("2025-05-15", SPOILT), ownership=Ownership.CUSTOMER, rma=replace(RMA, mode=mode))
    assert value_due(own, day("2025-06-01"), POLICY) is None
    assert value_due(replace(own, ownership=Ownership.LEASED), day("2025-06-01"), POLICY) is not None


def test_a_unit_lost_on_the_way_back_is_charged_and_credited_when_it_turns_up() -> None:
    lost = replace(ABSENT, facts=ReturnFacts(handed_in_on=day("2025-05-12"), lost_on=day("2025-06-02")))
    assert charge(Ledger(), lost, "2025-06-01") == Ledger()
    ledger = charge(Ledger(), lost, "2025-06-02")
    assert (owed(ledger), ledger.events[0].on) == (Money(6500), day("2025-06-02"))
    found = replace(lost, facts=replace(lost.facts, received_on=day("2025-06-10")))
    after = learn(ledger, term(*FREE), found, "2025-06-10")
    assert (owed(after), after.events[-1].rule) == (ZERO, ChargeRule.LATER_EVIDENCE)


def test_of_several_causes_the_first_is_charged_once() -> None:
    case = back("2025-06-25", SPOILT)  # overdue since 26 May, and spoilt
    assert value_due(case, day("2025-07-01"), POLICY) is not None
    ledger = charge(Ledger(), case, "2025-07-01")
    assert [e.on for e in ledger.events] == [day("2025-05-21")]


# Fee and value together.


def test_fee_first_then_value_then_a_late_return_leaves_the_fee() -> None:
    of = term(*FREE, ended("2025-05-15"))
    ledger = charge(end(Ledger(), of), ABSENT, "2025-05-26")
    assert [e.amount for e in ledger.events] == [Money(5000), Money(1500)]
    after = learn(ledger, of, back("2025-06-01"), "2025-06-05")
    assert owed(after) == Money(5000)


def test_value_first_then_the_end_then_a_late_return_leaves_nothing() -> None:
    ledger = charge(Ledger(), ABSENT, "2025-05-26")
    history = (*FREE, ValueCharged(1, noon("2025-05-26")), ended("2025-06-01"))
    ledger = end(ledger, term(*history))
    assert owed(ledger) == Money(6500)
    credited = term(*history, ValueCredited(1, noon("2025-06-05")))
    after = learn(ledger, credited, back("2025-06-03"), "2025-06-05")
    assert owed(after) == ZERO
    assert end(after, credited) == after  # asked a second time, the end still charges nothing


def test_a_unit_returned_and_refunded_that_is_evidence_of_nothing_more() -> None:
    of = term(*FREE, ended("2025-02-05"), TrialReturned(1, noon("2025-02-12")))
    settled = learn(end(Ledger(), term(*FREE, ended("2025-02-05"))), of, None, "2025-02-20")
    assert learn(settled, of, back("2025-02-14"), "2025-03-01") == settled


def test_a_value_the_fee_covered_whole_stands_when_the_fee_falls_away() -> None:
    cheap = PolicyBook((PolicyValue(PolicyName.REPLACEMENT_VALUE_CENTS, day("2025-01-01"), 4000),))
    ledger = end(Ledger(), term(*FREE, ended("2025-05-15")))
    assert for_the_unit(ABSENT, day("2025-05-26"), cheap, ledger) == []
    returned = term(*FREE, ended("2025-05-15"), TrialReturned(1, noon("2025-05-14")))
    after = ledger.add(after_evidence(returned, ABSENT, day("2025-06-01"), cheap, ledger))
    assert owed(after) == Money(4000)
