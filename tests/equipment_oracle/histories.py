"""Random histories of one Account from a seed, plausible and nasty; each event is marked with the rule that refuses it.

    for told in history(Random(7), length=100): told.event, told.refused

The instants lean towards what goes wrong: midnights, daylight-saving nights, leap days, month ends, deadlines to the
day, cancellation leads to the second. Every history has its own leanings and pace (swarm). About one event in four is
illegal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.calendar import first_instant, local_date, plus_days
from tests.equipment_oracle.endings import ServiceState, next_billing_dates
from tests.equipment_oracle.facts import places, shipments, with_account
from tests.equipment_oracle.oracle import Oracle
from tests.equipment_oracle.returns import Return, dates, is_live, return_track, rma_named, rmas

SOME_STARTS = (
    datetime(2024, 2, 28, 12, tzinfo=UTC),  # the leap day is tomorrow
    datetime(2024, 10, 31, 3, 59, tzinfo=UTC),  # a month end by UTC, still the day before in New York
    datetime(2025, 1, 31, 15, tzinfo=UTC),  # a billing day that most months miss
    datetime(2025, 3, 9, 6, 59, tzinfo=UTC),  # one minute before the clocks go forward
    datetime(2025, 11, 2, 5, 30, tzinfo=UTC),  # within the hour that comes twice
    datetime(2025, 12, 30, 22, tzinfo=UTC),  # holidays ahead
)
GAPS = (
    timedelta(0), timedelta(seconds=1), timedelta(minutes=37), timedelta(hours=5), timedelta(hours=24),
    timedelta(days=2), timedelta(days=4), timedelta(days=11), timedelta(days=29),
)  # fmt: skip
GAP_WEIGHTS = (6, 4, 10, 10, 8, 6, 4, 2, 1)
LATEST_EVIDENCE_HOURS = 24 * 20
KEPT_OF_REFUSED = 0.12
TRIES = 60
PLOT_TRIES = 6
STOPS_AFTER_END = 0.07
LEANINGS = (0.2, 1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a history; `refused` is the rule it breaks, None for a legal one."""

    event: ev.Event
    refused: str | None


