"""Ending and suspending service (ER 5)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fleet.domain.cancellation_notice import Notice, NoticeChannel, check_notice
from fleet.domain.errors import InvalidError
from fleet.domain.policy import PolicyBook
from fleet.domain.proof_of_identity import ProofMethod, Verification
from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import FREE, day
from tests.fleet.domain.worked_cases.case import REFUSED, Case, Life, refused, unit, units

NEW_YORK = ZoneInfo("America/New_York")


def billed(on: str) -> Life:
    """A free unit activated on a day, which is the billing day from then on."""
    life = Life()
    life.order(on).ship(f"{on}T12:30").activate(f"{on}T13:00")
    return life


def annual(cents: int, ordered: str = "2025-01-10", activated: str = "2025-01-20") -> Life:
    """A free unit on an annual plan."""
    life = Life()
    life.order(ordered, plan=ev.Plan.ANNUAL, cents=cents).ship(ordered)
    if activated:
        life.activate(activated)
    return life


def refunds(life: Life) -> list[str]:
    """What was refunded."""
    return [line for line in life.ledger() if "refund" in line]


def suspended(*why: ev.Suspension) -> Life:
    """Service is suspended from 2025-03-04 on."""
    life = unit()
    for reason in why or (ev.Suspension.NON_PAYMENT,):
        life.tell(ev.Suspended, "2025-03-04", why=reason)
    return life


def paid(life: Life, when: str = "2025-03-10", in_full: bool = True, fee: bool = True) -> Life:
    return life.tell(ev.Reactivated, when, paid_in_full=in_full, reconnect_fee_paid=fee)


def breach(noticed: str, kind: ev.Breach = ev.Breach.UNPAID) -> Life:
    """Written notice of a breach."""
    life = Life()
    life.order("2024-11-01").ship("2024-11-01").activate("2024-11-05")
    life.tell(ev.BreachNoticed, noticed, breach=kind)
    return life


def ended(life: Life, when: str, kind: ev.Breach = ev.Breach.UNPAID) -> str:
    return life.tell(ev.Terminated, when, breach=kind).ends()


def asked_by(person: str, verified: bool = True) -> str:
    """A phone call by somebody, of an account whose Administrator is PE-1."""
    proof = Verification(ProofMethod.SECURITY_QUESTIONS, "PE-7") if verified else None
    at = datetime(2025, 3, 4, 12, tzinfo=NEW_YORK)
    notice = Notice(at, NoticeChannel.PHONE, person, None, verification=proof)
    return refused(lambda: check_notice(notice, {"PE-1"}, PolicyBook(), NEW_YORK), InvalidError)


CASES = [
    # --- Who asks, and when ---------------------------------------------------------------------------------------
    Case("5", "A call that begins at 06:00 counts.", lambda: unit().phones("2025-03-04T06:00").ends(),
         "2025-03-08 00:00"),
    Case("5", "A call that begins a second before 06:00 does not.", lambda: unit().phones("2025-03-04T05:59:59"),
         REFUSED),
    Case("5", "A call that begins a second before 20:00 counts.", lambda: unit().phones("2025-03-04T19:59:59").ends(),
         "2025-03-08 00:00"),
    Case("5", "A call that begins at 20:00 does not.", lambda: unit().phones("2025-03-04T20:00"), REFUSED),
    Case("5", "A call on a Sunday that is a holiday counts: any day.",
         lambda: unit().phones("2027-07-04T10:00").ends(), "2027-07-08 00:00"),
    Case("5", "On the morning the clocks went forward 06:00 is an hour earlier in UTC, and counts.",
         lambda: unit().phones("2025-03-09T06:00").ends(), "2025-03-13 00:00"),
    Case("5", "A notice through a Distributor counts from our receipt, at any hour.",
         lambda: unit().cancel("2025-03-04T03:00").ends(), "2025-03-08 00:00"),
    Case("5", "Somebody who is no Administrator may not cancel.", lambda: asked_by("PE-2"), REFUSED),
    Case("5", "A caller who did not prove who they are may not cancel.", lambda: asked_by("PE-1", False), REFUSED),
    Case("5", "An Administrator who proved it may.", lambda: asked_by("PE-1"), "allowed"),
    # --- 72 hours -------------------------------------------------------------------------------------------------
    Case("5", "Noticed at noon: the first date that begins 72 hours later is the fourth day after.",
         lambda: unit().cancel("2025-03-04T12:00").ends(), "2025-03-08 00:00"),
    Case("5", "Noticed at 00:00: 72 hours are over as the third day after begins.",
         lambda: unit().cancel("2025-03-04T00:00").ends(), "2025-03-07 00:00"),
    Case("5", "Noticed a second after 00:00: a day later.",
         lambda: unit().cancel("2025-03-04T00:00:01").ends(), "2025-03-08 00:00"),
    Case("5", "72 elapsed hours from 2025-03-07T00:00 end at 01:00, the clocks went forward: a day later.",
         lambda: unit().cancel("2025-03-07T00:00").ends(), "2025-03-11 00:00"),
    Case("5", "Noticed at 23:00 on 2025-03-06, 72 elapsed hours end at 00:00 of 2025-03-10.",
         lambda: unit().cancel("2025-03-06T23:00").ends(), "2025-03-10 00:00"),
    Case("5", "Noticed at 01:00 on 2025-10-31, the clocks go back: 72 elapsed hours end at 00:00 of 2025-11-03.",
         lambda: unit().cancel("2025-10-31T01:00").ends(), "2025-11-03 00:00"),
    Case("5", "Noticed a minute later, the 72 hours end a minute past that midnight.",
         lambda: unit().cancel("2025-10-31T01:01").ends(), "2025-11-04 00:00"),
    Case("5", "Asked for a date within the 72 hours: the earliest possible.",
         lambda: unit().cancel("2025-03-04", asked_for="2025-03-05").ends(), "2025-03-08 00:00"),
    Case("5", "Asked for a date after the 72 hours, before the next bill: that date.",
         lambda: unit().cancel("2025-03-04", asked_for="2025-03-15").ends(), "2025-03-15 00:00"),
    Case("5", "The 72 hours cross leap day.", lambda: billed("2024-01-20").cancel("2024-02-27T12:00").ends(),
         "2024-03-02 00:00"),
    Case("5", "The 72 hours cross the turn of the year.", lambda: unit().cancel("2025-12-30T12:00").ends(),
         "2026-01-03 00:00"),
    # --- The next bill --------------------------------------------------------------------------------------------
    Case("5", "Billing on Friday 2025-06-20: Juneteenth before it is no Business Day, Monday 16 is the last in time.",
         lambda: (life := unit().cancel("2025-06-16")) and (life.bill_of(), life.ends()),
         ("2025-06-20 avoided", "2025-06-20 00:00")),
    Case("5", "Tuesday 2025-06-17 is too late: billed, and service ends with the renewed period.",
         lambda: (life := unit().cancel("2025-06-17")) and (life.bill_of(), life.ends()),
         ("2025-06-20 stands", "2025-07-20 00:00")),
    Case("5", "Too late, and asked for a date after the renewed period: that date.",
         lambda: unit().cancel("2025-06-17", asked_for="2025-07-25").ends(), "2025-07-25 00:00"),
    Case("5", "Too late, and asked for a date within the renewed period: its end.",
         lambda: unit().cancel("2025-06-17", asked_for="2025-07-01").ends(), "2025-07-20 00:00"),
    Case("5", "Billing on Thursday 2025-05-15, noticed on Monday at noon: bill avoided, the 72 hours end past it.",
         lambda: (life := billed("2025-01-15").cancel("2025-05-12T12:00")) and (life.bill_of(), life.ends()),
         ("2025-05-15 avoided", "2025-05-16 00:00")),
    Case("5", "The same, asked for the very date the 72 hours give: the bill is avoided.",
         lambda: billed("2025-01-15").cancel("2025-05-12T12:00", asked_for="2025-05-16").bill_of(),
         "2025-05-15 avoided"),
    Case("5", "In time, but asked for a date past the next bill: that period is wanted, and billed.",
         lambda: (life := unit().cancel("2025-06-10", asked_for="2025-06-25")) and (life.bill_of(), life.ends()),
         ("2025-06-20 stands", "2025-06-25 00:00")),
    Case("5", "Billing on Monday 2026-07-06: Independence Day is a Saturday and not moved, so Friday 3 counts.",
         lambda: (life := billed("2026-01-06")) and (life.cancel("2026-07-01").bill_of()), "2026-07-06 avoided"),
    Case("5", "Billing on Tuesday 2027-07-06: Independence Day is a Sunday and observed on Monday 5.",
         lambda: (billed("2027-01-06").cancel("2027-06-30").bill_of(),
                  billed("2027-01-06").cancel("2027-07-01").bill_of()),
         ("2027-07-06 avoided", "2027-07-06 stands")),
    Case("5", "The notice day counts to its last second, local: Monday 2025-06-16 at 23:59:59 through a Distributor.",
         lambda: unit().cancel("2025-06-16T23:59:59").bill_of(), "2025-06-20 avoided"),
    Case("5", "The billing day 31 is the last day of shorter months, and 31 again after them.",
         lambda: billed("2025-01-31").wait("2025-02-01").bills("2025-06-30"),
         ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30"]),
    Case("5", "The billing day 31 in a leap year.", lambda: billed("2024-01-31").bills("2024-03-31"),
         ["2024-02-29", "2024-03-31"]),
    Case("5", "Never activated: there is no bill to avoid, the 72 hours decide.",
         lambda: Life().order("2025-01-10").ship("2025-01-10").cancel("2025-01-15").ends(), "2025-01-19 00:00"),
    # --- Withdrawn, replaced, partial -----------------------------------------------------------------------------
    Case("5", "Withdrawn before it takes effect: service goes on.",
         lambda: unit().cancel("2025-03-04").tell(ev.CancellationWithdrawn, "2025-03-07T23:59").wait("2025-05-01")
         .ends(), ""),
    Case("5", "At the instant it takes effect it is too late to withdraw.",
         lambda: unit().cancel("2025-03-04").tell(ev.CancellationWithdrawn, "2025-03-08T00:00"), REFUSED),
    Case("5", "A second notice replaces the first, also by a later date.",
         lambda: unit().cancel("2025-03-04", asked_for="2025-03-10")
         .cancel("2025-03-05", asked_for="2025-03-18", name="m").ends(), "2025-03-18 00:00"),
    Case("5", "A second notice for B replaces the first one for A whole: A goes on.",
         lambda: (life := units("A", "B").cancel("2025-03-04", serials=("A",))
                  .cancel("2025-03-05", serials=("B",), name="m").wait("2025-04-01"))
         and (life.ends("A"), life.costs()),
         ("", {"B": "$50.00"})),
    Case("5", "Part of the services is cancelled: the rest goes on, is billed, and the account is not ended.",
         lambda: (life := units("A", "B").cancel("2025-03-04", serials=("B",)).wait("2025-04-01"))
         and (life.ends("A"), life.ends("B"), life.service(), life.bills("2025-05-01")),
         ("", "2025-03-08 00:00", "available", ["2025-04-20"])),
    Case("5", "What has ended is not cancelled again.",
         lambda: unit().cancel("2025-03-04").wait("2025-03-09").cancel("2025-03-10", name="m"), REFUSED),
    # --- Annual plans ---------------------------------------------------------------------------------------------
    Case("5", "Annual, $365.00, activated 2025-01-20, ends 2025-02-05: 349 of 365 days are unused.",
         lambda: refunds(annual(36500).cancel("2025-02-01").wait("2025-03-01")),
         ["2025-02-05 refund $349.00 annual_refund of o1"]),
    Case("5", "Noticed on Order Date + 30: the refund.",
         lambda: refunds(annual(36500).cancel("2025-02-09").wait("2025-03-01")),
         ["2025-02-13 refund $341.00 annual_refund of o1"]),
    Case("5", "Noticed on Order Date + 31: none.",
         lambda: refunds(annual(36500).cancel("2025-02-10").wait("2025-03-01")), []),
    Case("5", "A paid period with a leap day has 366 days: $366.00, activated 2023-03-01, ends 2023-03-14.",
         lambda: refunds(annual(36600, "2023-02-20", "2023-03-01").cancel("2023-03-10").wait("2023-04-01")),
         ["2023-03-14 refund $353.00 annual_refund of o1"]),
    Case("5", "Half a cent goes up: $1.83 x 353 / 366 is $1.765.",
         lambda: refunds(annual(183, "2023-02-20", "2023-03-01").cancel("2023-03-10").wait("2023-04-01")),
         ["2023-03-14 refund $1.77 annual_refund of o1"]),
    Case("5", "Ended before the Term began, never activated: all of the price.",
         lambda: refunds(annual(36500, activated="").cancel("2025-01-12").wait("2025-03-01")),
         ["2025-01-16 refund $365.00 annual_refund of o1"]),
    Case("5", "Withdrawn, nothing is refunded.",
         lambda: refunds(annual(36500).cancel("2025-02-01").tell(ev.CancellationWithdrawn, "2025-02-02")
                         .wait("2025-06-01")), []),
    Case("5", "Refunded, then an earlier activation becomes known: the refund stays the one it was.",
         lambda: refunds(annual(36500, activated="").cancel("2025-01-12").wait("2025-02-01")
                         .activate("2025-01-14", known="2025-02-02").wait("2025-06-01")),
         ["2025-01-16 refund $365.00 annual_refund of o1"]),
    Case("5", "Annual bills of an account activated on leap day.",
         lambda: annual(36500, "2024-02-20", "2024-02-29").bills("2028-12-31"),
         ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
    # --- Suspension -----------------------------------------------------------------------------------------------
    Case("5", "Suspended for non-payment, paid in full, reconnect fee paid: $15.00, and service is back.",
         lambda: (life := paid(suspended())) and (life.service(), life.ledger()),
         ("available", ["2025-03-10 charge $15.00 reconnect_fee of "])),
    Case("5", "Not paid in full: stays suspended.", lambda: paid(suspended(), in_full=False), REFUSED),
    Case("5", "Paid in full, but no reconnect fee: stays suspended.", lambda: paid(suspended(), fee=False), REFUSED),
    Case("5", "Suspended for two reasons: one reactivation, one fee.",
         lambda: paid(suspended(ev.Suspension.NON_PAYMENT, ev.Suspension.SECURITY)).costs(), {"": "$15.00"}),
    Case("5", "Suspended twice, one after the other: two fees.",
         lambda: paid(paid(suspended()).tell(ev.Suspended, "2025-05-01", why=ev.Suspension.SECURITY), "2025-05-03")
         .costs(), {"": "$30.00"}),
    Case("5", "What is not suspended is not reactivated.", lambda: paid(unit()), REFUSED),
    Case("5", "The term's clock goes on while suspended.",
         lambda: suspended().wait("2025-12-01").term_of(), "2025-01-20 to 2026-01-20"),
    Case("5", "A suspended account may cancel, and owes the fee.",
         lambda: (life := suspended().cancel("2025-03-05").wait("2025-03-10")) and (life.service(), life.costs()),
         ("ended", {"A": "$50.00"})),
    # --- Termination ----------------------------------------------------------------------------------------------
    Case("5", "Unpaid, noticed Tuesday 2025-12-23: Christmas does not count, 31 December is theirs to its last second.",
         lambda: ended(breach("2025-12-23"), "2025-12-31T23:59:59"), REFUSED),
    Case("5", "Unpaid, noticed Tuesday 2025-12-23: ended at the first instant of the new year.",
         lambda: ended(breach("2025-12-23"), "2026-01-01T00:00"), "2026-01-01 00:00"),
    Case("5", "Unpaid, noticed Wednesday 2026-07-01: Saturday's holiday is not moved, Friday counts; the 9th is free.",
         lambda: (ended(breach("2026-07-01"), "2026-07-09T00:00"),
                  breach("2026-07-01").tries(ev.Terminated, "2026-07-08T23:59", breach=ev.Breach.UNPAID).ends()),
         ("2026-07-09 00:00", "")),
    Case("5", "Unpaid, noticed Thursday 2027-07-01: Sunday's holiday is observed on Monday; the 9th is still theirs.",
         lambda: (ended(breach("2027-07-01"), "2027-07-10T00:00"),
                  breach("2027-07-01").tries(ev.Terminated, "2027-07-09T23:59", breach=ev.Breach.UNPAID).ends()),
         ("2027-07-10 00:00", "")),
    Case("5", "Another breach, noticed 2025-01-31: 30 days end on 2 March.",
         lambda: (ended(breach("2025-01-31", ev.Breach.OTHER), "2025-03-03T00:00", ev.Breach.OTHER),
                  breach("2025-01-31", ev.Breach.OTHER)
                  .tries(ev.Terminated, "2025-03-02T23:59", breach=ev.Breach.OTHER).ends()),
         ("2025-03-03 00:00", "")),
    Case("5", "Another breach: the 30 days cross the night the clocks go back, and are local days.",
         lambda: ended(breach("2025-10-10", ev.Breach.OTHER), "2025-11-10T00:00", ev.Breach.OTHER),
         "2025-11-10 00:00"),
    Case("5", "Without a written notice no breach ends service.",
         lambda: ended(unit(), "2025-06-01"), REFUSED),
    Case("5", "Paid in full after the last day, before it was ended: not unpaid any more.",
         lambda: ended(paid(suspended().warn_unpaid("2025-03-04T13:00"), "2025-03-20"), "2025-03-21"), REFUSED),
    Case("5", "A second written notice starts nothing anew: the five days count from the first.",
         lambda: ended(breach("2025-12-23").warn_unpaid("2025-12-30"), "2026-01-01T00:00"), "2026-01-01 00:00"),
    Case("5", "The operator ends service for its own reasons: at once.",
         lambda: unit().tell(ev.Terminated, "2025-03-04T15:00", breach=None).ends(), "2025-03-04 15:00"),
    Case("5", "Ended is ended: nothing is suspended after it.",
         lambda: unit().tell(ev.Terminated, "2025-03-04", breach=None)
         .tell(ev.Suspended, "2025-03-05", why=ev.Suspension.LAW), REFUSED),
    Case("5", "A port-out of everything is no notice: it may be cancelled properly later.",
         lambda: unit(FREE).tell(ev.PortedOut, "2025-03-04", number="+12125550100").cancel("2025-03-04T13:00").ends(),
         "2025-03-08 00:00"),
    Case("5 values", "96 hours from 2025-03-04 on: the notice of that day waits a day longer.",
         lambda: Life().tell(ev.PolicySet, "2025-01-02", policy=ev.Policy.CANCELLATION_LEAD_HOURS, value=96,
                             effective=day("2025-03-04")).order("2025-01-10").ship("2025-01-10")
         .activate("2025-01-20").cancel("2025-03-04").ends(), "2025-03-09 00:00"),
]  # fmt: skip
