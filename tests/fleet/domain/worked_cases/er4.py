"""Replacement and return (ER 4)."""

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import BOUGHT, FREE, LEASED, day
from tests.fleet.domain.worked_cases.case import REFUSED, Case, Life, unit

VALUE = "replacement_value of A"


def advance(approved: str = "2025-03-01", line: ev.OrderLine = FREE) -> Life:
    """A has a defect; B left at once to replace it and was received."""
    life = Life()
    life.order("2024-02-01", line).ship("2024-02-01").activate("2024-02-05")
    life.rma(approved).replace(approved, "B").register(f"{approved}T20:00", "B")
    return life


def on_receipt(line: ev.OrderLine = FREE) -> Life:
    """A has a defect and is replaced or repaired when it is here."""
    life = unit(line)
    life.rma("2025-03-01", mode=ev.Mode.ON_RECEIPT)
    return life


def trial(line: ev.OrderLine = BOUGHT, noticed: str = "2025-02-03") -> Life:
    """A goes back on trial; all service is cancelled."""
    life = unit(line)
    life.rma("2025-02-01", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT).cancel(noticed)
    return life


def bought_for(cents: int, credit: int = 0) -> ev.OrderLine:
    return ev.OrderLine(line="1", ownership=ev.Ownership.CUSTOMER, one_off_cents=cents, credits_cents=credit)


def ended(line: ev.OrderLine = LEASED) -> Life:
    """The last line of a leased unit is removed on 2025-02-20; the system asks for the unit."""
    life = unit(line)
    life.remove_line("2025-02-20")
    return life


def money(life: Life) -> list[str]:
    """The ledger without shipping and handling, and without the fee of an end."""
    return [line for line in life.ledger() if "shipping" not in line and "reimbursement" not in line]


def lost(shipment: str) -> dict[str, object]:
    return {"shipment": shipment, "outcome": ev.CarrierOutcome.LOST}


