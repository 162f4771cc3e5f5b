"""What the Account owes, and what it gets back: sections 3.4, 3.5, 4 and 5 as charge events."""

import pytest

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.charges import ChargeKind
from tests.equipment_oracle.telling import BOUGHT, FREE, LEASED, Story, day
from tests.equipment_oracle.terms import Why

FEE = "charge: equipment_reimbursement_fee"
FEE_CREDIT = "credit: equipment_reimbursement_fee"
OVERDUE = "charge: replacement_value_overdue"
OVERDUE_CREDIT = "credit: replacement_value_overdue"
DAMAGE = "charge: replacement_value_damage"
SHIPPING = "charge: shipping_and_handling"
TRIAL = "refund: trial_return_refund"
ANNUAL = "refund: annual_plan_refund"


def unit(line: ev.OrderLine = FREE) -> Story:
    return Story().order("2025-01-10", line).ship("2025-01-10").activate("2025-01-20")


def fees(story: Story) -> list[tuple[str, str, int, str]]:
    return [line for line in story.money() if "shipping" not in line[0]]


# --- 3.4: the fee, and when there is none --------------------------------------------------------------------------


def test_the_fee_is_charged_once_when_service_ends():
    story = unit().cancel("2025-03-04").wait("2025-03-07T23:59:59")
    assert story.money() == []
    assert story.wait("2025-03-08T00:00").money() == [(FEE, "A", 5000, "2025-03-08")]
    assert len(story.wait("2027-01-01").money()) == 1


@pytest.mark.parametrize(("ends", "owed"), [("2026-01-19", 1), ("2026-01-20", 0)])
def test_the_term_is_over_at_the_first_instant_of_its_last_day(ends: str, owed: int):
    assert len(unit().cancel("2025-12-01", asked_for=ends).wait("2026-02-01").money()) == owed


def test_each_unit_owes_its_own_fee():
    lines = [ev.OrderLine(line=name, ownership=ev.Ownership.PROVIDED) for name in ("1", "2")]
    story = Story().order("2025-01-10", *lines).ship("2025-01-10").ship("2025-01-11", "B", "2")
    story.cancel("2025-03-04").wait("2025-04-01")
    assert [line[1:3] for line in story.money()] == [("A", 5000), ("B", 5000)]


def test_the_operator_who_ends_it_without_a_breach_is_owed_nothing():
    assert unit().tell(ev.Terminated, "2025-03-04", breach=None).money() == []


def test_the_operator_who_ends_it_for_a_breach_is_owed_the_fee():
    story = unit().warn_unpaid("2025-03-04").end_all("2025-03-12T00:00")
    assert story.money() == [(FEE, "A", 5000, "2025-03-12")]


def test_removing_the_last_line_ends_the_service_of_that_unit_only():
    lines = [ev.OrderLine(line=name, ownership=ev.Ownership.PROVIDED) for name in ("1", "2")]
    story = Story().order("2025-01-10", *lines).ship("2025-01-10").ship("2025-01-11", "B", "2")
    assert story.remove_line("2025-03-04", "B").money() == [(FEE, "B", 5000, "2025-03-04")]


def test_a_unit_in_the_operators_hands_owes_nothing():
    story = unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04").remove_line("2025-03-04T23:00")
    assert story.money() == []


@pytest.mark.parametrize(("ends", "owed"), [("2025-03-10T20:00", []), ("2025-03-11T00:00", ["A"])])
def test_a_unit_is_in_the_operators_hands_on_the_day_it_leaves_repaired(ends: str, owed: list[str]):
    story = unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04")
    story.inspect("2025-03-09", ev.Finding.DEFECT).send_back("2025-03-10", "A2").remove_line(ends)
    assert [line[1] for line in fees(story)] == owed


def test_a_repaired_unit_lost_on_its_way_back_has_not_left():
    story = unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04")
    story.inspect("2025-03-09", ev.Finding.DEFECT).send_back("2025-03-10", "A2")
    story.tell(ev.CarrierFailed, "2025-03-12", shipment="A2", outcome=ev.CarrierOutcome.LOST)
    assert fees(story.cancel("2025-03-13").wait("2025-05-01")) == []


def test_a_unit_under_an_rma_that_has_not_come_back_owes_it():
    story = unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).scan("2025-03-03").remove_line("2025-03-04")
    assert story.money() == [(FEE, "A", 5000, "2025-03-04")]


def test_a_blind_return_frees_only_once_it_is_matched():
    story = unit().receive("2025-03-03", rma="").remove_line("2025-03-04T23:00", "A")
    assert story.money() == [(FEE, "A", 5000, "2025-03-04")]


