"""The Minimum Equipment Term and what it costs: the table of section 3, row by row, then its sentences."""

import pytest

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import BOUGHT, FREE, Story, day
from tests.equipment_oracle.terms import Basis, Why

FEE = (5000, Why.IN_TERM)


def free_unit(activated: str = "2025-01-20", ordered: str = "2025-01-10") -> Story:
    story = Story().order(ordered).ship(ordered)
    return story.activate(activated) if activated else story


def defect_replaced(shipped: str = "2025-05-01") -> Story:
    return free_unit().rma("2025-04-28").replace(shipped, "B")


# --- The table -----------------------------------------------------------------------------------------------------


def test_row_1_a_free_unit_is_bound_from_activation_for_a_year():
    story = free_unit()
    assert (story.term().begins, story.term().ends) == (day("2025-01-20"), day("2026-01-20"))
    assert story.quoted("2026-01-19")["A"] == FEE
    assert story.quoted("2026-01-20")["A"] == (0, Why.OVER)


def test_row_2_never_activated_binds_30_days_after_the_order():
    term = free_unit(activated="").term()
    assert (term.begins, term.basis) == (day("2025-02-09"), Basis.ORDER_DATE)


def test_row_3_a_late_activation_changes_nothing():
    assert free_unit(activated="2025-03-01").term().begins == day("2025-02-09")


def test_row_4_a_leap_day_ends_on_28_february():
    assert free_unit(activated="2024-02-29", ordered="2024-02-20").term().ends == day("2025-02-28")


def test_row_5_only_the_replacement_is_in_term():
    lines = [ev.OrderLine(line=name, ownership=ev.Ownership.PROVIDED) for name in ("1", "2", "3")]
    story = Story().order("2024-02-20", *lines)
    for number, unit in enumerate(("A", "C", "D"), 1):
        story.ship("2024-02-21", unit, line=str(number))
    for unit in ("A", "C", "D"):
        story.activate("2024-03-01", unit)
    story.rma("2025-06-10").replace("2025-06-12", "B").deliver("2025-06-15", "B")
    story.cancel("2025-06-17", asked_for="2025-07-01").wait("2025-07-01")
    assert [line for line in story.money() if "fee" in line[0]] == [
        ("charge: equipment_reimbursement_fee", "B", 5000, "2025-07-01")
    ]


def test_row_6_an_old_unit_that_comes_back_late_owes_no_fee():
    story = defect_replaced().deliver("2025-05-04", "B").scan("2025-05-30").receive("2025-06-03")
    assert story.term("A").superseded_on == day("2025-05-04")
    assert story.quoted("2025-06-10")["A"][0] == 0
    assert story.quoted("2025-06-10")["B"] == FEE


def test_row_7_a_bought_unit_never_has_a_term_nor_has_its_replacement():
    story = Story().order("2025-01-10", BOUGHT).ship("2025-01-10").activate("2025-01-12")
    story.rma("2025-02-01").replace("2025-02-03", "B").deliver("2025-02-06", "B")
    assert set(story.quoted("2025-03-01").values()) == {(0, Why.CUSTOMER_EQUIPMENT)}


def test_row_8_a_registration_is_the_receipt():
    term = defect_replaced().register("2025-05-06", "B").term("B")
    assert (term.begins, term.basis) == (day("2025-05-06"), Basis.REGISTRATION)


def test_row_9_a_later_proof_does_not_move_it():
    story = defect_replaced().register("2025-05-06", "B").deliver("2025-05-09", "B", known="2025-06-01")
    assert story.term("B").begins == day("2025-05-06")


def test_row_10_with_nothing_for_10_days_the_receipt_is_assumed():
    story = defect_replaced().register("2025-05-20", "B")
    assert (story.term("B").begins, story.term("B").basis) == (day("2025-05-11"), Basis.ASSUMED)


# --- 3.1: which Units are bound --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "why"),
    [
        ({}, Why.IN_TERM),
        ({"one_off_cents": 3995, "credits_cents": 3995}, Why.IN_TERM),
        ({"one_off_cents": 3995, "credits_cents": 3994}, Why.NOT_WITHOUT_CHARGE),
        ({"recurring_cents": 1}, Why.NOT_WITHOUT_CHARGE),
        ({"shipping_and_handling_cents": 995, "support_cents": 500}, Why.IN_TERM),
    ],
)
@pytest.mark.parametrize("ownership", [ev.Ownership.PROVIDED, ev.Ownership.LEASED])
def test_operator_equipment_without_charge_is_bound(amounts: dict[str, int], why: Why, ownership: ev.Ownership):
    line = ev.OrderLine(line="1", ownership=ownership, **amounts)
    story = Story().order("2025-01-10", line).ship("2025-01-10").activate("2025-01-20")
    assert story.quoted("2025-06-01")["A"][1] is why


def test_a_unit_brought_along_for_nothing_is_not_bound():
    line = ev.OrderLine(line="1", ownership=ev.Ownership.CUSTOMER)
    assert Story().order("2025-01-10", line).ship("2025-01-10").quoted("2025-06-01")["A"] == (0, Why.CUSTOMER_EQUIPMENT)


