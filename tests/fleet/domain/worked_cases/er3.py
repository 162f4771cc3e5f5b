"""Minimum Equipment Term and fee (ER 3)."""

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import FREE, LEASED, day
from tests.fleet.domain.worked_cases.case import REFUSED, Case, Life, unit, units


def ordered(on: str, shipped: str = "") -> Life:
    """A free unit A, ordered and shipped."""
    life = Life()
    life.order(on).ship(shipped or on)
    return life


def priced(**cents: int) -> Life:
    """A unit of the operator's with amounts on the Order Form."""
    return unit(ev.OrderLine(line="1", ownership=ev.Ownership.PROVIDED, **cents))


def replaced() -> Life:
    """A has a defect; B left on 2025-03-02 to replace it, and A is on its way back in time."""
    life = unit()
    life.rma("2025-03-01").replace("2025-03-02", "B").scan("2025-03-03")
    return life


def repaired() -> Life:
    """A came back for a defect on 2025-03-04, and left repaired on 2025-03-10 as shipment A2."""
    life = unit()
    life.rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04")
    life.inspect("2025-03-09", ev.Finding.DEFECT).send_back("2025-03-10", "A2")
    return life


def trial() -> Life:
    """A free unit goes back on trial: notice on 2025-02-03, service ends 2025-02-07, received on 2025-02-12."""
    life = unit()
    life.rma("2025-02-01", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT).cancel("2025-02-03")
    life.scan("2025-02-10").receive("2025-02-12")
    return life


def wrong_item(**line: object) -> Life:
    """A was the wrong item; B, the right one, left on 2025-01-25."""
    life = Life()
    life.order("2025-01-10", ev.OrderLine(line="1", **line)).ship("2025-01-10")
    life.rma("2025-01-20", kind=ev.Kind.WRONG_ITEM).replace("2025-01-25", "B")
    return life


def waived(waiver: ev.Waiver, since: str, told: str = "2025-03-05") -> Life:
    """Service is cancelled on 2025-03-05 and a waiver claimed."""
    life = unit()
    life.cancel("2025-03-05").tell(ev.WaiverClaimed, told, notice="n", waiver=waiver, since=day(since))
    life.wait("2025-04-01")
    return life


def policy(name: ev.Policy, value: int, effective: str, known: str = "2025-01-02") -> Life:
    """An account whose operator has decided on a value before anything else."""
    life = Life()
    life.tell(ev.PolicySet, known, policy=name, value=value, effective=day(effective))
    return life


FEE = "reimbursement_fee"

