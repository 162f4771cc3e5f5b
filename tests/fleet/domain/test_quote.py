"""What ending service costs a unit on a date, with each exception of equipment rules 3.1 and 3.4 and its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.money import ZERO, Money
from fleet.domain.policy import PolicyBook
from fleet.domain.quote import QuoteLine, TermState, quote, requote
from fleet.domain.term import (
    Activated,
    Delivered,
    Registered,
    ServiceEnded,
    ShipmentFailed,
    Shipped,
    TakenBack,
    TermEvent,
    TrialReturned,
    ValueCharged,
    ValueCredited,
    fold,
)
from fleet.domain.waiver import EndCause

NEW_YORK = ZoneInfo("America/New_York")
POLICY = PolicyBook()
FIFTY = Money(5000)


def noon(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00").replace(tzinfo=NEW_YORK)


def day(text: str) -> date:
    return date.fromisoformat(text)


# A free unit in term from 2025-01-20 to 2026-01-20.
FREE = (Shipped(1, noon("2025-01-10"), "unit-1", day("2025-01-10"), free=True), Activated(1, noon("2025-01-20")))
REPLACEMENT = Shipped(2, noon("2025-05-01"), "unit-2", day("2025-01-10"), True, replaces=1, renews=True)


def lines(on: str, *events: TermEvent, cause: EndCause = EndCause.ACCOUNT) -> list[QuoteLine]:
    return quote(fold(events, POLICY, NEW_YORK).values(), day(on), cause)


def one(on: str, *events: TermEvent, cause: EndCause = EndCause.ACCOUNT) -> QuoteLine:
    (line,) = lines(on, *FREE, *events, cause=cause)
    return line


@pytest.mark.parametrize(
    ("on", "state"),
    [
        ("2025-01-19", TermState.NOT_BEGUN),
        ("2025-01-20", TermState.RUNNING),
        ("2026-01-19", TermState.RUNNING),
        ("2026-01-20", TermState.OVER),
    ],
)
def test_the_fee_is_owed_from_the_first_to_the_last_day_of_the_term(on: str, state: TermState) -> None:
    line = one(on)
    assert (line.state, line.fee) == (state, FIFTY if state is TermState.RUNNING else ZERO)


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (EndCause.ACCOUNT, TermState.RUNNING),
        (EndCause.BREACH, TermState.RUNNING),
        (EndCause.OPERATOR, TermState.WAIVED),
        (EndCause.HARMFUL_CHANGE, TermState.WAIVED),
        (EndCause.FORCE_MAJEURE, TermState.WAIVED),
    ],
)
def test_whoever_ends_it_the_fee_is_owed_but_for_three_causes(cause: EndCause, state: TermState) -> None:
    line = one("2025-06-01", cause=cause)
    assert (line.state, line.fee) == (state, FIFTY if state is TermState.RUNNING else ZERO)
    recorded = one("2025-06-01", ServiceEnded(1, noon("2025-06-01"), cause))
    assert recorded == line  # once it has ended, by the cause that is known


def test_a_waiver_is_named_with_the_term_it_waives() -> None:
    assert one("2025-06-01", cause=EndCause.OPERATOR).reason == (
        "The operator ends the service without a breach by the Account. No fee for unit-1, whose term runs from "
        "2025-01-20 to 2026-01-20."
    )


def test_a_unit_in_our_hands_that_day_costs_nothing_and_one_that_came_the_day_after_does() -> None:
    assert one("2025-06-01", TakenBack(1, noon("2025-06-01"))).state is TermState.IN_OUR_HANDS
    assert one("2025-06-01", TakenBack(1, noon("2025-06-02"))).fee == FIFTY


@pytest.mark.parametrize("handed_in", ["2025-05-28", "2025-06-01", "2025-06-10"])
def test_a_timely_trial_return_frees_of_the_fee_before_or_after_the_end(handed_in: str) -> None:
    line = one("2025-06-01", TrialReturned(1, noon(handed_in)))
    assert (line.state, line.fee) == (TermState.TRIAL_RETURNED, ZERO)
    assert handed_in in line.reason


def test_a_unit_has_no_term_from_the_day_its_replacement_value_was_charged() -> None:
    charged = ValueCharged(1, noon("2025-06-01"))
    assert one("2025-05-31", charged).fee == FIFTY
    assert one("2025-06-01", charged).state is TermState.VALUE_CHARGED
    assert "2025-06-01" in one("2025-07-01", charged).reason
    credited = ValueCredited(1, noon("2025-06-20"))
    # ER 3.1: one for which replacement value was charged has no term, credited or not.
    for events in ((charged, credited), (credited, charged)):
        assert one("2025-07-01", *events).state is TermState.VALUE_CHARGED


def test_a_repaired_unit_is_in_our_hands_until_the_day_it_leaves_again() -> None:
    taken = TakenBack(1, noon("2025-05-05"))
    sent_back = Shipped(2, noon("2025-05-08"), "unit-1", date(2025, 1, 10), True, replaces=1, renews=True)
    arrives = Delivered(2, noon("2025-05-12"))

    def state(on: str, *events: TermEvent) -> TermState:
        return lines(on, *FREE, taken, sent_back, *events)[0].state

    assert [state(day, arrives) for day in ("2025-05-04", "2025-05-05", "2025-05-08", "2025-05-09", "2025-05-12")] == [
        TermState.RUNNING,
        TermState.IN_OUR_HANDS,
        TermState.IN_OUR_HANDS,
        TermState.RUNNING,  # ER 3.3: until then it runs
        TermState.SUPERSEDED,
    ]
    lost = ShipmentFailed(2, noon("2025-05-20"), "lost")
    assert state("2025-05-09", lost) is TermState.IN_OUR_HANDS  # it never left us for the account
    other = replace(sent_back, unit="unit-9")
    assert lines("2025-05-09", *FREE, taken, other, arrives)[0].state is TermState.IN_OUR_HANDS


def test_a_waiver_claimed_after_the_end_frees_it_in_any_order() -> None:
    ended = ServiceEnded(1, noon("2025-06-01"), EndCause.BREACH)
    waived = replace(ended, cause=EndCause.FORCE_MAJEURE)
    for events in ((ended, waived), (waived, ended)):
        assert one("2025-06-01", *events).state is TermState.WAIVED


def test_a_unit_whose_service_has_ended_is_settled_and_never_quoted_again() -> None:
    ended = ServiceEnded(1, noon("2025-06-01"), EndCause.ACCOUNT)
    assert one("2025-06-01", ended).fee == FIFTY
    later = one("2025-06-02", ended)
    assert (later.state, later.fee) == (TermState.ENDED, ZERO)
    assert later.reason == "The service of unit-1 ended on 2025-06-01, and was settled then."


def test_of_two_ends_the_first_counts_in_any_order_and_by_time_not_by_the_clock_on_the_wall() -> None:
    # 01:30 comes twice on 2 November 2025: the first by daylight time, the second an hour later by standard time.
    first = ServiceEnded(1, datetime(2025, 11, 2, 1, 45, tzinfo=NEW_YORK), EndCause.OPERATOR)
    second = ServiceEnded(1, datetime(2025, 11, 2, 1, 30, fold=1, tzinfo=NEW_YORK), EndCause.ACCOUNT)
    for events in ((first, second), (second, first)):
        assert one("2025-11-02", *events).state is TermState.WAIVED


def test_a_bought_unit_has_no_term_whatever_ends() -> None:
    bought = Shipped(1, noon("2025-01-10"), "unit-1", day("2025-01-10"), free=False)
    (line,) = lines("2025-06-01", bought, ServiceEnded(1, noon("2025-05-01"), EndCause.BREACH))
    assert (line.state, line.fee, line.warning) == (TermState.NONE, ZERO, "")
    assert "not provided free of charge" in line.reason


def test_a_lost_first_shipment_is_told_as_such() -> None:
    shipped = Shipped(1, noon("2025-01-10"), "unit-1", day("2025-01-10"), free=True)
    (line,) = lines("2025-06-01", shipped, ShipmentFailed(1, noon("2025-01-15"), "lost"))
    assert line.reason == "The shipment of unit-1 was reported lost: no minimum equipment term began."


def test_contradicting_reports_of_a_failed_shipment_tell_the_same_in_any_order() -> None:
    lost = ShipmentFailed(2, noon("2025-05-05"), "lost")
    returned = ShipmentFailed(2, noon("2025-05-09"), "returned")
    assert lines("2025-06-01", *FREE, REPLACEMENT, lost, returned) == lines(
        "2025-06-01", *FREE, REPLACEMENT, returned, lost
    )


# Receipt after the end, the end before a receipt.


def test_a_replacement_received_after_the_end_leaves_the_fee_with_the_old_unit() -> None:
    ended = [ServiceEnded(number, noon("2025-05-04"), EndCause.ACCOUNT) for number in (1, 2)]
    events = (*FREE, REPLACEMENT, Delivered(2, noon("2025-05-06")), *ended)
    assert [line.fee for line in lines("2025-05-04", *events)] == [FIFTY, ZERO]
    assert [line.state for line in lines("2025-05-07", *events)] == [TermState.ENDED, TermState.ENDED]


def test_a_replacement_received_on_the_day_of_the_end_has_the_fee_itself() -> None:
    events = (*FREE, REPLACEMENT, Delivered(2, noon("2025-05-04")))
    assert [line.fee for line in lines("2025-05-04", *events)] == [ZERO, FIFTY]


def test_a_registration_on_the_ship_date_is_a_receipt_whatever_hour_the_shipment_was_booked() -> None:
    morning = datetime(2025, 5, 1, 9, tzinfo=NEW_YORK)
    terms = fold((*FREE, REPLACEMENT, Registered(2, morning)), POLICY, NEW_YORK)
    assert terms[2].begins == day("2025-05-01")


def test_a_delivery_before_the_ship_date_is_no_receipt() -> None:
    terms = fold((*FREE, REPLACEMENT, Delivered(2, noon("2025-04-30"))), POLICY, NEW_YORK)
    assert terms[2].begins == day("2025-05-11")


def test_the_earliest_received_of_two_replacements_supersedes() -> None:
    again = Shipped(3, noon("2025-05-02"), "unit-3", day("2025-01-10"), True, replaces=1, renews=True)
    events = (*FREE, REPLACEMENT, again, Delivered(3, noon("2025-05-05")), Delivered(2, noon("2025-05-08")))
    term = fold(events, POLICY, NEW_YORK)[1]
    assert (term.superseded_on, term.replaced_by) == (day("2025-05-05"), "unit-3")


def test_a_term_over_before_its_replacement_came_is_over_not_superseded() -> None:
    late = Shipped(2, noon("2026-01-18"), "unit-2", day("2025-01-10"), True, replaces=1, renews=True)
    assert lines("2026-02-01", *FREE, late, Delivered(2, noon("2026-01-20")))[0].state is TermState.OVER
    assert lines("2026-02-01", *FREE, late, Delivered(2, noon("2026-01-19")))[0].state is TermState.SUPERSEDED


# Warnings and quoting again (3.6).


@pytest.mark.parametrize(("on", "warned"), [("2025-05-10", True), ("2025-05-11", False)])
def test_a_replacement_is_warned_of_until_it_is_received_or_taken_for_received(on: str, warned: bool) -> None:
    assert bool(lines(on, *FREE, REPLACEMENT)[0].warning) is warned


def test_nothing_is_warned_of_for_a_unit_that_is_settled() -> None:
    ended = ServiceEnded(1, noon("2025-05-02"), EndCause.ACCOUNT)
    assert lines("2025-05-03", *FREE, REPLACEMENT, ended)[0].warning == ""


def test_a_pending_cancellation_is_quoted_again_when_the_replacement_is_received_earlier_than_assumed() -> None:
    before = lines("2025-05-08", *FREE, REPLACEMENT)
    terms = fold((*FREE, REPLACEMENT, Delivered(2, noon("2025-05-06"))), POLICY, NEW_YORK)
    after = requote(before, terms.values(), day("2025-05-08"))
    assert after is not None
    assert [line.fee for line in before] == [FIFTY, ZERO]
    assert [line.fee for line in after] == [ZERO, FIFTY]


def test_a_quote_that_still_holds_is_not_made_again() -> None:
    before = lines("2025-06-08", *FREE)
    terms = fold((*FREE, Registered(1, noon("2025-01-21"))), POLICY, NEW_YORK)
    assert requote(before, terms.values(), day("2025-06-08")) is None


def test_a_quote_by_another_cause_is_another_quote() -> None:
    before = lines("2025-06-08", *FREE)
    terms = fold(FREE, POLICY, NEW_YORK)
    assert requote(before, terms.values(), day("2025-06-08"), EndCause.OPERATOR) is not None


# Properties over random histories of one unit, its replacement, and the replacement of that.

OFFSETS = st.integers(0, 500)
KINDS = (Activated, Registered, Delivered, TakenBack, TrialReturned, ValueCharged, ValueCredited)
EVENTS = st.lists(
    st.one_of(
        *(
            st.builds(kind, st.integers(1, 3), OFFSETS.map(lambda n: noon("2025-01-10") + timedelta(n)))
            for kind in KINDS
        ),
        st.builds(
            ServiceEnded,
            st.integers(1, 3),
            OFFSETS.map(lambda n: noon("2025-01-10") + timedelta(n)),
            st.sampled_from(EndCause),
        ),
        st.builds(
            ShipmentFailed,
            st.integers(1, 3),
            OFFSETS.map(lambda n: noon("2025-01-10") + timedelta(n)),
            st.sampled_from(["lost", "refused", "returned"]),
        ),
    ),
    max_size=12,
)
SHIPMENTS = (
    FREE[0],
    REPLACEMENT,
    Shipped(3, noon("2025-08-01"), "unit-3", day("2025-01-10"), True, replaces=2, renews=True),
)


@given(EVENTS, st.randoms(use_true_random=False), OFFSETS)
def test_terms_and_quotes_do_not_depend_on_the_order_of_evidence(
    events: list[TermEvent], random: object, later: int
) -> None:
    history = [*SHIPMENTS, *events]
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    on = day("2025-01-10") + timedelta(later)
    assert fold(shuffled, POLICY, NEW_YORK) == fold(history, POLICY, NEW_YORK)
    assert quote(fold(shuffled, POLICY, NEW_YORK).values(), on) == quote(fold(history, POLICY, NEW_YORK).values(), on)


@given(EVENTS, OFFSETS)
def test_each_line_costs_nothing_or_the_fee_within_its_term_and_says_why(events: list[TermEvent], later: int) -> None:
    on = day("2025-01-10") + timedelta(later)
    for line in quote(fold([*SHIPMENTS, *events], POLICY, NEW_YORK).values(), on):
        assert line.fee in (ZERO, FIFTY)
        assert (line.fee == FIFTY) is (line.state is TermState.RUNNING)
        if line.fee:
            assert line.term_from is not None
            assert line.term_until is not None
            assert line.term_from <= on < line.term_until
        assert line.unit in line.reason


@given(EVENTS, OFFSETS)
def test_of_a_unit_and_its_received_replacement_at_most_one_costs_a_fee(events: list[TermEvent], later: int) -> None:
    on = day("2025-01-10") + timedelta(later)
    terms = fold([*SHIPMENTS, *events], POLICY, NEW_YORK)
    fees = {line.placement: line.fee for line in quote(terms.values(), on)}
    for old, new in ((1, 2), (2, 3)):
        receipt = terms[new].receipt
        if receipt is not None and receipt.on <= on:
            assert fees[old] == ZERO


@given(EVENTS, OFFSETS)
def test_a_waived_end_never_costs_anything(events: list[TermEvent], later: int) -> None:
    on = day("2025-01-10") + timedelta(later)
    terms = [t for t in fold([*SHIPMENTS, *events], POLICY, NEW_YORK).values() if t.service_ended_on is None]
    assert not [line for line in quote(terms, on, EndCause.OPERATOR) if line.fee]


@given(st.integers(0, 23), st.integers(0, 59))
def test_the_hour_of_an_end_does_not_matter_only_its_local_date(hour: int, minute: int) -> None:
    at = datetime(2025, 11, 2, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)
    assert one("2025-11-02", ServiceEnded(1, at, EndCause.ACCOUNT)).fee == FIFTY
    assert one("2025-11-03", ServiceEnded(1, at, EndCause.ACCOUNT)).state is TermState.ENDED
