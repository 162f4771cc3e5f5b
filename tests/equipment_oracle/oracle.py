"""What the rules say about one Account: tell it the history event by event, ask it anything; slow and plain on
purpose.

Every answer is recomputed from the whole history. Only charges remember: what was decided may later only fall (ER
3.5), so they are a fold over the instants at which something is learnt or falls due. `READINGS` says where the
rules left a choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from tests.equipment_oracle import endings, legality, returns, terms
from tests.equipment_oracle.calendar import first_instant, local_date
from tests.equipment_oracle.charges import ChargeEvent, Ledger, obligations
from tests.equipment_oracle.events import CancellationAsked, Event, OrderAccepted, UnitShipped
from tests.equipment_oracle.facts import Facts, failure, place_of, shipments, successors
from tests.equipment_oracle.readings import READINGS

__all__ = ["READINGS", "BillingAnswer", "Oracle", "QuoteLine", "RefusedError", "RmaAnswer", "replay", "today"]


class RefusedError(Exception):
    """The rules do not allow this event now; nothing has changed."""


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """What one placement's Unit would owe as fee if service ended that day, the class of reason, and the warning of
    3.6.
    """

    shipment: str
    serial: str
    cents: int
    why: terms.Why
    replacement_on_its_way: bool


@dataclass(frozen=True, slots=True)
class RmaAnswer:
    decision: returns.Decision
    replacement: returns.Replacement
    way_back: returns.Return
    dates: returns.Dates


@dataclass(frozen=True, slots=True)
class BillingAnswer:
    """What a notice did: the instant it takes effect, whether the next bill is avoided (None: none to come), still
    standing.
    """

    effect: datetime
    avoids_next_bill: bool | None
    standing: bool


@dataclass(slots=True)
class Oracle:
    """One Account. `tell` and `advance` move time forward; everything else only asks."""

    facts: Facts = field(default_factory=lambda: Facts((), datetime.min.replace(tzinfo=UTC)))
    ledger: Ledger = field(default_factory=Ledger)

    # --- Telling ---------------------------------------------------------------------------------------------------

    def refusal(self, event: Event) -> str | None:
        """The rule that forbids this event now, or None."""
        return legality.refusal(self.facts, event)

    def tell(self, event: Event) -> None:
        """Learn of an event, after everything due until then has fallen due. Raises RefusedError, with no event
        told.
        """
        why = self.refusal(event)
        if why is not None:
            raise RefusedError(f"{type(event).__name__} at {event.at}: {why}")
        self.advance(event.known_at)
        self.facts = Facts((*self.facts.events, event), event.known_at)
        self.ledger.settle(self.facts)

    def advance(self, instant: datetime) -> None:
        """Let time pass, stopping at every instant at which something falls due."""
        while (due := min((d for d in self.due_instants() if d <= instant), default=None)) is not None:
            self.facts = Facts(self.facts.events, due)
            self.ledger.settle(self.facts)
        self.facts = Facts(self.facts.events, max(instant, self.facts.now))

    def due_instants(self) -> list[datetime]:
        """The known instants after now at which something is decided by time alone."""
        return sorted({item.due for item in obligations(self.facts) if item.due > self.facts.now})

    # --- Asking ----------------------------------------------------------------------------------------------------

    def term(self, shipment: str) -> terms.Term | terms.Why:
        """The Minimum Equipment Term of a placement on what is known now, or why it has none (ER 3.1 to 3.3)."""
        found = self._shipment(shipment)
        bound = terms.term(self.facts, found)
        if bound is None:
            return terms.why_no_term(self.facts, found) or terms.Why.NEVER_RECEIVED
        superseded = bound.superseded_on is not None and bound.superseded_on <= today(self)
        return terms.Why.VALUE_CHARGED if self.ledger.value_charged(shipment) and not superseded else bound

    def receipt(self, shipment: str) -> terms.Reckoned | None:
        """The Account's receipt of a shipment (ER 3.3)."""
        return terms.receipt(self.facts, self._shipment(shipment))

    def quote(self, day: date) -> tuple[QuoteLine, ...]:
        """ER 3.6, for a date not before today, in the order of shipping."""
        return tuple(self._quote_line(shipment.shipment, day) for shipment in shipments(self.facts))

    def charges(self) -> tuple[ChargeEvent, ...]:
        """Every charge, credit and refund decided so far, in order."""
        return tuple(self.ledger.lines)

    def service_end(self, shipment: str) -> endings.End | None:
        """When the service this placement's Unit gives ends, as decided so far; it may lie in the future."""
        return endings.ends_of_place(self.facts, place_of(self.facts, self._shipment(shipment)))

    def notice(self, name: str) -> BillingAnswer:
        """What became of a cancellation notice (ER 5)."""
        found = next(n for n in self.facts.of(CancellationAsked) if n.notice == name)
        return BillingAnswer(
            endings.effect(self.facts, found),
            endings.avoids_next_bill(self.facts, found),
            endings.is_standing(self.facts, found),
        )

    def billing_dates(self, until: date) -> list[date]:
        """The Account's billing dates up to a day, as if service went on."""
        return endings.billing_dates(self.facts, until)

    def service_state(self) -> endings.ServiceState:
        return endings.service_state(self.facts)

    def annual_refund_cents(self, order: str) -> int:
        """What the notices known now bring back of an annual plan's price, 0 if nothing."""
        found = next(o for o in self.facts.of(OrderAccepted) if o.order == order)
        return endings.annual_refund_cents(self.facts, found)

    def rma_names(self) -> list[str]:
        """All RMAs; the system's own are called `cancellation:<shipment>`."""
        return [rma.name for rma in returns.rmas(self.facts)]

    def rma(self, name: str) -> RmaAnswer:
        """The three tracks of an RMA and its dates (ER 4)."""
        found = returns.rma_named(self.facts, name)
        if found is None:
            raise KeyError(name)
        return RmaAnswer(
            found.decision,
            returns.replacement_track(self.facts, found),
            returns.return_track(self.facts, found),
            returns.dates(self.facts, found),
        )

    def reminders_due(self, day: date) -> list[str]:
        """The RMAs whose reminder goes out that day: nothing on its way or here yet (ER 4)."""
        waiting = (returns.Return.AWAITED, returns.Return.OVERDUE)
        return [
            name
            for name in self.rma_names()
            if self.rma(name).dates.reminder == day and self.rma(name).way_back in waiting
        ]

    # --- Inside ----------------------------------------------------------------------------------------------------

    def _shipment(self, name: str) -> UnitShipped:
        return next(shipment for shipment in shipments(self.facts) if shipment.shipment == name)

    def _quote_line(self, name: str, day: date) -> QuoteLine:
        """One Unit; a service that has ended, or will by a notice before that day, owes nothing more then."""
        shipment = self._shipment(name)
        end = self.service_end(name)
        charged = self.ledger.value_charged(name)
        cents, why = terms.fee(self.facts, shipment, day, None, charged)
        if why in terms.NEVER_A_TERM:
            pass
        elif end is not None and (end.day < day or endings.has_ended(self.facts, end)):
            cents, why = 0, terms.Why.ALREADY_ENDED
        elif end is not None and end.day == day:
            cents, why = terms.fee(self.facts, shipment, day, end, charged)
        coming = [other for other in successors(self.facts, shipment) if failure(self.facts, other) is None]
        receipts = [terms.receipt(self.facts, other) for other in coming]
        warned = any(found is not None and first_instant(found.day) > self.facts.now for found in receipts)
        return QuoteLine(name, shipment.serial, cents, why, warned)


def replay(history: Iterable[Event], until: datetime | None = None) -> Oracle:
    """An oracle that was told all of a history, and then waited until an instant. Raises RefusedError."""
    oracle = Oracle()
    for event in history:
        oracle.tell(event)
    if until is not None:
        oracle.advance(until)
    return oracle


def today(oracle: Oracle) -> date:
    """The operator's local date now."""
    return local_date(oracle.facts.now)