@pytest.mark.parametrize(("since", "owed"), [("2025-02-02", 1), ("2025-02-03", 0)])
def test_the_waiver_for_a_change_is_told_within_30_days(since: str, owed: int):
    story = unit().cancel("2025-03-05")
    claim = {"notice": "n", "waiver": ev.Waiver.DIMINISHED, "since": day(since)}
    refused = story.refuses(ev.WaiverClaimed, "2025-03-05", **claim)
    assert (refused is not None) == bool(owed)
    if refused is None:
        story.tell(ev.WaiverClaimed, "2025-03-05", **claim)
    assert len(story.wait("2025-04-01").money()) == owed


@pytest.mark.parametrize(("since", "allowed"), [("2025-02-23", False), ("2025-02-22", True)])
def test_the_waiver_for_force_majeure_needs_more_than_10_days(since: str, allowed: bool):
    story = unit().cancel("2025-03-05")
    claim = {"notice": "n", "waiver": ev.Waiver.FORCE_MAJEURE, "since": day(since)}
    assert (story.refuses(ev.WaiverClaimed, "2025-03-05", **claim) is None) == allowed


def test_a_waiver_claimed_after_the_end_credits_the_fee():
    story = unit().cancel("2025-03-04").wait("2025-03-10")
    story.tell(ev.WaiverClaimed, "2025-03-10", notice="n", waiver=ev.Waiver.DIMINISHED, since=day("2025-03-01"))
    assert story.money()[-1] == (FEE_CREDIT, "A", 5000, "2025-03-10")
    assert story.oracle.charges()[-1].credited == 1


def test_port_out_ends_nothing_and_owes_nothing():
    story = unit().tell(ev.PortedOut, "2025-03-04", number="+12125550100").wait("2025-06-01")
    assert story.money() == []
    assert story.oracle.service_end("A") is None


# --- 3.5: never both, and later evidence only lowers ---------------------------------------------------------------


def test_fee_and_replacement_value_count_towards_each_other():
    story = unit(LEASED).cancel("2025-03-04").wait("2025-03-19")
    assert story.money() == [(FEE, "A", 5000, "2025-03-08"), (OVERDUE, "A", 1500, "2025-03-19")]


def test_a_unit_with_its_value_charged_owes_no_fee():
    story = unit().rma("2025-02-01").replace("2025-02-02", "B")
    story.tell(ev.CarrierFailed, "2025-02-05", shipment="B", outcome=ev.CarrierOutcome.LOST)
    story.replace("2025-02-20", "C").remove_line("2025-02-21")
    assert [line[:3] for line in fees(story)] == [(OVERDUE, "A", 6500)]
    assert story.quoted("2025-02-22")["A"][0] == 0


def test_a_value_credited_after_the_end_brings_no_fee_back():
    story = unit().rma("2025-02-01").replace("2025-02-12", "B").remove_line("2025-02-13")
    assert fees(story) == [(OVERDUE, "A", 6500, "2025-02-12")]
    story.scan("2025-02-05", known="2025-02-14")
    assert fees(story)[1:] == [(OVERDUE_CREDIT, "A", 6500, "2025-02-14")]


def test_a_replacement_lost_after_the_end_credits_value_and_fee():
    story = unit().rma("2025-02-01").replace("2025-02-02", "B").wait("2025-02-12T00:00").remove_line("2025-02-12")
    assert [line[:3] for line in fees(story)] == [(OVERDUE, "A", 6500), (FEE, "B", 5000)]
    story.tell(ev.CarrierFailed, "2025-02-13", shipment="B", outcome=ev.CarrierOutcome.LOST)
    assert [line[:3] for line in fees(story)[2:]] == [(OVERDUE_CREDIT, "A", 6500), (FEE_CREDIT, "B", 5000)]


def test_a_replacement_received_after_the_end_owes_nothing():
    story = unit().rma("2025-03-01").replace("2025-03-02", "B").remove_line("2025-03-04").deliver("2025-03-05", "B")
    assert fees(story) == [(FEE, "A", 5000, "2025-03-04")]
    assert fees(story.cancel("2025-03-06").wait("2025-03-10"))[1:] == []


def test_a_receipt_learnt_later_credits_the_replaced_units_fee():
    story = unit().rma("2025-03-01").replace("2025-03-02", "B").remove_line("2025-03-06")
    story.deliver("2025-03-05", "B", known="2025-03-09")
    assert fees(story) == [(FEE, "A", 5000, "2025-03-06"), (FEE_CREDIT, "A", 5000, "2025-03-09")]


