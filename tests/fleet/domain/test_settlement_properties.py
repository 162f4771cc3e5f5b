"""Whatever becomes known of a unit, in whatever order, what it costs keeps its bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.charge import Ledger
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.money import ZERO, Money
from fleet.domain.ownership import Ownership
from fleet.domain.return_deadline import ReturnFacts
from fleet.domain.rma import Replacement, ReplacementMode, RmaKind
from fleet.domain.settlement import ReturnCase
from fleet.domain.term import TermEvent
from tests.fleet.domain.test_settlement import BOUGHT, DUE, FREE, RMA, charge, day, end, ended, learn, owed, term

DATES = st.integers(0, 60).map(lambda n: day("2025-05-10") + timedelta(n))
FACTS = st.builds(ReturnFacts, st.none() | DATES, st.none() | DATES, st.none() | DATES)
CASES = st.builds(
    ReturnCase,
    st.builds(
        lambda kind, mode, sent: replace(RMA, kind=kind, mode=mode, replacement=sent),
        st.sampled_from(RmaKind),
        st.sampled_from(ReplacementMode),
        st.sampled_from(Replacement),
    ),
    st.just(DUE),
    st.sampled_from(Ownership),
    FACTS,
    st.none() | st.builds(Inspection, st.sampled_from(InspectionCode), st.just("photo")),
    st.none() | DATES,
)


@given(st.none() | DATES, st.lists(st.tuples(CASES, DATES), max_size=6), st.booleans())
def test_whatever_becomes_known_no_unit_costs_more_than_the_greater_of_fee_and_value(
    ended_on: date | None, known: list[tuple[ReturnCase, date]], free: bool
) -> None:
    history: tuple[TermEvent, ...] = FREE if free else BOUGHT
    if ended_on is not None:
        history = (*history, ended(str(ended_on)))
    of = term(*history)
    ledger = end(Ledger(), of)
    for case, today in sorted(known, key=lambda step: step[1]):
        ledger = charge(ledger, case, str(today))
        before = owed(ledger)
        ledger = learn(ledger, of, case, str(today))
        assert ZERO <= owed(ledger) <= before <= Money(6500)
        assert learn(ledger, of, case, str(today)) == ledger
    assert len({event.key for event in ledger.events}) == len(ledger.events)
