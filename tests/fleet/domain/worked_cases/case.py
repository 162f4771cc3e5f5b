"""A worked case, and an account that lives through one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, Final

from fleet.domain import quote
from fleet.domain.charge import ChargeEvent, ChargeKind
from fleet.domain.local_dates import local_time
from fleet.domain.money import Money
from fleet.domain.return_deadline import reminder_on
from fleet.domain.term import Term, TermBasis
from tests.equipment_oracle import RefusedError
from tests.equipment_oracle import events as ev
from tests.equipment_oracle.histories import Author, Told
from tests.equipment_oracle.telling import FREE, Story, day
from tests.fleet.domain.equipment_model.comparing import end_of, subject_of
from tests.fleet.domain.equipment_model.playing import Play
from tests.fleet.domain.equipment_model.settling import due_on, terms
from tests.fleet.domain.equipment_model.state import ZONE, State

REFUSED: Final = "refused, and nothing has changed"


@dataclass(frozen=True, slots=True)
class Case:
    """`facts` in a sentence, the section of the rules that decides, and what it must come to."""

    rule: str
    facts: str
    asked: Callable[[], object]
    expected: object


class Life(Story):
    """An account whose every event is told to the domain and to the oracle. What it answers is the domain's."""

    def __init__(self) -> None:
        super().__init__()
        self.play = Play(Author(Random(0)))
        self.play.author.oracle = self.oracle

    @property
    def state(self) -> State:
        """What the domain's side knows."""
        return self.play.account.state

    def tell(self, kind: type[ev.Event], when: str, /, known: str = "", **fields: Any) -> Life:
        event = self.event(kind, when, known, **fields)
        assert self.play.wait_until_known(event) == []
        refused = self.oracle.refusal(event)
        assert self.play.tell(Told(event, refused)) == []
        if refused is not None:
            raise RefusedError(refused)
        return self

    def wait(self, when: str) -> Life:
        assert self.play.wait_until_known(self.event(ev.PortedOut, when, number="")) == []
        assert self.play.compare() == []
        return self

    def tries(self, kind: type[ev.Event], when: str, /, known: str = "", **fields: Any) -> Life:
        """What must be refused; life goes on as if it had not been asked."""
        try:
            self.tell(kind, when, known, **fields)
        except RefusedError:
            return self
        raise AssertionError(f"{kind.__name__} of {when} was not refused")

    def phones(self, when: str, asked_for: str = "", serials: tuple[str, ...] = (), name: str = "n") -> Life:
        """An Administrator cancels by phone; the call begins then."""
        wanted = day(asked_for) if asked_for else None
        told = {"notice": name, "channel": ev.Channel.PHONE, "asked_for": wanted, "serials": serials}
        return self.tell(ev.CancellationAsked, when, **told)

    # --- Answers ---------------------------------------------------------------------------------------------------

    def ledger(self) -> list[str]:
        """Every charge, credit and refund, like `2025-03-08 charge $50.00 reimbursement_fee of A`."""
        return [f"{event.on} {_told(self.state, event)}" for event in self.state.ledger.events]

    def costs(self) -> dict[str, str]:
        """What each unit's account owes in the end: charges less credits and refunds, nothing where they cancel out."""
        cents: Counter[str] = Counter()
        for event in self.state.ledger.events:
            sign = 1 if event.kind is ChargeKind.CHARGE else -1
            cents[subject_of(self.state, event.subject)] += sign * event.amount.cents
        return {subject: str(Money(owed)) for subject, owed in cents.items() if owed}

    def term_of(self, shipment: str = "A") -> str:
        """Like `2025-01-20 to 2026-01-20`."""
        return term_in_words(terms(self.state)[self.state.stay_named(shipment).placement])

    def cost_on(self, when: str) -> dict[str, str]:
        """By unit what an end on that day would cost."""
        return {stay: str(line.fee) for stay, line in self._quote(when).items()}

    def quoted_because(self, when: str) -> dict[str, str]:
        """By unit why."""
        return {stay: str(line.state) for stay, line in self._quote(when).items()}

    def warned(self, when: str) -> list[str]:
        """The units of which a quote says that a replacement is on its way."""
        return [stay for stay, line in self._quote(when).items() if line.warning]

    def ends(self, shipment: str = "A") -> str:
        """When the service of a unit ends or will, local; empty if it goes on."""
        at = end_of(self.state, self.state.stay_named(shipment))
        return "" if at is None else f"{local_time(at, ZONE):%Y-%m-%d %H:%M}"

    def bill_of(self, name: str = "n") -> str:
        """What a notice does to the next bill."""
        number = self.state.notices[name]
        effect, bill = self.state.cancellations[number - 1].effect, self.state.next_bills[number]
        return f"{bill} avoided" if effect.avoids == bill else f"{bill} stands"

    def bills(self, until: str) -> list[str]:
        """The billing dates from today on."""
        cycle, found, following = self.state.cycle(), [], self.state.today
        while cycle is not None and (following := cycle.next_after(following)) <= day(until):
            found.append(str(following))
        return found

    def last_day(self, rma: str = "r") -> str:
        """The last day for a unit to go back."""
        return str(due_on(self.state, self.state.rma_named(rma)))

    def reminder(self, approved: str, rma: str = "r") -> str:
        """When the reminder of it goes out."""
        due = due_on(self.state, self.state.rma_named(rma))
        assert due is not None
        return str(reminder_on(due, day(approved), self.state.policy))

    def way_back(self, rma: str = "r") -> str:
        """How far a unit is on its way back."""
        return str(self.state.rma_named(rma).rma.returning)

    def service(self) -> str:
        """The state of the account's service."""
        return str(self.state.standing.state)

    def _quote(self, when: str) -> dict[str, quote.QuoteLine]:
        found = {line.placement: line for line in quote.quote(terms(self.state, ahead=True).values(), day(when))}
        return {stay.shipment: found[stay.placement] for stay in self.state.stays}


def term_in_words(term: Term) -> str:
    """Begin and end, and what is special about it."""
    if term.begins is None:
        return "none"
    assumed = ", receipt assumed" if term.basis is TermBasis.ASSUMED_RECEIPT else ""
    superseded = f", superseded {term.superseded_on}" if term.superseded_on else ""
    return f"{term.begins} to {term.ends}{assumed}{superseded}"


def _told(state: State, event: ChargeEvent) -> str:
    named = state.ledger.find(event.of) if event.of else event
    assert named is not None
    return f"{event.kind} {event.amount} {named.rule} of {subject_of(state, event.subject)}"


# --- Beginnings ----------------------------------------------------------------------------------------------------


def unit(line: ev.OrderLine = FREE) -> Life:
    """One unit A, ordered and shipped on 2025-01-10, activated on 2025-01-20."""
    life = Life()
    life.order("2025-01-10", line).ship("2025-01-10").activate("2025-01-20")
    return life


def units(*names: str) -> Life:
    """Free units of one order, ordered and shipped on 2025-01-10, activated on 2025-01-20."""
    life = Life()
    life.order("2025-01-10", *(ev.OrderLine(line=name, ownership=ev.Ownership.PROVIDED) for name in names))
    for name in names:
        life.ship("2025-01-10", name, name)
    for name in names:
        life.activate("2025-01-20", name)
    return life


def refused(act: Callable[[], object], *errors: type[Exception]) -> str:
    """`REFUSED` if an act is, by one of the errors."""
    try:
        act()
    except errors:
        return REFUSED
    return "allowed"


def on(text: str) -> date:
    """A date."""
    return date.fromisoformat(text)