def test_an_earlier_activation_learnt_later_credits_a_term_that_was_over():
    story = Story().order("2025-01-10").ship("2025-01-10").cancel("2026-01-20", asked_for="2026-02-01")
    assert story.wait("2026-02-02").money() == [(FEE, "A", 5000, "2026-02-01")]
    story.activate("2025-01-20", known="2026-02-03")
    assert story.money()[-1] == (FEE_CREDIT, "A", 5000, "2026-02-03")


def test_evidence_learnt_later_never_raises_what_was_decided():
    story = Story().order("2025-01-10").ship("2025-01-10").remove_line("2025-01-25")
    assert story.money() == []
    assert story.activate("2025-01-20", known="2025-01-30").money() == []
    assert story.quoted("2025-02-01")["A"] == (0, Why.ALREADY_ENDED)


# --- 4: replacement value ------------------------------------------------------------------------------------------


def advance() -> Story:
    return unit().rma("2025-03-01").replace("2025-03-02", "B").deliver("2025-03-05", "B")


@pytest.mark.parametrize(("scanned", "owed"), [("2025-03-11T23:59", False), ("2025-03-12T00:00", True)])
def test_the_carriers_acceptance_on_the_10th_day_is_in_time(scanned: str, owed: bool):
    assert (OVERDUE in [line[0] for line in advance().scan(scanned).wait("2025-04-01").money()]) == owed


def test_an_advance_replaced_unit_kept_is_charged_after_the_whole_10th_day():
    assert fees(advance().wait("2025-03-12T00:00")) == [(OVERDUE, "A", 6500, "2025-03-12")]


@pytest.mark.parametrize(("received", "credited"), [("2025-03-16", True), ("2025-03-17", False)])
def test_without_a_scan_receipt_within_5_more_days_is_in_time(received: str, credited: bool):
    story = advance().receive(received)
    assert (OVERDUE_CREDIT in [line[0] for line in story.money()]) == credited


def test_a_scan_learnt_later_credits_the_charge():
    story = advance().wait("2025-03-20").scan("2025-03-10", known="2025-03-20")
    assert fees(story)[-1] == (OVERDUE_CREDIT, "A", 6500, "2025-03-20")


@pytest.mark.parametrize(("received", "credited"), [("2025-04-11", True), ("2025-04-12", False)])
def test_a_late_return_is_credited_in_full_within_30_days_if_sound(received: str, credited: bool):
    story = advance().receive(received).inspect("2025-04-20", ev.Finding.DEFECT)
    assert (OVERDUE_CREDIT in [line[0] for line in story.money()]) == credited


def test_an_rma_denied_before_does_not_stand_in_the_way_of_the_credit():
    story = unit().tell(ev.RmaOpened, "2025-02-01", rma="d", serial="A", kind=ev.Kind.DEFECT)
    story.tell(ev.RmaDenied, "2025-02-02", rma="d").rma("2025-03-01").replace("2025-03-02", "B")
    assert fees(story.receive("2025-03-25").inspect("2025-03-26"))[-1] == (OVERDUE_CREDIT, "A", 6500, "2025-03-26")


def test_a_late_return_that_is_damaged_is_neither_credited_nor_charged_again():
    story = advance().receive("2025-03-25").inspect("2025-03-26", ev.Finding.DAMAGED)
    assert fees(story) == [(OVERDUE, "A", 6500, "2025-03-12")]


def test_damage_by_the_account_is_charged_at_inspection():
    story = unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-05")
    assert story.inspect("2025-03-07", ev.Finding.DAMAGED).money() == [(DAMAGE, "A", 6500, "2025-03-07")]


def test_nobody_pays_for_their_own_unit_but_one_that_was_replaced_in_advance_and_stays_away():
    on_receipt = unit(BOUGHT).rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).wait("2025-05-01")
    on_receipt.receive("2025-05-02").inspect("2025-05-03", ev.Finding.DAMAGED)
    assert on_receipt.money() == []
    story = unit(BOUGHT).rma("2025-03-01").replace("2025-03-02", "B").wait("2025-05-01")
    assert story.money() == [(OVERDUE, "A", 6500, "2025-03-12")]
    story = unit(BOUGHT).rma("2025-03-01").replace("2025-03-02", "B").scan("2025-03-03")
    assert story.receive("2025-03-05").inspect("2025-03-06", ev.Finding.DAMAGED).money() == []


