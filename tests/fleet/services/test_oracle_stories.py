"""Stories of endings and of blind returns, told to the services and to the oracle of the rules: one sum comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

import pytest

from fleet.domain.access import Actor
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.money import Money
from fleet.domain.order import Agreement, OrderLine, Plan
from fleet.domain.rma import Condition, RmaKind
from fleet.domain.termination import Breach
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.deadlines import Deadlines
from fleet.services.jobs import SCHEDULER
from fleet.services.waivers import Claim
from fleet.store.charges import ChargeFilter
from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import BOUGHT, FREE, LEASED, Story, local
from tests.fleet.conftest import Clock
from tests.fleet.domain.equipment_model.shipping import OWNERSHIPS
from tests.fleet.services.equipment import DISTRIBUTOR, HOME, PARCEL, Warehouse

START = "2026-03-02"
FINDINGS = {
    ev.Finding.SOUND: Inspection(InspectionCode.NO_FAULT_FOUND, note="as new"),
    ev.Finding.DAMAGED: Inspection(InspectionCode.LIQUID, note="wet"),
}
PRICES = {BOUGHT.ownership: Money(3995), FREE.ownership: Money(0), LEASED.ownership: Money(0)}


@dataclass
class Both:
    """Tells each act to the services and to the oracle, at one instant. A unit is called by a letter."""

    warehouse: Warehouse
    clock: Clock
    story: Story = field(default_factory=Story)
    units: dict[str, Unit] = field(default_factory=dict)
    notices: int = 0

    @property
    def services(self) -> Services:
        return self.warehouse.services

    @property
    def actor(self) -> Actor:
        return self.warehouse.actor

    def at(self, when: str) -> datetime:
        """The instant comes, and the jobs run."""
        self.clock.now = local(when)
        Deadlines(self.services.transactions, self.services.terms._zone).expire(SCHEDULER)
        self.services.cancellations.take_effect(SCHEDULER)
        return self.clock.now

    def order(self, *lines: ev.OrderLine, plan: Plan = Plan.MONTHLY, cents: int = 12000) -> Both:
        """Everything is ordered, sent, plugged in and active on the first day."""
        self.at(START)
        named = [ev.OrderLine(line=str(n), ownership=line.ownership, one_off_cents=line.one_off_cents)
                 for n, line in enumerate(lines)]  # fmt: skip
        self.story.order(START, *named, plan=ev.Plan(plan), cents=cents)
        whose = [line.ownership for line in lines]
        taken = [OrderLine("simulated", 1, PRICES[each], ownership=OWNERSHIPS[each]) for each in whose]
        order = self.services.orders.create(self.actor, 1, date(2026, 3, 2), taken, Agreement(plan, Money(cents)), HOME)
        for number in range(len(lines)):
            letter, unit = "ABC"[number], self.warehouse.stock()
            self.services.orders.ship(self.actor, order.id, [unit.serial], PARCEL)
            self.warehouse.register(unit)
            self.warehouse.ready(unit)
            self.story.ship(START, letter, str(number)).activate(START, letter)
            self.units[letter] = unit
        return self

    def cancel(self, when: str, *letters: str, asked_for: str = "") -> Both:
        at, self.notices = self.at(when), self.notices + 1
        serials = [self.units[letter].serial for letter in letters] or None
        wanted = date.fromisoformat(asked_for) if asked_for else None
        asked = Asked(at, NoticeChannel.DISTRIBUTOR, "PE-1", wanted, serials, passed_on_by=DISTRIBUTOR)
        self.services.cancellations.request(self.actor, 1, asked)
        self.story.cancel(when, asked_for, f"n{self.notices}", letters)
        return self

    def waive(self, when: str, since: str, number: int = 1) -> Both:
        day = date.fromisoformat(since)
        self.services.waivers.claim(self.actor, number, Claim(self.at(when), since=day))
        self.story.tell(ev.WaiverClaimed, when, notice=f"n{number}", waiver=ev.Waiver.FORCE_MAJEURE, since=day)
        return self

    def warn(self, when: str) -> Both:
        self.at(when)
        self.services.terminations.give_notice(self.actor, 1, Breach.NON_PAYMENT, "unpaid")
        self.story.warn_unpaid(when)
        return self

    def terminate(self, when: str) -> Both:
        self.at(when)
        self.services.terminations.terminate(self.actor, 1, "unpaid")
        self.story.end_all(when)
        return self

    def end(self, when: str) -> Both:
        self.at(when)
        self.services.terminations.end(self.actor, 1, "we leave")
        self.story.tell(ev.Terminated, when, breach=None)
        return self

    def come_in(self, when: str, letter: str = "A", rma: str = "") -> Both:
        self.at(when)
        self.services.blind_returns.take_in(self.actor, self.units[letter].serial, Condition.SOUND, "scanned")
        self.story.receive(when, serial=letter, rma=rma)
        return self

    def rma(self, when: str, letter: str = "A", kind: str = "defect", mode: str = "on_receipt") -> Both:
        self.at(when)
        self.warehouse.approved(self.units[letter], RmaKind(kind), mode)
        self.story.rma(when, letter, "r", ev.Kind(kind), ev.Mode(mode))
        return self

    def replace(self, when: str) -> Both:
        self.at(when)
        self.warehouse.stock()
        self.units["Z"] = self.warehouse.replace(self.services.rmas.get(self.actor, 1)[0])
        self.story.replace(when, "Z")
        return self

    def match(self, when: str, letter: str = "A") -> Both:
        self.at(when)
        self.services.blind_returns.match(self.actor, 1, 1)
        self.story.tell(ev.BlindMatched, when, serial=letter, rma="r")
        return self

    def scan(self, when: str, known: str) -> Both:
        self.at(known)
        self.services.returns.hand_in(self.actor, 1, local(when))
        self.story.scan(when, known)
        return self

    def inspect(self, when: str, finding: ev.Finding = ev.Finding.SOUND) -> Both:
        self.at(when)
        self.services.returns.inspect(self.actor, 1, FINDINGS[finding])
        self.story.inspect(when, finding)
        return self

    def wait(self, when: str) -> Both:
        self.at(when)
        self.story.wait(when)
        return self

    def money(self) -> tuple[list[tuple[str, int, str]], list[tuple[str, int, str]]]:
        """Kind, cents and date of each event: by the services, and by the oracle."""
        found = [line.event for line in self.services.charges.page(self.actor, ChargeFilter(), 100, None)]
        ours = [told(event.kind, event.amount.cents, event.on) for event in found]
        theirs = [told(line.kind, line.cents, line.day) for line in self.story.oracle.charges()]
        return sorted(ours), sorted(theirs)


def told(kind: str, cents: int, day: date) -> tuple[str, int, str]:
    """A refund is of the day of what earned it, however late that becomes known: its date is not compared."""
    return str(kind), cents, "" if kind == "refund" else day.isoformat()


Told = Callable[[Both], Both]
STORIES: dict[str, Told] = {
    "terminated unpaid": lambda b: b.order(FREE, BOUGHT).warn("2026-03-10").terminate("2026-03-18T00:00"),
    "ended by us": lambda b: b.order(FREE, LEASED).end("2026-03-10").wait("2026-04-30"),
    "terminated with a leased unit that stays away": (
        lambda b: b.order(LEASED).warn("2026-03-10").terminate("2026-03-18T00:00").wait("2026-04-30")
    ),
    "terminated while a cancellation waits": (
        lambda b: (
            b.order(FREE)
            .cancel("2026-03-05", asked_for="2026-06-01")
            .warn("2026-03-10")
            .terminate("2026-03-20")
            .wait("2026-07-01")
        )
    ),
    "a part is cancelled, the rest terminated": (
        lambda b: b.order(FREE, FREE).cancel("2026-03-05", "A").warn("2026-03-10").terminate("2026-03-20")
    ),
    "force majeure claimed before the end": (
        lambda b: b.order(FREE).cancel("2026-03-20").waive("2026-03-21", "2026-03-03").wait("2026-04-01")
    ),
    "force majeure claimed after the end": (
        lambda b: b.order(FREE, FREE).cancel("2026-03-20").wait("2026-04-01").waive("2026-04-02", "2026-03-10")
    ),
    "an annual plan in time": (
        lambda b: b.order(BOUGHT, BOUGHT, plan=Plan.ANNUAL).cancel("2026-03-10").wait("2026-04-01")
    ),
    "an annual plan on the last day": (
        lambda b: b.order(BOUGHT, plan=Plan.ANNUAL).cancel("2026-04-01T19:59").wait("2026-04-10")
    ),
    "an annual plan a day late": lambda b: b.order(FREE, plan=Plan.ANNUAL).cancel("2026-04-02").wait("2026-04-10"),
    "an annual plan unit by unit": (
        lambda b: (
            b.order(BOUGHT, BOUGHT, plan=Plan.ANNUAL)
            .cancel("2026-03-10", "A")
            .wait("2026-03-19")
            .cancel("2026-03-20", "B")
            .wait("2026-04-01")
        )
    ),
    "an annual plan ended by us": lambda b: b.order(BOUGHT, plan=Plan.ANNUAL).end("2026-03-10"),
    "a blind return that nobody matches owes its fee": (
        lambda b: b.order(FREE).come_in("2026-03-10").cancel("2026-03-11").wait("2026-04-01")
    ),
    "a blind return matched after the end": (
        lambda b: (
            b.order(FREE)
            .come_in("2026-03-10")
            .rma("2026-03-11")
            .cancel("2026-03-11T13:00")
            .wait("2026-03-20")
            .match("2026-03-21")
            .inspect("2026-03-22")
        )
    ),
    "a blind return of a unit that was replaced in advance": (
        lambda b: (
            b.order(FREE)
            .come_in("2026-03-03")
            .rma("2026-03-04", mode="advance")
            .replace("2026-03-05")
            .wait("2026-03-20")
            .match("2026-03-21")
        )
    ),
    "a leased unit that is here blind is not asked back": (
        lambda b: b.order(LEASED).come_in("2026-03-10").cancel("2026-03-11").wait("2026-05-01")
    ),
    "a trial whose scan is known after its inspection": (
        lambda b: (
            b.order(BOUGHT)
            .rma("2026-03-03", kind="trial_return")
            .cancel("2026-03-04")
            .come_in("2026-03-28", rma="r")
            .inspect("2026-03-29")
            .scan("2026-03-18", known="2026-03-30")
        )
    ),
    "a late scan that is known after a receipt within the grace": (
        lambda b: (
            b.order(FREE)
            .rma("2026-03-03", mode="advance")
            .replace("2026-03-04")
            .come_in("2026-03-17", rma="r")
            .scan("2026-03-14", known="2026-03-18")
            .inspect("2026-03-19")
        )
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_the_services_come_to_what_the_rules_do(services: Services, admin: Actor, clock: Clock, name: str) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    clock.now = local(START)
    warehouse.open_account()
    ours, theirs = STORIES[name](Both(warehouse, clock)).money()
    assert ours == theirs