@dataclass(slots=True)
class Author:
    """Makes up what happens next; the oracle at its side says what may."""

    random: Random
    oracle: Oracle = field(default_factory=Oracle)
    now: datetime = field(init=False)
    pace: int = field(init=False)
    names: int = 0
    focus: str = ""  # the Unit of the plot that is on, and what is left of it
    plot: list[Callable[[Author], ev.Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = self.random.choice((1, 1, 2, 6))
        self.now = self.random.choice(SOME_STARTS) + timedelta(hours=self.random.randrange(24 * 60))

    # --- Choosing --------------------------------------------------------------------------------------------------

    def name(self, what: str) -> str:
        self.names += 1
        return f"{what}{self.names}"

    def act(self, kind: type[ev.Event], /, **fields: Any) -> ev.Event:
        return kind(at=self.now, known_at=self.now, **fields)

    def evidence(self, kind: type[ev.Evidence], /, **fields: Any) -> ev.Event:
        late = self.random.random() < 0.25
        at = self.now - timedelta(hours=self.random.randrange(1, LATEST_EVIDENCE_HOURS)) if late else self.now
        return kind(at=at, known_at=self.now, **fields)

    def shipment(self) -> ev.UnitShipped | None:
        sent = shipments(self.oracle.facts)
        near = [shipment for shipment in sent if with_account(self.oracle.facts, shipment)]
        return self.random.choice(near if near and self.random.random() < 0.85 else sent) if sent else None

    def take_up_a_plot(self) -> None:
        """Now and then a Unit is followed through a whole course of events, so that long courses come about."""
        shipment = self.shipment()
        if not self.plot and shipment is not None and self.random.random() < 0.15:
            self.focus, self.plot = shipment.serial, list(self.random.choice(PLOTS))

    def serial(self) -> str:
        if self.plot and self.random.random() < 0.9:
            return self.focus
        shipment = self.shipment()
        return shipment.serial if shipment else "never-seen"

    def rma(self, *tracks: Return) -> str:
        """Preferably one whose return is at such a step."""
        facts = self.oracle.facts
        found = rmas(facts)
        fit = [rma for rma in found if is_live(facts, rma) and return_track(facts, rma) in tracks]
        choice = fit if fit and self.random.random() < 0.9 else found
        followed = [rma for rma in choice if self.plot and rma.placement.serial == self.focus]
        choice = followed or choice
        return self.random.choice(choice).name if choice else "no-rma"

    def serial_of(self, rma: str) -> str:
        found = [known.placement.serial for known in rmas(self.oracle.facts) if known.name == rma]
        return found[0] if found else self.serial()

    # --- Time ------------------------------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """By a gap, or to one of the instants at which things are decided, or just beside it."""
        aim = self.random.random()
        near = [first_instant(plus_days(local_date(self.now), self.random.choice((1, 3, 10, 14, 30))))]
        near += self.oracle.due_instants()[:2]
        if aim < 0.25 / self.pace:
            target = self.random.choice(near) + timedelta(seconds=self.random.choice((-1, 0, 1)))
            self.now = max(self.now, min(target, self.now + timedelta(days=60)))
        else:
            self.now += self.random.choices(GAPS, GAP_WEIGHTS)[0] / (self.pace * (3 if self.plot else 1))

    # --- Events ----------------------------------------------------------------------------------------------------

    def policy_set(self) -> ev.Event:
        policy = self.random.choice(list(ev.Policy))
        small = {"months": (6, 12, 18, 24), "cents": (0, 999, 4000, 5001, 8000), "hours": (24, 72, 100)}
        values = small.get(policy.value.rsplit("_", 1)[-1], (0, 2, 3, 5, 10, 30))
        effective = plus_days(local_date(self.now), self.random.choice((-1, 1, 1, 2, 20)))
        return self.act(ev.PolicySet, policy=policy, value=self.random.choice(values), effective=effective)

    def order_accepted(self) -> ev.Event:
        orders = self.oracle.facts.of(ev.OrderAccepted)
        plan = orders[0].plan if orders and self.random.random() < 0.95 else self.random.choice(list(ev.Plan))
        lines = tuple(self.order_line(number) for number in range(self.random.randrange(1, 5)))
        price = self.random.choice((0, 1, 19999, 24000, 36501))
        return self.act(ev.OrderAccepted, order=self.name("order"), plan=plan, plan_price_cents=price, lines=lines)

    def order_line(self, number: int) -> ev.OrderLine:
        """Free, credited, rented, leased for nothing or for money, bought, brought along; with shipping and support."""
        ownership, one_off, recurring, credit = self.random.choice((
            (ev.Ownership.PROVIDED, 0, 0, 0), (ev.Ownership.PROVIDED, 0, 0, 0), (ev.Ownership.PROVIDED, 3995, 0, 3995),
            (ev.Ownership.PROVIDED, 0, 500, 0), (ev.Ownership.LEASED, 0, 0, 0), (ev.Ownership.LEASED, 0, 399, 0),
            (ev.Ownership.CUSTOMER, 3995, 0, 0), (ev.Ownership.CUSTOMER, 6999, 0, 1),
            (ev.Ownership.CUSTOMER, 3995, 0, 3500), (ev.Ownership.CUSTOMER, 0, 0, 0),
        ))  # fmt: skip
        extra = self.random.choice((0, 995))
        return ev.OrderLine(
            line=f"line{number}", ownership=ownership, one_off_cents=one_off, recurring_cents=recurring,
            credits_cents=credit, shipping_and_handling_cents=extra, support_cents=extra,
        )  # fmt: skip

    def first_shipped(self) -> ev.Event:
        known = places(self.oracle.facts)
        key = self.random.choice(known).key if known else ("no-order", "no-line")
        fresh = self.random.random() < 0.9
        serial = self.name("serial") if fresh else self.serial()
        return self.act(ev.UnitShipped, shipment=self.name("shipment"), serial=serial, order=key[0], line=key[1])

    def replacement_shipped(self) -> ev.Event:
        rma = self.rma(Return.AWAITED, Return.IN_TRANSIT, Return.RECEIVED, Return.OVERDUE)
        return self._sent(rma, self.random.random() < 0.15)

    def repaired_shipped(self) -> ev.Event:
        found = self.oracle.facts.of(ev.Inspected)
        return self._sent(self.random.choice(found).rma if found else "no-rma", self.random.random() < 0.7)

    def _sent(self, rma: str, repaired: bool) -> ev.Event:
        """Most replacements are new; some are Units that came back and were refurbished."""
        back = [shipment.serial for shipment in shipments(self.oracle.facts)]
        serial = self.serial_of(rma) if repaired else self.name("serial")
        if not repaired and back and self.random.random() < 0.2:
            serial = self.random.choice(back)
        return self.act(ev.UnitShipped, shipment=self.name("shipment"), serial=serial, rma=rma, repaired=repaired)

    def delivered(self) -> ev.Event:
        shipment = self.shipment()
        return self.evidence(ev.Delivered, shipment=shipment.shipment if shipment else "no-shipment")

    def carrier_failed(self) -> ev.Event:
        shipment = self.shipment()
        outcome = self.random.choice(list(ev.CarrierOutcome))
        name = shipment.shipment if shipment else "no-shipment"
        return self.evidence(ev.CarrierFailed, shipment=name, outcome=outcome)

    def registered(self) -> ev.Event:
        place = ev.Place.ACCOUNT if self.random.random() < 0.8 else ev.Place.WAREHOUSE
        return self.evidence(ev.Registered, serial=self.serial(), place=place)

    def activated(self) -> ev.Event:
        return self.evidence(ev.Activated, serial=self.serial())

    def rma_opened(self) -> ev.Event:
        kind = self.random.choices(list(ev.Kind), (5, 4, 1, 3))[0]
        trial = kind is ev.Kind.TRIAL_RETURN and self.random.random() < 0.9
        return self.opened(kind, ev.Mode.ON_RECEIPT if trial else self.random.choice(list(ev.Mode)))

    def opened(self, kind: ev.Kind, mode: ev.Mode) -> ev.Event:
        return self.act(ev.RmaOpened, rma=self.name("rma"), serial=self.serial(), kind=kind, mode=mode)

    def decided(self) -> ev.Event:
        return self.settled(self.random.choices((ev.RmaApproved, ev.RmaDenied, ev.RmaCancelled), (12, 2, 2))[0])

    def approved(self) -> ev.Event:
        return self.settled(ev.RmaApproved)

    def settled(self, kind: type[ev.Event]) -> ev.Event:
        waiting = [rma.name for rma in rmas(self.oracle.facts) if rma.decision == "requested"]
        rma = waiting[-1] if waiting and self.random.random() < 0.9 else self.rma(Return.AWAITED)
        return self.act(kind, rma=rma)

    def scanned(self) -> ev.Event:
        return self.evidence(ev.ReturnScanned, rma=self.rma(Return.AWAITED, Return.OVERDUE))

    def received(self) -> ev.Event:
        if self.random.random() < 0.15:
            return self.blind()
        rma = self.rma(Return.AWAITED, Return.IN_TRANSIT, Return.OVERDUE)
        return self.evidence(ev.ReturnReceived, serial=self.serial_of(rma), rma=rma)

    def received_late(self) -> ev.Event:
        """Without a scan, on a last day or the day after it: of the deadline, of the grace, of the late credit."""
        facts, rma = self.oracle.facts, self.rma(Return.AWAITED, Return.OVERDUE)
        known = rma_named(facts, rma)
        deadline = dates(facts, known).deadline if known is not None else None
        if deadline is not None:
            self.wait_for(plus_days(deadline, self.random.choice((0, 1, 5, 6, 31, 32))))
        return self.act(ev.ReturnReceived, serial=self.serial_of(rma), rma=rma)

    def wait_for(self, day: date) -> None:
        """The next event is that day, or today if that is over."""
        self.now = max(self.now, first_instant(day) + timedelta(seconds=self.random.choice((0, 1, 86399))))

    def blind(self) -> ev.Event:
        return self.evidence(ev.ReturnReceived, serial=self.serial())

    def matched(self) -> ev.Event:
        rma = self.rma(Return.IN_QUARANTINE)
        return self.act(ev.BlindMatched, serial=self.serial_of(rma), rma=rma)

    def quarantined(self) -> ev.Event:
        return self.act(ev.Quarantined, rma=self.rma(Return.RECEIVED))

    def inspected(self) -> ev.Event:
        finding = self.random.choices(list(ev.Finding), (5, 4, 3))[0]
        rma, complete = self.rma(Return.RECEIVED, Return.IN_QUARANTINE), self.random.random() < 0.85
        return self.act(ev.Inspected, rma=rma, finding=finding, accessories_complete=complete)

    def closed(self) -> ev.Event:
        found = [rma.name for rma in rmas(self.oracle.facts)]
        return self.act(ev.RmaClosed, rma=self.random.choice(found) if found else "no-rma")

    def cancellation_asked(self) -> ev.Event:
        asked_for: date | None = None
        if self.random.random() < 0.5:
            asked_for = plus_days(local_date(self.now), self.random.choice((-3, 0, 2, 3, 4, 10, 31, 70)))
        units = {self.serial() for _ in range(self.random.randrange(1, 3))}
        trials = [rma.placement.serial for rma in rmas(self.oracle.facts) if rma.kind is ev.Kind.TRIAL_RETURN]
        if trials and self.random.random() < 0.5:
            units = {self.focus if self.plot else trials[-1]}
        serials = tuple(sorted(units)) if self.plot or self.random.random() < 0.7 else ()
        channel = self.random.choice(list(ev.Channel))
        notice = self.name("notice")
        return self.act(ev.CancellationAsked, notice=notice, channel=channel, asked_for=asked_for, serials=serials)

    def cancellation_near_bill(self) -> ev.Event:
        """A notice some days before a bill, for a date around that bill or the next one."""
        bills = next_billing_dates(self.oracle.facts, local_date(self.now))
        asked_for: date | None = None
        if bills is not None and bills[0] < plus_days(local_date(self.now), 40):
            self.wait_for(plus_days(bills[0], -self.random.randrange(1, 7)))
            around = [plus_days(bill, off) for bill in bills for off in (-1, 0, 1, 2, 3)]
            asked_for = self.random.choice([None, *around])
        notice, channel = self.name("notice"), self.random.choice(list(ev.Channel))
        serials = () if self.random.random() < 0.3 else (self.serial(),)
        return self.act(ev.CancellationAsked, notice=notice, channel=channel, asked_for=asked_for, serials=serials)

    def cancellation_withdrawn(self) -> ev.Event:
        return self.act(ev.CancellationWithdrawn)

    def waiver_claimed(self) -> ev.Event:
        notices = self.oracle.facts.of(ev.CancellationAsked)
        notice = self.random.choice(notices).notice if notices else "no-notice"
        since = plus_days(local_date(self.now), -self.random.choice((0, 9, 10, 11, 29, 30, 31)))
        return self.act(ev.WaiverClaimed, notice=notice, waiver=self.random.choice(list(ev.Waiver)), since=since)

    def line_removed(self) -> ev.Event:
        return self.act(ev.LastLineRemoved, serial=self.serial())

    def suspended(self) -> ev.Event:
        return self.act(ev.Suspended, why=self.random.choice(list(ev.Suspension)))

    def reactivated(self) -> ev.Event:
        paid, fee = self.random.random() < 0.8, self.random.random() < 0.8
        return self.act(ev.Reactivated, paid_in_full=paid, reconnect_fee_paid=fee)

    def breach_noticed(self) -> ev.Event:
        return self.act(ev.BreachNoticed, breach=self.random.choice(list(ev.Breach)))

    def terminated(self) -> ev.Event:
        return self.act(ev.Terminated, breach=self.random.choice((None, *ev.Breach)))

    def ported_out(self) -> ev.Event:
        return self.act(ev.PortedOut, number="+12125550100")


WEIGHTS: dict[Callable[[Author], ev.Event], float] = {
    Author.policy_set: 2, Author.order_accepted: 3, Author.first_shipped: 14, Author.replacement_shipped: 10,
    Author.repaired_shipped: 6, Author.delivered: 8, Author.carrier_failed: 3, Author.registered: 6,
    Author.activated: 10, Author.rma_opened: 16, Author.decided: 18, Author.scanned: 8, Author.received: 10,
    Author.matched: 4, Author.quarantined: 3, Author.inspected: 12, Author.closed: 2, Author.cancellation_asked: 5,
    Author.cancellation_near_bill: 3,
    Author.cancellation_withdrawn: 1, Author.waiver_claimed: 1, Author.line_removed: 1, Author.suspended: 2,
    Author.reactivated: 2, Author.breach_noticed: 1, Author.terminated: 0.4, Author.ported_out: 1,
}  # fmt: skip


Plot = tuple[Callable[[Author], ev.Event], ...]


def opening(kind: ev.Kind, mode: ev.Mode) -> Callable[[Author], ev.Event]:
    return lambda author: author.opened(kind, mode)


BACK: Plot = (Author.scanned, Author.received, Author.inspected)
PLOTS: tuple[Plot, ...] = (
    (opening(ev.Kind.TRIAL_RETURN, ev.Mode.ON_RECEIPT), Author.approved, Author.cancellation_asked, *BACK),
    (Author.cancellation_asked, opening(ev.Kind.TRIAL_RETURN, ev.Mode.ON_RECEIPT), Author.approved, *BACK),
    (opening(ev.Kind.DEFECT, ev.Mode.ON_RECEIPT), Author.approved, *BACK, Author.repaired_shipped, Author.delivered),
    (opening(ev.Kind.DEFECT, ev.Mode.ADVANCE), Author.approved, Author.replacement_shipped, Author.delivered, *BACK),
    (
        opening(ev.Kind.WRONG_ITEM, ev.Mode.ADVANCE),
        Author.approved,
        Author.replacement_shipped,
        Author.activated,
        *BACK,
    ),
    (Author.blind, opening(ev.Kind.DEFECT, ev.Mode.ON_RECEIPT), Author.approved, Author.matched, Author.inspected),
    (Author.line_removed, *BACK, Author.closed),
    (Author.suspended, Author.reactivated),
    (
        opening(ev.Kind.DEFECT, ev.Mode.ADVANCE),
        Author.approved,
        Author.replacement_shipped,
        Author.received_late,
        Author.inspected,
    ),
)


def history(random: Random, length: int = 60) -> Iterator[Told]:
    """A history of at most `length` events, in the order they become known; the first is an order, and it stops some
    events after the Account's service has ended."""
    author = Author(random)
    invent = {make: weight * random.choice(LEANINGS) for make, weight in WEIGHTS.items()}
    for number in range(length):
        author.pass_time()
        told = Told(author.order_accepted(), None) if number == 0 else next_event(author, invent)
        yield told
        if told.refused is None:
            author.oracle.tell(told.event)
        author.oracle.advance(author.now)
        if author.oracle.service_state() is ServiceState.ENDED and random.random() < STOPS_AFTER_END:
            return


def next_event(author: Author, invent: dict[Callable[[Author], ev.Event], float]) -> Told:
    """A legal event, or one time in a few tries an illegal one; the same event again now and then (a double)."""
    author.take_up_a_plot()
    for attempt in range(TRIES):
        follows = attempt < PLOT_TRIES and bool(author.plot)
        if follows:
            event = author.plot[0](author)
        elif author.oracle.facts.events and author.random.random() < 0.02:
            event = again(author, author.random.choice(author.oracle.facts.events))
        else:
            author.plot.clear()
            event = author.random.choices(list(invent), list(invent.values()))[0](author)
        why = author.oracle.refusal(event)
        if follows and why is None:
            author.plot.pop(0)
        if why is None or attempt == TRIES - 1 or author.random.random() < KEPT_OF_REFUSED:
            return Told(event, why)
    raise AssertionError("unreachable: the last try returns")


def again(author: Author, event: ev.Event) -> ev.Event:
    """The same event told twice: evidence keeps the instant it is of, an act happens now."""
    fields = {name: getattr(event, name) for name in type(event).__dataclass_fields__}
    at = event.at if isinstance(event, ev.Evidence) else author.now
    return type(event)(**{**fields, "at": at, "known_at": author.now})