def test_a_shipment_the_carrier_lost_binds_nobody_and_the_next_one_does():
    story = Story().order("2025-01-10").ship("2025-01-10")
    story.tell(ev.CarrierFailed, "2025-01-14", shipment="A", outcome=ev.CarrierOutcome.LOST).ship("2025-02-20", "B")
    assert story.quoted("2025-03-01")["A"] == (0, Why.NEVER_RECEIVED)
    assert (story.term("B").begins, story.term("B").basis) == (day("2025-02-20"), Basis.SHIPPED)


# --- 3.2 and 3.3: when a term runs ---------------------------------------------------------------------------------


def test_an_activation_on_the_30th_day_is_the_activation():
    term = free_unit(activated="2025-02-09").term()
    assert (term.begins, term.basis) == (day("2025-02-09"), Basis.ACTIVATION)


def test_a_term_never_begins_before_the_unit_shipped():
    assert Story().order("2025-01-10").ship("2025-03-05").term().begins == day("2025-03-05")


def test_the_local_date_of_an_activation_late_at_night_counts():
    assert free_unit(activated="2025-01-20T23:59").term().begins == day("2025-01-20")


def test_a_wrong_item_replacement_counts_as_a_first_unit_of_the_order():
    story = (
        free_unit().rma("2025-01-22", kind=ev.Kind.WRONG_ITEM).replace("2025-01-24", "B").activate("2025-01-27", "B")
    )
    assert (story.term("B").begins, story.term("B").basis) == (day("2025-01-27"), Basis.ACTIVATION)
    assert story.term("A").superseded_on == day("2025-01-27")


def test_a_repaired_unit_sent_back_starts_a_new_year_at_receipt():
    story = free_unit().rma("2025-04-28", mode=ev.Mode.ON_RECEIPT).receive("2025-05-05")
    story.inspect("2025-05-06", ev.Finding.DEFECT).send_back("2025-05-07", "A2").deliver("2025-05-10", "A2")
    assert (story.term("A2").begins, story.term("A2").ends) == (day("2025-05-10"), day("2026-05-10"))
    assert story.term("A").superseded_on == day("2025-05-10")


def test_until_receipt_the_old_term_runs_and_from_its_first_instant_the_new_one():
    story = defect_replaced().deliver("2025-05-04", "B")
    assert story.quoted("2025-05-03") == {"A": FEE, "B": (0, Why.NOT_BEGUN)}
    assert story.quoted("2025-05-04") == {"A": (0, Why.SUPERSEDED), "B": FEE}


def test_a_replacement_of_a_replacement_supersedes_it():
    story = defect_replaced().deliver("2025-05-04", "B")
    story.rma("2025-08-01", "B", "r2").replace("2025-08-02", "C", "r2").deliver("2025-08-05", "C")
    assert {name: why for name, (_, why) in story.quoted("2025-09-01").items()} == {
        "A": Why.SUPERSEDED,
        "B": Why.SUPERSEDED,
        "C": Why.IN_TERM,
    }


def test_registrations_in_the_warehouse_never_count():
    story = defect_replaced().tell(ev.Registered, "2025-05-02", serial="B", place=ev.Place.WAREHOUSE)
    assert story.term("B").basis is Basis.ASSUMED


def test_a_lost_replacement_gives_the_old_term_back():
    story = defect_replaced().tell(ev.CarrierFailed, "2025-05-08", shipment="B", outcome=ev.CarrierOutcome.LOST)
    assert story.term("A").superseded_on is None
    assert story.quoted("2025-06-01") == {"A": FEE, "B": (0, Why.NEVER_RECEIVED)}


def test_evidence_known_later_counts_from_when_it_happened():
    story = defect_replaced().wait("2025-05-20")
    assert story.term("B").begins == day("2025-05-11")
    assert story.deliver("2025-05-09", "B", known="2025-05-20").term("B").begins == day("2025-05-09")


def test_length_and_fee_are_those_of_the_order_date_and_a_replacements_of_its_ship_date():
    story = Story().tell(
        ev.PolicySet, "2025-01-01", policy=ev.Policy.MINIMUM_TERM_MONTHS, value=24, effective=day("2025-03-01")
    )
    story.tell(
        ev.PolicySet, "2025-01-01", policy=ev.Policy.REIMBURSEMENT_FEE_CENTS, value=7000, effective=day("2025-03-01")
    )
    story.order("2025-02-28", FREE).ship("2025-03-05").activate("2025-03-06")
    assert (story.term().ends, story.quoted("2025-04-01")["A"][0]) == (day("2026-03-06"), 5000)
    story.rma("2025-05-01").replace("2025-05-02", "B").deliver("2025-05-04", "B")
    assert (story.term("B").ends, story.quoted("2025-06-01")["B"][0]) == (day("2027-05-04"), 7000)


def test_a_replacement_on_its_way_is_warned_of_until_it_is_received():
    story = defect_replaced()
    assert [line.replacement_on_its_way for line in story.oracle.quote(day("2025-05-02"))] == [True, False]
    story.deliver("2025-05-04", "B")
    assert [line.replacement_on_its_way for line in story.oracle.quote(day("2025-05-05"))] == [False, False]
