"""How the cases write a history down: local times of the operator, one line an event."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.calendar import OPERATOR_ZONE
from tests.equipment_oracle.charges import ChargeEvent
from tests.equipment_oracle.oracle import Oracle
from tests.equipment_oracle.terms import Term, Why

FREE = ev.OrderLine(line="1", ownership=ev.Ownership.PROVIDED)
BOUGHT = ev.OrderLine(line="1", ownership=ev.Ownership.CUSTOMER, one_off_cents=3995)
LEASED = ev.OrderLine(line="1", ownership=ev.Ownership.LEASED)


def local(text: str, fold: int = 0) -> datetime:
    """An instant from the operator's wall clock; a date alone is noon. `fold` 1: the second of two."""
    wall = datetime.fromisoformat(text if "T" in text else f"{text}T12:00")
    return wall.replace(tzinfo=OPERATOR_ZONE, fold=fold).astimezone(UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


class Story:
    """An oracle with short words for the events of a case; everything goes through Oracle.tell."""

    def __init__(self) -> None:
        self.oracle = Oracle()

    def tell(self, kind: type[ev.Event], when: str, /, known: str = "", **fields: Any) -> Story:
        self.oracle.tell(self.event(kind, when, known, **fields))
        return self

    @staticmethod
    def event(kind: type[ev.Event], when: str, known: str = "", /, **fields: Any) -> ev.Event:
        return kind(at=local(when), known_at=local(known or when), **fields)

    def refuses(self, kind: type[ev.Event], when: str, /, known: str = "", **fields: Any) -> str | None:
        """The rule that forbids an event now."""
        return self.oracle.refusal(self.event(kind, when, known, **fields))

    def order(self, when: str, *lines: ev.OrderLine, plan: ev.Plan = ev.Plan.MONTHLY, cents: int = 2000) -> Story:
        name = f"o{len(self.oracle.facts.of(ev.OrderAccepted)) + 1}"
        return self.tell(ev.OrderAccepted, when, order=name, plan=plan, plan_price_cents=cents, lines=lines or (FREE,))

    def ship(self, when: str, name: str = "A", line: str = "1", order: str = "o1") -> Story:
        """A first Unit; its shipment and its serial number have one name."""
        return self.tell(ev.UnitShipped, when, shipment=name, serial=name, order=order, line=line)

    def replace(self, when: str, name: str, rma: str = "r") -> Story:
        return self.tell(ev.UnitShipped, when, shipment=name, serial=name, rma=rma)

    def send_back(self, when: str, shipment: str, serial: str = "A", rma: str = "r") -> Story:
        return self.tell(ev.UnitShipped, when, shipment=shipment, serial=serial, rma=rma, repaired=True)

    def activate(self, when: str, serial: str = "A", known: str = "") -> Story:
        return self.tell(ev.Activated, when, known, serial=serial)

    def register(self, when: str, serial: str, known: str = "") -> Story:
        return self.tell(ev.Registered, when, known, serial=serial, place=ev.Place.ACCOUNT)

    def deliver(self, when: str, shipment: str, known: str = "") -> Story:
        return self.tell(ev.Delivered, when, known, shipment=shipment)

    def rma(
        self,
        when: str,
        serial: str = "A",
        name: str = "r",
        kind: ev.Kind = ev.Kind.DEFECT,
        mode: ev.Mode = ev.Mode.ADVANCE,
    ) -> Story:
        """Opened and approved at once."""
        self.tell(ev.RmaOpened, when, rma=name, serial=serial, kind=kind, mode=mode)
        return self.tell(ev.RmaApproved, when, rma=name)

    def scan(self, when: str, known: str = "", rma: str = "r") -> Story:
        return self.tell(ev.ReturnScanned, when, known, rma=rma)

    def receive(self, when: str, known: str = "", serial: str = "A", rma: str = "r") -> Story:
        return self.tell(ev.ReturnReceived, when, known, serial=serial, rma=rma)

    def inspect(
        self, when: str, finding: ev.Finding = ev.Finding.SOUND, rma: str = "r", complete: bool = True
    ) -> Story:
        return self.tell(ev.Inspected, when, rma=rma, finding=finding, accessories_complete=complete)

    def cancel(self, when: str, asked_for: str = "", name: str = "n", serials: tuple[str, ...] = ()) -> Story:
        wanted = day(asked_for) if asked_for else None
        channel = ev.Channel.DISTRIBUTOR
        return self.tell(ev.CancellationAsked, when, notice=name, channel=channel, asked_for=wanted, serials=serials)

    def remove_line(self, when: str, serial: str = "A") -> Story:
        return self.tell(ev.LastLineRemoved, when, serial=serial)

    def end_all(self, when: str) -> Story:
        """Service of the Account ends at an instant: the operator ends it, unpaid, notice was given before."""
        return self.tell(ev.Terminated, when, breach=ev.Breach.UNPAID)

    def warn_unpaid(self, when: str) -> Story:
        return self.tell(ev.BreachNoticed, when, breach=ev.Breach.UNPAID)

    def wait(self, when: str) -> Story:
        self.oracle.advance(local(when))
        return self

    # --- Asking ----------------------------------------------------------------------------------------------------

    def term(self, shipment: str = "A") -> Term:
        found = self.oracle.term(shipment)
        assert isinstance(found, Term), found
        return found

    def quoted(self, when: str) -> dict[str, tuple[int, Why]]:
        return {line.shipment: (line.cents, line.why) for line in self.oracle.quote(day(when))}

    def money(self) -> list[tuple[str, str, int, str]]:
        """Kind and rule, subject, cents, local date of each charge event."""
        return [told(line) for line in self.oracle.charges()]


def told(line: ChargeEvent) -> tuple[str, str, int, str]:
    return (f"{line.kind}: {line.rule}", line.subject, line.cents, line.day.isoformat())