CASES = [
    # --- 3.1: whom it binds ---------------------------------------------------------------------------------------
    Case(
        "3.1",
        "A price of $39.95 that is credited in full on the Order Form is no charge: the unit has a term.",
        lambda: priced(one_off_cents=3995, credits_cents=3995).term_of(),
        "2025-01-20 to 2026-01-20",
    ),
    Case(
        "3.1",
        "A price of $39.95 with a credit of $39.94 leaves a cent: no term.",
        lambda: priced(one_off_cents=3995, credits_cents=3994).term_of(),
        "none",
    ),
    Case(
        "3.1",
        "Shipping, handling and support do not count: the unit was received without charge.",
        lambda: priced(shipping_and_handling_cents=995, support_cents=2500).term_of(),
        "2025-01-20 to 2026-01-20",
    ),
    Case("3.1", "A recurring dollar a month for the unit is a charge: no term.",
         lambda: priced(recurring_cents=100).term_of(), "none"),
    Case(
        "3.1",
        "Replacement value was charged for A, kept after B replaced it: from then on A has no term and no fee.",
        lambda: (life := unit().rma("2025-02-01").replace("2025-02-02", "B"))
        and life.wait("2025-02-12").cost_on("2025-02-12")["A"],
        "$0.00",
    ),
    # --- 3.2: when the first unit's term runs ---------------------------------------------------------------------
    Case("3.2", "Ordered and shipped on 31 January of a leap year, never activated: 30 days end on 1 March.",
         lambda: ordered("2024-01-31").term_of(), "2024-03-01 to 2025-03-01"),
    Case("3.2", "Ordered and shipped on 31 January of a common year, never activated: 30 days end on 2 March.",
         lambda: ordered("2025-01-31").term_of(), "2025-03-02 to 2026-03-02"),
    Case("3.2", "Activated on 28 February 2023: twelve months end on 28 February of the leap year, not on the 29th.",
         lambda: ordered("2023-02-20").activate("2023-02-28").term_of(), "2023-02-28 to 2024-02-28"),
    Case("3.2", "Activated on 29 February: on 27 February of the next year the fee is owed, on the 28th it is not.",
         lambda: (life := ordered("2024-02-20").activate("2024-02-29"))
         and [life.cost_on(when)["A"] for when in ("2025-02-27", "2025-02-28")],
         ["$50.00", "$0.00"]),
    Case("3.2", "Ordered 2025-01-10 but shipped only on 2025-03-01: no term before it shipped.",
         lambda: ordered("2025-01-10", "2025-03-01").term_of(), "2025-03-01 to 2026-03-01"),
    Case("3.2", "Shipped on 2025-02-20, past the 30 days, and activated on 2025-02-25: from its ship date.",
         lambda: ordered("2025-01-10", "2025-02-20").activate("2025-02-25").term_of(), "2025-02-20 to 2026-02-20"),
    Case("3.2", "Activated on the very 30th day after the Order Date.",
         lambda: ordered("2025-01-10").activate("2025-02-09").term_of(), "2025-02-09 to 2026-02-09"),
    Case("3.2", "Activated on 20 January at 23:59:59 in New York, which is 21 January in UTC.",
         lambda: ordered("2025-01-10").activate("2025-01-20T23:59:59").term_of(), "2025-01-20 to 2026-01-20"),
    Case("3.2", "Activated at the first instant of 21 January in New York.",
         lambda: ordered("2025-01-10").activate("2025-01-21T00:00").term_of(), "2025-01-21 to 2026-01-21"),
    Case("3.2", "Ordered at 23:30 on 31 January: the Order Date is 31 January, though UTC has 1 February.",
         lambda: ordered("2025-01-31T23:30", "2025-02-01").term_of(), "2025-03-02 to 2026-03-02"),
    Case("3.2", "Activated in the night the clocks go forward, at 03:00, the instant after 01:59:59.",
         lambda: ordered("2025-03-01").activate("2025-03-09T03:00").term_of(), "2025-03-09 to 2026-03-09"),
    Case("3.2", "Activated in the night the clocks go back, at 23:45 of a day of 25 hours.",
         lambda: ordered("2025-10-20").activate("2025-11-02T23:45").term_of(), "2025-11-02 to 2026-11-02"),
    Case("3.2", "The activation of 20 January becomes known a month later: the term had begun then.",
         lambda: (life := ordered("2025-01-10").wait("2025-02-19"))
         and (life.term_of(), life.activate("2025-01-20", known="2025-02-20").term_of()),
         ("2025-02-09 to 2026-02-09", "2025-01-20 to 2026-01-20")),
    Case("3.2", "A free unit the carrier lost was never received: no term.",
         lambda: ordered("2025-01-10").tell(
             ev.CarrierFailed, "2025-01-14", shipment="A", outcome=ev.CarrierOutcome.LOST).term_of(), "none"),
    Case("3.2", "A wrong item's right unit, activated 2025-02-01, counts as a first unit of the order of 2025-01-10.",
         lambda: wrong_item(ownership=ev.Ownership.PROVIDED).activate("2025-02-01", "B").term_of("B"),
         "2025-02-01 to 2026-02-01"),
    Case("3.2", "The right unit never activated: its term starts with the original order's 30 days.",
         lambda: wrong_item(ownership=ev.Ownership.PROVIDED).term_of("B"), "2025-02-09 to 2026-02-09"),
    Case("3.1", "The right unit for a bought wrong item is bought too: no term.",
         lambda: wrong_item(ownership=ev.Ownership.CUSTOMER, one_off_cents=3995).term_of("B"), "none"),
    Case("3.2", "Two orders, two units: each has its own term.",
         lambda: (life := unit().order("2025-06-01").ship("2025-06-01", "B", order="o2").activate("2025-06-10", "B"))
         and (life.term_of("A"), life.term_of("B")),
         ("2025-01-20 to 2026-01-20", "2025-06-10 to 2026-06-10")),
    # --- 3.3: receipt, and what is replaced -----------------------------------------------------------------------
    Case("3.3", "A replacement that registers on the day it shipped, hours later: received that day.",
         lambda: replaced().register("2025-03-02T18:00", "B", known="2025-03-04").term_of("B"),
         "2025-03-02 to 2026-03-02"),
    Case("3.3", "The proof of 2025-03-05 is earlier than the registration of 2025-03-07.",
         lambda: replaced().deliver("2025-03-05", "B").register("2025-03-07", "B").term_of("B"),
         "2025-03-05 to 2026-03-05"),
    Case("3.3", "A registration in the warehouse never counts: with nothing else, ship date + 10.",
         lambda: replaced().tell(
             ev.Registered, "2025-03-04", serial="B", place=ev.Place.WAREHOUSE).wait("2025-03-20").term_of("B"),
         "2025-03-12 to 2026-03-12, receipt assumed"),
    Case("3.3", "Shipped 2024-02-19 and never heard of: received on leap day, over on 28 February.",
         lambda: (life := ordered("2023-06-01").activate("2023-06-05").rma("2024-02-18").replace("2024-02-19", "B"))
         and life.scan("2024-02-20").wait("2024-03-05").term_of("B"),
         "2024-02-29 to 2025-02-28, receipt assumed"),
    Case("3.3", "Evidence of 2025-03-06 that becomes known after receipt was assumed takes the assumption's place.",
         lambda: replaced().wait("2025-03-20").deliver("2025-03-06", "B", known="2025-03-21").term_of("B"),
         "2025-03-06 to 2026-03-06"),
    Case("3.3", "A replacement delivered at 23:30 in New York on 31 March was received in March.",
         lambda: (life := unit().rma("2025-03-28").replace("2025-03-29", "B").scan("2025-03-30"))
         and life.deliver("2025-03-31T23:30", "B").term_of("B"),
         "2025-03-31 to 2026-03-31"),
    Case("3.3", "A replacement the carrier lost has no receipt; the old unit's term runs on.",
         lambda: (life := replaced().tell(
             ev.CarrierFailed, "2025-03-06", shipment="B", outcome=ev.CarrierOutcome.LOST).wait("2025-03-20"))
         and (life.term_of("A"), life.term_of("B")),
         ("2025-01-20 to 2026-01-20", "none")),
    Case("3.3", "A replacement the Account refused at the door has no receipt either.",
         lambda: replaced().tell(
             ev.CarrierFailed, "2025-03-06", shipment="B", outcome=ev.CarrierOutcome.REFUSED).term_of("B"),
         "none"),
    Case("3.3", "Until its receipt the replaced unit's term runs: a day before the fee is A's, on the day it is B's.",
         lambda: (life := replaced().deliver("2025-03-05", "B"))
         and (life.term_of("A"), life.cost_on("2025-03-05")),
         ("2025-01-20 to 2026-01-20, superseded 2025-03-05", {"A": "$0.00", "B": "$50.00"})),
    Case("3.3", "A replacement of a replacement: B received 2025-03-05, C received 2025-04-20, one term is left.",
         lambda: (life := replaced().deliver("2025-03-05", "B").receive("2025-03-06")
                  .rma("2025-04-15", "B", "s").replace("2025-04-16", "C", "s").scan("2025-04-17", rma="s")
                  .deliver("2025-04-20", "C"))
         and (life.term_of("A"), life.term_of("B"), life.term_of("C"), life.cost_on("2025-05-01")),
         ("2025-01-20 to 2026-01-20, superseded 2025-03-05",
          "2025-03-05 to 2026-03-05, superseded 2025-04-20",
          "2025-04-20 to 2026-04-20",
          {"A": "$0.00", "B": "$0.00", "C": "$50.00"})),
    Case("3.3", "A repaired unit sent back starts a new twelve months at the Account's receipt.",
         lambda: repaired().deliver("2025-03-13", "A2").term_of("A2"), "2025-03-13 to 2026-03-13"),
    Case("3.3", "A replacement received after the old unit's term was over: the Account is bound anew.",
         lambda: (life := unit().rma("2026-02-01").replace("2026-02-02", "B").scan("2026-02-03"))
         and life.deliver("2026-02-05", "B").cost_on("2026-03-01"),
         {"A": "$0.00", "B": "$50.00"}),
    # --- 3.4: who owes the fee ------------------------------------------------------------------------------------
    Case("3.4", "A day before the term begins its end costs nothing, on its first day it costs the fee.",
         lambda: (life := ordered("2025-01-10"))
         and [life.cost_on(when)["A"] for when in ("2025-02-08", "2025-02-09")], ["$0.00", "$50.00"]),
    Case("3.4", "Three units, two of them cancelled: two fees, the third goes on and owes its own at its end.",
         lambda: (life := units("A", "B", "C").cancel("2025-03-04", serials=("A", "B")).wait("2025-04-01"))
         and (life.costs(), life.ends("C"), life.cancel("2025-04-02", name="m").wait("2025-05-25").costs()),
         ({"A": "$50.00", "B": "$50.00"}, "", {"A": "$50.00", "B": "$50.00", "C": "$50.00"})),
    Case("3.4", "Three units, one with a term that is over: two fees.",
         lambda: (life := Life().order("2025-01-10").ship("2025-01-10").activate("2025-01-20")
                  .order("2026-01-05", FREE, ev.OrderLine(line="2", ownership=ev.Ownership.PROVIDED))
                  .ship("2026-01-05", "B", "1", "o2").ship("2026-01-05", "C", "2", "o2")
                  .activate("2026-01-08", "B").activate("2026-01-08", "C"))
         and life.cost_on("2026-01-25"),
         {"A": "$0.00", "B": "$50.00", "C": "$50.00"}),
    Case("3.4", "The last line is removed from B only: B's fee, A goes on.",
         lambda: (life := units("A", "B").remove_line("2025-03-04", "B")) and (life.ledger(), life.ends("A")),
         (["2025-03-04 charge $50.00 reimbursement_fee of B"], "")),
    Case("3.4", "The operator ends service without a breach: nothing is owed.",
         lambda: unit().tell(ev.Terminated, "2025-03-04", breach=None).ledger(), []),
    Case("3.4", "The operator ends service for non-payment, 5 Business Days after notice: the fee.",
         lambda: unit().warn_unpaid("2025-03-04").end_all("2025-03-12T00:00").ledger(),
         ["2025-03-12 charge $50.00 reimbursement_fee of A"]),
    Case("3.4", "A harmful change of 2025-02-03, told on the 30th day after it: no fee.",
         lambda: waived(ev.Waiver.DIMINISHED, "2025-02-03").costs(), {}),
    Case("3.4", "A harmful change of 2025-02-02, told on the 31st day after it: no waiver.",
         lambda: waived(ev.Waiver.DIMINISHED, "2025-02-02").costs(), REFUSED),
    Case("3.4", "Force majeure that has lasted 11 days: no fee.",
         lambda: waived(ev.Waiver.FORCE_MAJEURE, "2025-02-22").costs(), {}),
    Case("3.4", "Force majeure that has lasted 10 days is not over 10 days.",
         lambda: waived(ev.Waiver.FORCE_MAJEURE, "2025-02-23").costs(), REFUSED),
    Case("3.4", "A waiver found true after the end takes the fee back.",
         lambda: waived(ev.Waiver.DIMINISHED, "2025-03-01", told="2025-03-20").ledger(),
         ["2025-03-09 charge $50.00 reimbursement_fee of A", "2025-03-20 credit $50.00 reimbursement_fee of A"]),
    Case("3.4", "A unit that is in the operator's hands under an RMA on the day its service ends owes nothing.",
         lambda: unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04T09:00")
         .remove_line("2025-03-04T20:00").costs(), {}),
    Case("3.4", "A unit under an RMA that is only on its way back owes the fee.",
         lambda: unit().rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).scan("2025-03-03")
         .remove_line("2025-03-04").costs(), {"A": "$50.00"}),
    Case("3.4", "On the day a repaired unit leaves it still is in our hands: no fee.",
         lambda: repaired().remove_line("2025-03-10T20:00").costs(), {"r": "$9.95"}),
    Case("3.4", "On the day after a repaired unit left, before it is received, its old term runs: the fee.",
         lambda: repaired().remove_line("2025-03-11").costs(), {"A": "$50.00", "r": "$9.95"}),
    Case("3.4", "A blind return is in our hands under no RMA: the fee.",
         lambda: unit().receive("2025-03-03", rma="").remove_line("2025-03-04", "A").costs(), {"A": "$50.00"}),
    Case("3.4", "A free unit that goes back on trial in time, in order: what the end cost is given back.",
         lambda: trial().inspect("2025-02-13").costs(), {}),
    Case("3.4", "A free unit that goes back on trial without its accessories: the fee stands.",
         lambda: trial().inspect("2025-02-13", complete=False).costs(), {"A": "$50.00"}),
    # --- 3.5: never both, and what becomes known later ------------------------------------------------------------
    Case("3.5", "A leased unit stays away after the end: the fee, then what the value is more than it.",
         lambda: unit(LEASED).cancel("2025-03-04").wait("2025-03-19").ledger(),
         ["2025-03-08 charge $50.00 reimbursement_fee of A", "2025-03-19 charge $15.00 replacement_value of A"]),
    Case("3.5", "It comes back sound within 30 days: what was charged as value is credited, the fee stands.",
         lambda: unit(LEASED).cancel("2025-03-04").receive("2025-04-10", rma="cancellation:A")
         .inspect("2025-04-11", rma="cancellation:A").costs(), {"A": "$50.00"}),
    Case("3.5", "A receipt on the day of the end that becomes known later takes A's fee back and charges nobody else.",
         lambda: replaced().remove_line("2025-03-06").deliver("2025-03-05", "B", known="2025-03-09").ledger()[1:],
         ["2025-03-06 charge $50.00 reimbursement_fee of A", "2025-03-09 credit $50.00 reimbursement_fee of A"]),
    Case("3.4", "A replacement received on the day the service ends: the fee is its own, and one.",
         lambda: replaced().deliver("2025-03-06T09:00", "B").remove_line("2025-03-06T20:00", "B").costs(),
         {"B": "$50.00", "r": "$9.95"}),
    Case("3.4", "A replacement received on the day after the end never began a term: the fee is the old unit's.",
         lambda: replaced().remove_line("2025-03-06").deliver("2025-03-07", "B").costs(),
         {"A": "$50.00", "r": "$9.95"}),
    Case("3.5", "Proof that the term began, known only after an end that cost nothing, raises nothing.",
         lambda: ordered("2025-01-10").remove_line("2025-01-25").activate("2025-01-20", known="2025-01-30").ledger(),
         []),
    Case("3.5", "An activation of 2025-01-20 known after the end of 2026-02-01: that term was over; credited.",
         lambda: ordered("2025-01-10").cancel("2026-01-20", asked_for="2026-02-01").wait("2026-02-02")
         .activate("2025-01-20", known="2026-02-03").ledger(),
         ["2026-02-01 charge $50.00 reimbursement_fee of A", "2026-02-03 credit $50.00 reimbursement_fee of A"]),
    # --- 3.6 and 3.7 ----------------------------------------------------------------------------------------------
    Case("3.6", "A quote warns of a replacement on its way until it is received.",
         lambda: (replaced().warned("2025-03-10"), replaced().deliver("2025-03-05", "B").warned("2025-03-10")),
         (["A"], [])),
    Case("3.6", "A pending cancellation is quoted again when the replacement is received before its end.",
         lambda: (life := replaced().cancel("2025-03-03", asked_for="2025-03-08"))
         and (life.cost_on("2025-03-08"), life.deliver("2025-03-05", "B").cost_on("2025-03-08")),
         ({"A": "$50.00", "B": "$0.00"}, {"A": "$0.00", "B": "$50.00"})),
    Case("3.6", "The reason stands beside each unit.",
         lambda: replaced().deliver("2025-03-05", "B").quoted_because("2025-04-01"),
         {"A": "superseded", "B": "running"}),
    Case("3.7", "All numbers are ported out: service goes on, bills go on, and the fee is owed at the end.",
         lambda: (life := unit().tell(ev.PortedOut, "2025-03-04", number="+12125550100"))
         and (life.ends(), life.bills("2025-05-20"), life.cost_on("2025-06-01"), life.costs()),
         ("", ["2025-03-20", "2025-04-20", "2025-05-20"], {"A": "$50.00"}, {})),
    # --- Values: those of the Order Date or the ship date ---------------------------------------------------------
    Case("3 values", "The fee is $40.00 from 2025-02-01 on: the order of the day before pays $50.00.",
         lambda: policy(ev.Policy.REIMBURSEMENT_FEE_CENTS, 4000, "2025-02-01").order("2025-01-31").ship("2025-01-31")
         .activate("2025-02-02").cost_on("2025-03-01"), {"A": "$50.00"}),
    Case("3 values", "The fee is $40.00 from 2025-02-01 on: the order of that day pays $40.00.",
         lambda: policy(ev.Policy.REIMBURSEMENT_FEE_CENTS, 4000, "2025-02-01").order("2025-02-01").ship("2025-02-01")
         .activate("2025-02-02").cost_on("2025-03-01"), {"A": "$40.00"}),
    Case("3 values", "A replacement has the fee of the day it ships: $60.00 from 2025-03-02 on.",
         lambda: (life := policy(ev.Policy.REIMBURSEMENT_FEE_CENTS, 6000, "2025-03-02").order("2025-01-10")
                  .ship("2025-01-10").activate("2025-01-20").rma("2025-03-01").replace("2025-03-02", "B"))
         and (life.cost_on("2025-03-03")["A"], life.deliver("2025-03-05", "B").cost_on("2025-04-01")["B"]),
         ("$50.00", "$60.00")),
    Case("3 values", "A term of 24 months for orders from 2024-02-01 on, begun on leap day: over on 28 February 2026.",
         lambda: policy(ev.Policy.MINIMUM_TERM_MONTHS, 24, "2024-02-01", known="2024-01-02").order("2024-02-20")
         .ship("2024-02-20").activate("2024-02-29").term_of(), "2024-02-29 to 2026-02-28"),
    Case("3 values", "A value for yesterday is refused.",
         lambda: policy(ev.Policy.REIMBURSEMENT_FEE_CENTS, 4000, "2025-01-01"), REFUSED),
]  # fmt: skip