@pytest.mark.parametrize("kind", [ev.Kind.WRONG_ITEM, ev.Kind.TRIAL_RETURN])
def test_only_a_defect_asks_who_caused_it(kind: ev.Kind):
    story = unit().rma("2025-02-01", kind=kind, mode=ev.Mode.ON_RECEIPT).receive("2025-02-05")
    assert story.inspect("2025-02-06", ev.Finding.DAMAGED).money() == []


def test_a_unit_in_the_grace_gives_the_value_back_and_pays_it_again_if_it_is_spoilt():
    story = unit().rma("2025-03-01").replace("2025-03-02", "B").receive("2025-03-14")
    story.inspect("2025-03-15", ev.Finding.DAMAGED)
    assert [line[:3] for line in fees(story)] == [
        (OVERDUE, "A", 6500),
        (OVERDUE_CREDIT, "A", 6500),
        (DAMAGE, "A", 6500),
    ]


def test_the_owner_of_a_unit_pays_no_shipping():
    assert unit(BOUGHT).rma("2025-03-01").replace("2025-03-02", "B").money() == []


def test_a_leased_unit_sent_back_after_a_late_charge_leaves_only_the_fee():
    story = unit(LEASED).cancel("2025-03-04").receive("2025-03-30", rma="cancellation:A")
    story.inspect("2025-03-31", rma="cancellation:A")
    assert [line[:3] for line in story.money()] == [(FEE, "A", 5000), (OVERDUE, "A", 1500), (OVERDUE_CREDIT, "A", 1500)]


def test_shipping_and_handling_is_charged_once_for_a_defect_and_not_for_a_wrong_item():
    story = unit().rma("2025-03-01").replace("2025-03-02", "B")
    story.tell(ev.CarrierFailed, "2025-03-03", shipment="B", outcome=ev.CarrierOutcome.LOST).replace("2025-03-04", "C")
    assert story.money() == [(SHIPPING, "r", 995, "2025-03-02")]
    assert unit().rma("2025-03-01", kind=ev.Kind.WRONG_ITEM).replace("2025-03-02", "B").money() == []


# --- 4 and 5: refunds ----------------------------------------------------------------------------------------------


def trial(scanned: str = "2025-02-10", line: ev.OrderLine = BOUGHT) -> Story:
    story = unit(line).cancel("2025-02-01").rma("2025-02-03", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT)
    return story.scan(scanned).receive("2025-02-20")


def test_a_trial_return_gives_the_price_back_less_the_restocking_fee():
    assert trial().inspect("2025-02-21").money() == [(TRIAL, "r", 2995, "2025-02-21")]


@pytest.mark.parametrize(("paid", "credit", "back"), [(3995, 1000, 1995), (3995, 2995, 0), (3995, 3995, 0)])
def test_the_price_back_is_what_was_paid_and_never_less_than_nothing(paid: int, credit: int, back: int):
    line = ev.OrderLine(line="1", ownership=ev.Ownership.CUSTOMER, one_off_cents=paid, credits_cents=credit)
    assert sum(cents for _, _, cents, _ in trial(line=line).inspect("2025-02-21").money()) == back


@pytest.mark.parametrize(("scanned", "refunded"), [("2025-02-15T23:59", True), ("2025-02-16T00:00", False)])
def test_a_trial_return_ships_within_14_days_of_the_notice(scanned: str, refunded: bool):
    assert bool(trial(scanned).inspect("2025-02-21").money()) == refunded


@pytest.mark.parametrize("miss", [{"finding": ev.Finding.DAMAGED}, {"complete": False}])
def test_a_trial_return_not_in_original_condition_just_loses_the_refund(miss: dict[str, object]):
    assert trial().inspect("2025-02-21", **miss).money() == []  # type: ignore[arg-type]


def test_a_trial_unit_with_a_defect_of_its_own_is_in_its_original_condition():
    assert [cents for _, _, cents, _ in trial().inspect("2025-02-21", ev.Finding.DEFECT).money()] == [2995]


def test_a_timely_trial_return_of_a_free_unit_takes_the_fee_back():
    story = trial(line=FREE).inspect("2025-02-21")
    assert [line[0] for line in story.money()] == [FEE, FEE_CREDIT]


def test_the_reconnect_fee_is_charged_at_reactivation():
    story = unit().tell(ev.Suspended, "2025-03-01", why=ev.Suspension.NON_PAYMENT)
    story.tell(ev.Reactivated, "2025-03-05", paid_in_full=True, reconnect_fee_paid=True)
    assert story.money() == [("charge: reconnect_fee", "", 1500, "2025-03-05")]