CASES = [
    # --- Deadlines ------------------------------------------------------------------------------------------------
    Case("4", "Replaced in advance, approved 2025-03-01: the carrier takes the old unit at the end of 2025-03-11.",
         lambda: money(advance().scan("2025-03-11T23:59:59").wait("2025-05-01")), []),
    Case("4", "The carrier takes it at the first instant of 2025-03-12: a day late, the replacement value is charged.",
         lambda: money(advance().scan("2025-03-12T00:00").wait("2025-05-01")),
         ["2025-03-12 charge $65.00 " + VALUE]),
    Case("4", "The ten days cross leap day: approved 2024-02-20, last day 2024-03-01.",
         lambda: advance("2024-02-20").last_day(), "2024-03-01"),
    Case("4", "The same in a common year: 2025-03-02.", lambda: advance("2025-02-20").last_day(), "2025-03-02"),
    Case("4", "Approved on the last day of the year.", lambda: advance("2025-12-31").last_day(), "2026-01-10"),
    Case("4", "Approved at 23:30 in New York on 1 March: 2 March in UTC, the last day is 11 March.",
         lambda: unit().rma("2025-03-01T23:30").last_day(), "2025-03-11"),
    Case("4", "The clocks go forward within the ten days: still the whole of the local day 2025-03-18.",
         lambda: money(advance("2025-03-08").scan("2025-03-18T23:59:59").wait("2025-05-01")), []),
    Case("4", "The clocks go back within the ten days: still the whole of the local day 2025-11-08.",
         lambda: money(advance("2025-10-29").scan("2025-11-08T23:59:59").wait("2026-01-01")), []),
    Case("4", "Not scanned, received 5 days after the last day: charged when it was late, credited as in time.",
         lambda: money(advance().receive("2025-03-16").wait("2025-05-01")),
         ["2025-03-12 charge $65.00 " + VALUE, "2025-03-16 credit $65.00 " + VALUE]),
    Case("4", "Not scanned, received 6 days after the last day and not inspected: late.",
         lambda: money(advance().receive("2025-03-17").wait("2025-05-01")), ["2025-03-12 charge $65.00 " + VALUE]),
    Case("4", "Late, but received sound on the 30th day after the charge: credited in full, once.",
         lambda: money(advance().receive("2025-04-11").inspect("2025-04-20").wait("2025-07-01")),
         ["2025-03-12 charge $65.00 " + VALUE, "2025-04-20 credit $65.00 " + VALUE]),
    Case("4", "Received on the 31st day after the charge: nothing comes back.",
         lambda: money(advance().receive("2025-04-12").inspect("2025-04-20").wait("2025-07-01")),
         ["2025-03-12 charge $65.00 " + VALUE]),
    Case("4", "Late and spoilt by the Account: nothing comes back.",
         lambda: money(advance().receive("2025-04-01").inspect("2025-04-02", ev.Finding.DAMAGED).wait("2025-07-01")),
         ["2025-03-12 charge $65.00 " + VALUE]),
    Case("4", "The carrier's scan of the last day becomes known after the charge: credited in full.",
         lambda: money(advance().scan("2025-03-11T18:00", known="2025-03-20")),
         ["2025-03-12 charge $65.00 " + VALUE, "2025-03-20 credit $65.00 " + VALUE]),
    Case("4", "The replacement leaves only after the last day: the value is due from then on.",
         lambda: money(unit().rma("2025-03-01").replace("2025-03-20", "B").wait("2025-05-01")),
         ["2025-03-20 charge $65.00 " + VALUE]),
    Case("4", "No replacement ever left: nobody pays for a unit that stays with the Account.",
         lambda: money(unit().rma("2025-03-01").wait("2025-05-01")), []),
    Case("4", "What was sent in advance is lost: the value charged for the old unit is credited.",
         lambda: money(unit().rma("2025-03-01").replace("2025-03-02", "B").wait("2025-03-14")
                       .tell(ev.CarrierFailed, "2025-03-14", **lost("B")).wait("2025-05-01")),
         ["2025-03-12 charge $65.00 " + VALUE, "2025-03-14 credit $65.00 " + VALUE]),
    Case("4", "A unit of the Account's own that was replaced in advance and stays away is charged.",
         lambda: money(advance(line=BOUGHT).wait("2025-05-01")), ["2025-03-12 charge $65.00 " + VALUE]),
    Case("4", "The reminder goes out three days before the last day, across a month's end.",
         lambda: advance("2025-02-20").reminder("2025-02-20"), "2025-02-27"),
    Case("4", "With two days to send it back there is no time for a reminder before: it goes out with the approval.",
         lambda: Life().tell(ev.PolicySet, "2025-01-02", policy=ev.Policy.RETURN_DAYS, value=2,
                             effective=day("2025-02-01")).order("2025-01-10").ship("2025-01-10")
         .activate("2025-01-20").rma("2025-03-01").reminder("2025-03-01"), "2025-03-01"),
    Case("4 values", "14 days instead of 10 from 2025-03-02 on: an approval of the day before has ten.",
         lambda: fourteen_days().rma("2025-03-01").last_day(), "2025-03-11"),
    Case("4 values", "14 days instead of 10 from 2025-03-02 on: an approval of that day has fourteen.",
         lambda: fourteen_days().rma("2025-03-02").last_day(), "2025-03-16"),
    Case("4 values", "The replacement value is that of the day it is charged: $70.00 from 2025-03-12 on.",
         lambda: money(Life().tell(ev.PolicySet, "2025-01-02", policy=ev.Policy.REPLACEMENT_VALUE_CENTS, value=7000,
                                   effective=day("2025-03-12")).order("2025-01-10").ship("2025-01-10")
                       .activate("2025-01-20").rma("2025-03-01").replace("2025-03-02", "B").wait("2025-03-13")),
         ["2025-03-12 charge $70.00 " + VALUE]),
    # --- Defects --------------------------------------------------------------------------------------------------
    Case("4", "The Account pays shipping and handling for a defect of Operator Equipment, when the replacement leaves.",
         lambda: unit().rma("2025-03-01").replace("2025-03-02", "B").ledger(),
         ["2025-03-02 charge $9.95 shipping_and_handling of r"]),
    Case("4", "The first replacement is lost and a second one leaves: shipping and handling is paid once.",
         lambda: unit().rma("2025-03-01").replace("2025-03-02", "B")
         .tell(ev.CarrierFailed, "2025-03-05", **lost("B")).replace("2025-03-06", "C").costs(), {"r": "$9.95"}),
    Case("4", "No shipping and handling for a defect of the Account's own unit.",
         lambda: unit(BOUGHT).rma("2025-03-01").replace("2025-03-02", "B").ledger(), []),
    Case("4", "The Account spoilt it: replacement value, and nothing is sent.",
         lambda: on_receipt().receive("2025-03-04").inspect("2025-03-05", ev.Finding.DAMAGED)
         .tries(ev.UnitShipped, "2025-03-06", shipment="B", serial="B", rma="r").ledger(),
         ["2025-03-05 charge $65.00 " + VALUE]),
    Case("4", "The Account spoilt a unit of its own: it pays nothing for it.",
         lambda: on_receipt(BOUGHT).receive("2025-03-04").inspect("2025-03-05", ev.Finding.DAMAGED).ledger(), []),
    Case("4", "Late, credited, and then nothing more: the unit that is back cannot come back again.",
         lambda: money(advance().receive("2025-04-01").inspect("2025-04-02")
                       .tries(ev.ReturnReceived, "2025-04-05", serial="A", rma="r").wait("2025-07-01")),
         ["2025-03-12 charge $65.00 " + VALUE, "2025-04-02 credit $65.00 " + VALUE]),
    Case("4", "Replaced on receipt: nothing leaves before the unit is here.",
         lambda: on_receipt().replace("2025-03-03", "B"), REFUSED),
    Case("4", "A requested RMA has no number yet: no replacement leaves.",
         lambda: unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT,
                             mode=ev.Mode.ADVANCE).replace("2025-03-02", "B"), REFUSED),
    Case("4", "A denied RMA sends nothing.",
         lambda: unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT,
                             mode=ev.Mode.ADVANCE).tell(ev.RmaDenied, "2025-03-01", rma="r").replace("2025-03-02", "B"),
         REFUSED),
    Case("4", "A denied RMA is not approved afterwards.",
         lambda: unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT)
         .tell(ev.RmaDenied, "2025-03-01", rma="r").tell(ev.RmaApproved, "2025-03-02", rma="r"), REFUSED),
    Case("4", "A unit is not inspected before it is here.", lambda: on_receipt().inspect("2025-03-02"), REFUSED),
    Case("4", "A carrier's scan of before the approval is not of this RMA.",
         lambda: on_receipt().scan("2025-02-27", known="2025-03-02"), REFUSED),
    Case("4", "One unit has one RMA at a time.",
         lambda: on_receipt().rma("2025-03-02", name="s"), REFUSED),
    Case("4", "A defect is repaired during the Term only: after the end of service no RMA is opened for it.",
         lambda: unit().remove_line("2025-02-20").rma("2025-02-21"), REFUSED),
    Case("4", "A closed RMA sends nothing any more.",
         lambda: on_receipt().receive("2025-03-04").inspect("2025-03-05").tell(ev.RmaClosed, "2025-03-06", rma="r")
         .replace("2025-03-07", "B"), REFUSED),
    Case("4", "A wrong item reported after service ended may come back, and nothing is sent.",
         lambda: unit().remove_line("2025-02-20").rma("2025-02-21", kind=ev.Kind.WRONG_ITEM)
         .tries(ev.UnitShipped, "2025-02-22", shipment="B", serial="B", rma="r").receive("2025-02-24").way_back(),
         "received"),
    # --- Trials ---------------------------------------------------------------------------------------------------
    Case("4", "A trial return is opened on Order Date + 30.",
         lambda: unit(BOUGHT).rma("2025-02-09", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT).way_back(),
         "awaited"),
    Case("4", "On Order Date + 31 it is too late for a trial return.",
         lambda: unit(BOUGHT).rma("2025-02-10", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT), REFUSED),
    Case("4", "Shipped on the 14th day after the notice, in order: $39.95 less $10.00 restocking.",
         lambda: trial().scan("2025-02-17T23:59").receive("2025-02-20").inspect("2025-02-21").ledger(),
         ["2025-02-21 refund $29.95 trial_refund of A"]),
    Case("4", "Shipped on the 15th day: the refund is lost, and nobody pays for their own unit.",
         lambda: trial().scan("2025-02-18T00:00").receive("2025-02-20").inspect("2025-02-21")
         .wait("2025-07-01").ledger(), []),
    Case("4", "It never comes back: nothing is refunded and nothing charged.",
         lambda: trial().wait("2025-07-01").ledger(), []),
    Case("4", "Not scanned, received 5 days after the last day: in time.",
         lambda: trial().receive("2025-02-22").inspect("2025-02-24").ledger(),
         ["2025-02-24 refund $29.95 trial_refund of A"]),
    Case("4", "An accessory is missing: no refund.",
         lambda: trial().receive("2025-02-10").inspect("2025-02-11", complete=False).ledger(), []),
    Case("4", "Spoilt by the Account: no refund, and no charge for its own unit.",
         lambda: trial().receive("2025-02-10").inspect("2025-02-11", ev.Finding.DAMAGED).ledger(), []),
    Case("4", "A defect of its own is ours: the unit is in original condition, and refunded.",
         lambda: trial().receive("2025-02-10").inspect("2025-02-11", ev.Finding.DEFECT).ledger(),
         ["2025-02-11 refund $29.95 trial_refund of A"]),
    Case("4", "A credit of $5.00 on the Order Form was never paid: $39.95 - $5.00 - $10.00.",
         lambda: trial(bought_for(3995, 500)).receive("2025-02-10").inspect("2025-02-11").ledger(),
         ["2025-02-11 refund $24.95 trial_refund of A"]),
    Case("4", "A price below the restocking fee: nothing comes back, and nothing is asked for.",
         lambda: trial(bought_for(800)).receive("2025-02-10").inspect("2025-02-11").ledger(), []),
    Case("4", "Refunded, and then the carrier's record of the way back turns up: still refunded once.",
         lambda: trial().receive("2025-02-10").inspect("2025-02-11").scan("2025-02-08", known="2025-02-15").ledger(),
         ["2025-02-11 refund $29.95 trial_refund of A"]),
    Case("4", "The notice comes after the unit: from it the 14 days count, and the refund comes with it.",
         lambda: (life := unit(BOUGHT).rma("2025-02-01", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT)
                  .scan("2025-02-02").receive("2025-02-05").inspect("2025-02-06"))
         and (life.ledger(), life.cancel("2025-02-20").costs()),
         ([], {"A": "-$29.95"})),
    # --- Leased units ---------------------------------------------------------------------------------------------
    Case("4", "Service of a leased unit ends on 2025-02-20: the system asks for it until 2025-03-02.",
         lambda: ended().last_day("cancellation:A"), "2025-03-02"),
    Case("4", "A provided unit is not asked for at the end of service.",
         lambda: [rma.name for rma in ended(FREE).state.rmas], []),
    Case("4", "Nobody but the system opens a cancellation return.",
         lambda: unit(LEASED).rma("2025-02-20", kind=ev.Kind.CANCELLATION_RETURN), REFUSED),
    Case("4", "The leased unit is handed in on the last day: nothing but the fee of its term.",
         lambda: ended().scan("2025-03-02T23:00", rma="cancellation:A").wait("2025-06-01").costs(), {"A": "$50.00"}),
    Case("4", "A leased unit whose term is over and that stays away: the whole value.",
         lambda: unit(LEASED).remove_line("2026-02-20").wait("2026-06-01").ledger(),
         ["2026-03-03 charge $65.00 " + VALUE]),
    Case("4", "A leased unit in time, but spoilt: only a defect asks who caused it; nothing is charged for that.",
         lambda: unit(LEASED).remove_line("2026-02-20").receive("2026-02-24", rma="cancellation:A")
         .inspect("2026-02-25", ev.Finding.DAMAGED, rma="cancellation:A").wait("2026-06-01").ledger(), []),
    Case("4", "A leased unit replaced in advance stays away past both RMAs' days: its value is owed once.",
         lambda: money(unit(LEASED).rma("2026-02-01").replace("2026-02-02", "B").wait("2026-02-20")
                       .remove_line("2026-02-20").receive("2026-02-24", serial="B", rma="cancellation:B")
                       .wait("2026-06-01")),
         ["2026-02-12 charge $65.00 " + VALUE]),
    # --- Blind returns --------------------------------------------------------------------------------------------
    Case("4", "A blind return is matched to the RMA of a unit replaced in advance: received that day, in time.",
         lambda: money(unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT,
                                   mode=ev.Mode.ADVANCE).receive("2025-03-02", rma="")
                       .tell(ev.RmaApproved, "2025-03-03", rma="r").replace("2025-03-04", "B")
                       .tell(ev.BlindMatched, "2025-03-05", serial="A", rma="r").wait("2025-06-01")), []),
    Case("4", "A blind return, matched after the end of service, was in our hands that day: the fee is credited.",
         lambda: unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT)
         .receive("2025-03-02", rma="").tell(ev.RmaApproved, "2025-03-03", rma="r").remove_line("2025-03-04")
         .tell(ev.BlindMatched, "2025-03-06", serial="A", rma="r").ledger(),
         ["2025-03-04 charge $50.00 reimbursement_fee of A", "2025-03-06 credit $50.00 reimbursement_fee of A"]),
]  # fmt: skip


def fourteen_days() -> Life:
    life = Life()
    life.tell(ev.PolicySet, "2025-01-02", policy=ev.Policy.RETURN_DAYS, value=14, effective=day("2025-03-02"))
    life.order("2025-01-10").ship("2025-01-10").activate("2025-01-20")
    return life
