"""The worked cases of equipment rules 3, written from the rules before the code."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.money import Money
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.quote import quote
from fleet.domain.term import (
    Activated,
    Delivered,
    Evidence,
    Receipt,
    Registered,
    ShipmentFailed,
    Shipped,
    TakenBack,
    Term,
    TermBasis,
    TermEvent,
    fold,
)

NEW_YORK = ZoneInfo("America/New_York")
POLICY = PolicyBook()
FIFTY, NOTHING = Money(5000), Money(0)


def noon(text: str) -> datetime:
    """Noon in New York on that day."""
    return datetime.combine(date.fromisoformat(text), datetime.min.time(), NEW_YORK).replace(hour=12)


def first_unit(number: int, day: str, *, free: bool = True, order_date: str | None = None) -> Shipped:
    return Shipped(number, noon(day), f"unit-{number}", date.fromisoformat(order_date or day), free)


def replacement(number: int, day: str, replaces: int, *, free: bool = True) -> Shipped:
    return Shipped(number, noon(day), f"unit-{number}", date(2020, 1, 1), free, replaces, renews=True)


def terms(*events: TermEvent) -> dict[int, Term]:
    return fold(events, POLICY, NEW_YORK)


def fees(day: str, *events: TermEvent) -> dict[str, Money]:
    return {line.unit: line.fee for line in quote(terms(*events).values(), date.fromisoformat(day))}


def span(term: Term) -> tuple[str, str]:
    assert term.begins is not None
    assert term.ends is not None
    return term.begins.isoformat(), term.ends.isoformat()


def test_a_first_units_term_starts_at_activation_and_ends_twelve_months_later_to_the_day() -> None:
    events = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-20"))
    assert span(terms(*events)[1]) == ("2025-01-20", "2026-01-20")
    assert fees("2026-01-19", *events) == {"unit-1": FIFTY}
    assert fees("2026-01-20", *events) == {"unit-1": NOTHING}


def test_a_unit_never_activated_starts_thirty_days_after_its_order_date() -> None:
    assert span(terms(first_unit(1, "2025-01-10"))[1]) == ("2025-02-09", "2026-02-09")


def test_a_late_activation_does_not_move_a_start_the_thirty_days_have_set() -> None:
    term = terms(first_unit(1, "2025-01-10"), Activated(1, noon("2025-03-01")))[1]
    assert span(term) == ("2025-02-09", "2026-02-09")
    assert term.basis is TermBasis.ORDER_DATE


def test_a_term_that_starts_on_29_february_ends_on_28_february() -> None:
    assert span(terms(first_unit(1, "2024-02-20"), Activated(1, noon("2024-02-29")))[1]) == ("2024-02-29", "2025-02-28")


def test_of_three_free_units_only_the_replacement_in_term_costs_a_fee() -> None:
    events = (
        first_unit(1, "2024-02-25"),
        Activated(1, noon("2024-03-01")),
        first_unit(2, "2024-02-25"),
        Activated(2, noon("2024-03-01")),
        first_unit(3, "2024-02-25"),
        Activated(3, noon("2024-03-01")),
        replacement(4, "2025-06-10", replaces=3),
        Delivered(4, noon("2025-06-15")),
    )
    due = fees("2025-07-01", *events)
    assert due == {"unit-1": NOTHING, "unit-2": NOTHING, "unit-3": NOTHING, "unit-4": FIFTY}
    assert sum(due.values(), NOTHING) == FIFTY


def test_an_old_unit_that_came_back_late_has_no_fee_beside_its_replacements_term() -> None:
    events = (
        first_unit(1, "2025-01-10"),
        Activated(1, noon("2025-01-20")),
        replacement(2, "2025-06-10", replaces=1),
        Registered(2, noon("2025-06-15")),
        TakenBack(1, noon("2025-08-30")),
    )
    assert terms(*events)[1].superseded_on == date(2025, 6, 15)
    assert fees("2025-07-01", *events) == {"unit-1": NOTHING, "unit-2": FIFTY}
    assert fees("2025-09-15", *events) == {"unit-1": NOTHING, "unit-2": FIFTY}


def test_a_bought_unit_and_its_replacement_never_have_a_term_nor_a_fee() -> None:
    events = (
        first_unit(1, "2025-01-10", free=False),
        Activated(1, noon("2025-01-20")),
        replacement(2, "2025-06-10", replaces=1, free=False),
        Registered(2, noon("2025-06-15")),
    )
    assert [term.begins for term in terms(*events).values()] == [None, None]
    assert fees("2025-07-01", *events) == {"unit-1": NOTHING, "unit-2": NOTHING}


def receipt_case(*evidence: TermEvent) -> Term:
    first = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-20"))
    return terms(*first, replacement(2, "2025-05-01", replaces=1), *evidence)[2]


def test_a_replacement_without_proof_starts_when_it_registers() -> None:
    term = receipt_case(Registered(2, noon("2025-05-06")))
    assert term.basis is TermBasis.RECEIPT
    assert span(term) == ("2025-05-06", "2026-05-06")
    assert term.receipt == Receipt(date(2025, 5, 6), Evidence.REGISTRATION)


def test_a_later_proof_of_delivery_does_not_move_the_receipt() -> None:
    term = receipt_case(Registered(2, noon("2025-05-06")), Delivered(2, noon("2025-05-09")))
    assert term.begins == date(2025, 5, 6)


def test_a_replacement_without_proof_that_registers_late_was_received_ten_days_after_it_shipped() -> None:
    term = receipt_case(Registered(2, noon("2025-05-20")))
    assert (term.begins, term.basis) == (date(2025, 5, 11), TermBasis.ASSUMED_RECEIPT)
    assert term.receipt == Receipt(date(2025, 5, 11), Evidence.NONE)


# Our own cases, from the same section.


def test_an_earlier_proof_of_delivery_that_turns_up_later_counts_in_any_order_of_arrival() -> None:
    proof, registered = Delivered(2, noon("2025-05-04")), Registered(2, noon("2025-05-06"))
    assert receipt_case(proof, registered).begins == receipt_case(registered, proof).begins == date(2025, 5, 4)


def test_evidence_of_the_tenth_day_itself_is_a_receipt_not_an_assumption() -> None:
    assert receipt_case(Registered(2, noon("2025-05-11"))).receipt == Receipt(date(2025, 5, 11), Evidence.REGISTRATION)


@pytest.mark.parametrize(
    ("delivered", "registered", "on", "evidence"),
    [
        (4, 6, 4, Evidence.DELIVERY),
        (6, 4, 4, Evidence.REGISTRATION),
        (6, 6, 6, Evidence.DELIVERY),
        (None, 6, 6, Evidence.REGISTRATION),
        (11, None, 11, Evidence.DELIVERY),
        (12, None, 11, Evidence.NONE),
        (12, 12, 11, Evidence.NONE),
        (11, 12, 11, Evidence.DELIVERY),
        (12, 11, 11, Evidence.REGISTRATION),
        (None, None, 11, Evidence.NONE),
    ],
)
def test_a_receipt_names_its_evidence(
    delivered: int | None, registered: int | None, on: int, evidence: Evidence
) -> None:
    proofs: list[TermEvent] = []
    if delivered is not None:
        proofs.append(Delivered(2, noon(f"2025-05-{delivered:02}")))
    if registered is not None:
        proofs.append(Registered(2, noon(f"2025-05-{registered:02}")))
    receipt = receipt_case(*proofs).receipt
    assert receipt == Receipt(date(2025, 5, on), evidence)
    assert receipt.assumed is (evidence is Evidence.NONE)


def test_an_activation_on_the_thirtieth_day_is_what_starts_the_term() -> None:
    term = terms(first_unit(1, "2025-01-10"), Activated(1, noon("2025-02-09")))[1]
    assert (term.begins, term.basis) == (date(2025, 2, 9), TermBasis.ACTIVATION)


def test_a_unit_shipped_on_the_thirtieth_day_starts_by_its_order_date() -> None:
    term = terms(first_unit(1, "2025-02-09", order_date="2025-01-10"))[1]
    assert (term.begins, term.basis) == (date(2025, 2, 9), TermBasis.ORDER_DATE)
    later = terms(first_unit(1, "2025-02-10", order_date="2025-01-10"))[1]
    assert (later.begins, later.basis) == (date(2025, 2, 10), TermBasis.SHIPMENT)


def test_of_evidence_that_comes_twice_the_earlier_counts() -> None:
    assert receipt_case(Delivered(2, noon("2025-05-06")), Delivered(2, noon("2025-05-04"))).begins == date(2025, 5, 4)
    assert receipt_case(Registered(2, noon("2025-05-04")), Registered(2, noon("2025-05-06"))).begins == date(2025, 5, 4)
    first = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-25")), Activated(1, noon("2025-01-20"))
    assert terms(*first)[1].begins == date(2025, 1, 20)
    back = TakenBack(1, noon("2025-03-09")), TakenBack(1, noon("2025-03-01"))
    assert terms(*first, *back)[1].in_hands_since == date(2025, 3, 1)


def test_a_registration_before_the_replacement_shipped_is_no_receipt() -> None:
    assert receipt_case(Registered(2, noon("2025-04-30"))).begins == date(2025, 5, 11)


def test_a_shipment_that_was_lost_has_no_receipt_and_the_old_term_runs_on() -> None:
    first = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-20"))
    folded = terms(*first, replacement(2, "2025-05-01", replaces=1), ShipmentFailed(2, noon("2025-05-08"), "lost"))
    assert folded[2].begins is None
    assert folded[1].superseded_on is None


def test_a_first_shipment_that_was_lost_has_no_term() -> None:
    assert terms(first_unit(1, "2025-01-10"), ShipmentFailed(1, noon("2025-01-20"), "lost"))[1].begins is None


def test_a_first_units_term_never_starts_before_it_shipped() -> None:
    assert terms(first_unit(1, "2025-04-01", order_date="2025-01-10"))[1].begins == date(2025, 4, 1)


def test_the_replaced_units_term_runs_until_the_first_instant_of_the_receipt_date() -> None:
    events = (
        first_unit(1, "2025-01-10"),
        Activated(1, noon("2025-01-20")),
        replacement(2, "2025-05-01", replaces=1),
        Delivered(2, noon("2025-05-06")),
    )
    assert fees("2025-05-05", *events) == {"unit-1": FIFTY, "unit-2": NOTHING}
    assert fees("2025-05-06", *events) == {"unit-1": NOTHING, "unit-2": FIFTY}


def test_the_replacement_of_a_replacement_leaves_one_term() -> None:
    events = (
        first_unit(1, "2025-01-10"),
        Activated(1, noon("2025-01-20")),
        replacement(2, "2025-05-01", replaces=1),
        Registered(2, noon("2025-05-06")),
        replacement(3, "2025-08-01", replaces=2),
        Registered(3, noon("2025-08-04")),
    )
    assert fees("2025-09-01", *events) == {"unit-1": NOTHING, "unit-2": NOTHING, "unit-3": FIFTY}
    assert span(terms(*events)[3]) == ("2025-08-04", "2026-08-04")


def test_a_repaired_unit_sent_back_starts_a_new_term_under_the_same_serial() -> None:
    events = (
        first_unit(1, "2025-01-10"),
        Activated(1, noon("2025-01-20")),
        TakenBack(1, noon("2025-03-01")),
        Shipped(2, noon("2025-03-10"), "unit-1", date(2025, 1, 10), True, replaces=1, renews=True),
        Delivered(2, noon("2025-03-14")),
    )
    assert span(terms(*events)[2]) == ("2025-03-14", "2026-03-14")


def test_a_unit_sent_for_a_wrong_item_counts_as_a_first_unit_of_the_original_order() -> None:
    sent = Shipped(2, noon("2025-01-20"), "unit-2", date(2025, 1, 10), True, replaces=1, renews=False)
    folded = terms(first_unit(1, "2025-01-10"), sent, Delivered(2, noon("2025-01-24")))
    assert span(folded[2]) == ("2025-02-09", "2026-02-09")
    assert folded[1].superseded_on == date(2025, 1, 24)


def test_a_unit_in_the_operators_hands_on_the_day_costs_nothing() -> None:
    events = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-20")), TakenBack(1, noon("2025-03-01"))
    assert fees("2025-02-28", *events) == {"unit-1": FIFTY}
    assert fees("2025-03-01", *events) == {"unit-1": NOTHING}


def test_a_term_that_has_not_begun_costs_nothing() -> None:
    assert fees("2025-02-08", first_unit(1, "2025-01-10")) == {"unit-1": NOTHING}


def test_a_replacement_on_its_way_is_warned_of() -> None:
    events = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-20")), replacement(2, "2025-05-01", replaces=1)
    lines = quote(terms(*events).values(), date(2025, 5, 5))
    assert [line.fee for line in lines] == [FIFTY, NOTHING]
    assert "unit-2" in lines[0].warning
    assert "2025-05-11" in lines[1].reason


def test_the_day_of_an_event_is_the_operators_not_utcs() -> None:
    late_evening = datetime(2025, 1, 21, 4, 59, tzinfo=UTC)  # 23:59 on the 20th in New York
    assert terms(first_unit(1, "2025-01-10"), Activated(1, late_evening))[1].begins == date(2025, 1, 20)


@pytest.mark.parametrize(
    ("instant", "day"),
    [("2025-03-09T04:59:59+00:00", "2025-03-08"), ("2025-03-10T03:59:59+00:00", "2025-03-09")],
)
def test_daylight_saving_nights_keep_their_local_date(instant: str, day: str) -> None:
    activated = Activated(1, datetime.fromisoformat(instant))
    assert terms(first_unit(1, "2025-03-01"), activated)[1].begins == date.fromisoformat(day)


def test_term_and_fee_are_those_in_force_on_the_order_date_and_a_replacements_on_its_ship_date() -> None:
    book = PolicyBook(
        (
            PolicyValue(PolicyName.MINIMUM_TERM_MONTHS, date(2025, 3, 1), 24),
            PolicyValue(PolicyName.REIMBURSEMENT_FEE_CENTS, date(2025, 3, 1), 7500),
        )
    )
    events = (
        first_unit(1, "2025-04-01", order_date="2025-02-28"),
        replacement(2, "2025-05-01", replaces=1),
        Registered(2, noon("2025-05-02")),
    )
    folded = fold(events, book, NEW_YORK)
    assert (folded[1].months, folded[1].fee) == (12, FIFTY)
    assert (span(folded[2]), folded[2].fee) == (("2025-05-02", "2027-05-02"), Money(7500))


def test_every_line_gives_its_reason_in_words() -> None:
    events = first_unit(1, "2025-01-10"), Activated(1, noon("2025-01-20"))
    (due,) = quote(terms(*events).values(), date(2025, 6, 1))
    assert due.reason == (
        "The minimum equipment term of unit-1 runs from 2025-01-20 (its activation) to 2026-01-20 and is not over "
        "on 2025-06-01: $50.00."
    )
    (over,) = quote(terms(*events).values(), date(2026, 1, 20))
    assert over.reason == "The minimum equipment term of unit-1, from 2025-01-20, was over on 2026-01-20."


def test_an_event_of_an_unknown_placement_is_refused() -> None:
    with pytest.raises(InvalidError, match="placement 9"):
        terms(first_unit(1, "2025-01-10"), Activated(9, noon("2025-01-20")))


def test_a_replacement_of_an_unknown_placement_is_refused() -> None:
    with pytest.raises(InvalidError, match="placement 9"):
        terms(replacement(1, "2025-01-10", replaces=9))


def test_the_order_in_which_facts_arrive_does_not_matter() -> None:
    events = [
        first_unit(1, "2025-01-10"),
        Activated(1, noon("2025-01-20")),
        replacement(2, "2025-05-01", replaces=1),
        Registered(2, noon("2025-05-06")),
        Delivered(2, noon("2025-05-05")),
        TakenBack(1, noon("2025-05-20")),
    ]
    assert terms(*events) == dict(sorted(terms(*reversed(events)).items()))


def test_the_days_of_a_start_are_those_of_the_order_and_of_a_receipt_those_of_the_shipment() -> None:
    def book(name: PolicyName, since: str) -> PolicyBook:
        return PolicyBook((PolicyValue(name, date.fromisoformat(since), 5),))

    def begins(number: int, policy: PolicyBook) -> date | None:
        sent = first_unit(1, "2025-01-10"), replacement(2, "2025-05-01", 1)
        return fold(sent, policy, NEW_YORK)[number].begins

    starts, receipts = PolicyName.START_WITHOUT_ACTIVATION_DAYS, PolicyName.ASSUMED_RECEIPT_DAYS
    assert begins(1, book(starts, "2025-01-10")) == date(2025, 1, 15)
    assert begins(1, book(starts, "2025-01-11")) == date(2025, 2, 9)
    assert begins(2, book(receipts, "2025-05-01")) == date(2025, 5, 6)
    assert begins(2, book(receipts, "2025-05-02")) == date(2025, 5, 11)


def test_of_several_activations_the_first_counts_in_whatever_order_they_become_known() -> None:
    early, late = Activated(1, noon("2025-01-20")), Activated(1, noon("2025-01-25"))
    for order in ((early, late), (late, early)):
        assert span(terms(first_unit(1, "2025-01-10"), *order)[1]) == ("2025-01-20", "2026-01-20")


def test_a_unit_that_left_late_in_the_evening_left_that_day() -> None:
    left = datetime(2025, 1, 11, 4, 30, tzinfo=UTC)  # 23:30 of the 10th in New York
    sent = Shipped(1, left, "unit-1", date(2024, 11, 1), True)
    assert terms(sent)[1].shipped_on == date(2025, 1, 10)
    assert span(terms(sent)[1]) == ("2025-01-10", "2026-01-10")