def annual(price: int = 36500) -> Story:
    return Story().order("2025-01-10", BOUGHT, plan=ev.Plan.ANNUAL, cents=price).ship("2025-01-10")


def test_an_annual_plan_pays_unused_days_back_the_end_date_unused():
    story = annual().activate("2025-01-20").cancel("2025-02-09", asked_for="2025-02-19").wait("2025-02-19T00:00")
    assert story.money() == [(ANNUAL, "o1", 36500 - 30 * 100, "2025-02-19")]


def test_a_date_asked_for_after_the_paid_period_pays_nothing_back():
    story = annual().activate("2025-01-20").cancel("2025-02-01", asked_for="2026-01-20")
    assert story.wait("2026-02-01").money() == []


def test_notice_after_order_date_and_30_days_pays_nothing_back():
    assert annual().activate("2025-01-20").cancel("2025-02-10").wait("2025-03-01").money() == []


def test_without_activation_the_paid_period_starts_with_the_term():
    story = annual().cancel("2025-02-09").wait("2025-02-13T00:00")  # the Term began on the 9th
    assert story.money() == [(ANNUAL, "o1", 36500 - 4 * 100, "2025-02-13")]


@pytest.mark.parametrize("breach", [None, ev.Breach.UNPAID])
def test_an_annual_plan_the_operator_ends_pays_nothing_back(breach: ev.Breach | None):
    story = annual().activate("2025-01-12").warn_unpaid("2025-01-13")
    assert story.tell(ev.Terminated, "2025-01-25", breach=breach).money() == []


def test_the_paid_period_starts_with_the_first_activation_of_the_order():
    lines = [ev.OrderLine(line=name, ownership=ev.Ownership.CUSTOMER) for name in ("1", "2")]
    story = Story().order("2025-01-10", *lines, plan=ev.Plan.ANNUAL, cents=36500)
    story.ship("2025-01-11").ship("2025-01-11", "B", "2").activate("2025-01-15").activate("2025-01-18", "B")
    assert story.cancel("2025-02-04").wait("2025-03-01").money() == [(ANNUAL, "o1", 36500 - 24 * 100, "2025-02-08")]


def test_an_annual_refund_is_due_when_the_last_service_of_the_order_ends():
    lines = [ev.OrderLine(line=name, ownership=ev.Ownership.CUSTOMER) for name in ("1", "2")]
    story = Story().order("2025-01-10", *lines, plan=ev.Plan.ANNUAL, cents=36500)
    story.ship("2025-01-11").ship("2025-01-11", "B", "2").activate("2025-01-15").cancel("2025-01-16", serials=("A",))
    assert story.cancel("2025-02-04", name="m").wait("2025-02-07T23:59").money() == []
    assert story.wait("2025-02-08T00:00").money() == [(ANNUAL, "o1", 36500 - 24 * 100, "2025-02-08")]


def test_an_activation_of_another_order_does_not_start_the_paid_period():
    story = annual().order("2025-01-11", BOUGHT, plan=ev.Plan.ANNUAL, cents=0).ship("2025-01-12", "B", order="o2")
    story.activate("2025-01-15", "B").cancel("2025-02-09").wait("2025-03-01")
    assert story.money() == [(ANNUAL, "o1", 36500 - 4 * 100, "2025-02-13")]


def test_a_refund_is_half_up_to_the_cent_of_a_leap_year():
    story = Story().order("2024-01-10", BOUGHT, plan=ev.Plan.ANNUAL, cents=183).ship("2024-01-10")
    story.activate("2024-01-20").cancel("2024-01-22", asked_for="2024-01-29").wait("2024-02-01")
    assert story.money()[0][2] == 179  # 183 x 357 / 366 is 178.5


def test_the_replacement_value_is_that_of_the_day_it_is_charged():
    story = advance()
    value = {"policy": ev.Policy.REPLACEMENT_VALUE_CENTS, "value": 7000, "effective": day("2025-03-12")}
    story.tell(ev.PolicySet, "2025-03-06", **value)
    assert fees(story.wait("2025-03-12")) == [(OVERDUE, "A", 7000, "2025-03-12")]


def test_every_credit_names_a_charge_that_was_raised():
    story = advance().wait("2025-03-20").scan("2025-03-10", known="2025-03-20")
    (credit,) = [line for line in story.oracle.charges() if line.kind is ChargeKind.CREDIT]
    (charge,) = [line for line in story.oracle.charges() if line.number == credit.credited]
    assert (charge.kind, charge.rule, charge.subject) == (ChargeKind.CHARGE, credit.rule, credit.subject)
