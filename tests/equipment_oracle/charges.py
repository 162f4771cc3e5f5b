"""Every charge, credit and refund of an Account, decided once and only lowered afterwards (rules 3.4, 3.5, 4, 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import partial

from tests.equipment_oracle.calendar import local_date
from tests.equipment_oracle.endings import End, annual_refund_cents, ends_of_place
from tests.equipment_oracle.events import Kind, OrderAccepted, Plan, Policy, Reactivated, UnitShipped
from tests.equipment_oracle.facts import (
    Facts,
    is_operator_equipment,
    place_of,
    places,
    policy,
    shipments,
    worked_out_once,
)
from tests.equipment_oracle.returns import (
    Rma,
    damage_value_cents,
    inspection,
    overdue_from,
    overdue_value_cents,
    rmas,
    trial_refund_cents,
)
from tests.equipment_oracle.terms import fee


class ChargeKind(StrEnum):
    CHARGE = "charge"
    CREDIT = "credit"
    REFUND = "refund"


class Rule(StrEnum):
    """What a charge event is for. At one instant they are decided in this order (reading of 3.5)."""

    OVERDUE_VALUE = "replacement_value_overdue"
    DAMAGE_VALUE = "replacement_value_damage"
    FEE = "equipment_reimbursement_fee"
    SHIPPING_AND_HANDLING = "shipping_and_handling"
    TRIAL_REFUND = "trial_return_refund"
    ANNUAL_REFUND = "annual_plan_refund"
    RECONNECT = "reconnect_fee"


VALUE_RULES = (Rule.OVERDUE_VALUE, Rule.DAMAGE_VALUE)


@dataclass(frozen=True, slots=True)
class ChargeEvent:
    """`cents` is positive whatever the kind. `subject`: the shipment (fee, replacement value), RMA, order, or nothing.
    `day` is the local date of `decided_at`. A credit names the charge it lowers by its `number`."""

    number: int
    kind: ChargeKind
    rule: Rule
    subject: str
    cents: int
    decided_at: datetime
    credited: int | None = None

    @property
    def day(self) -> date:
        return local_date(self.decided_at)


Key = tuple[Rule, str]


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something that is owed (a refund: less than nothing) from an instant on. `group` is what owes at most once: a
    placement's fee and replacement value count towards each other. `owed` takes the instant it was first decided
    and whether replacement value was charged for the placement.
    """

    due: datetime
    key: Key
    group: str
    subject: str
    owed: Callable[[datetime, bool], int]


@worked_out_once
def obligations(facts: Facts) -> list[Obligation]:
    """All that is or will be owed on what is known now, in the order of deciding."""
    found = [*fees(facts), *of_rmas(facts), *annual_refunds(facts), *reconnect_fees(facts)]
    order = list(Rule)
    return sorted(found, key=lambda item: (item.due, order.index(item.key[0])))


def fees(facts: Facts) -> list[Obligation]:
    """ER 3.4: for each Unit, on the date its service ends."""
    found = []
    for shipment in shipments(facts):
        end = ends_of_place(facts, place_of(facts, shipment))
        if end is not None:
            key, group = (Rule.FEE, shipment.shipment), f"unit:{shipment.shipment}"
            owed = partial(fee_owed, facts, shipment, end)
            found.append(Obligation(end.instant, key, group, shipment.shipment, owed))
    return found


def fee_owed(facts: Facts, shipment: UnitShipped, end: End, _decided: datetime, value_charged: bool) -> int:
    return fee(facts, shipment, end.day, end, value_charged)[0]


def of_rmas(facts: Facts) -> list[Obligation]:
    """ER 4: replacement value, shipping and handling, trial refunds."""
    found = []
    for rma in rmas(facts):
        subject = rma.placement.shipment
        unit, inspected, over = f"unit:{subject}", inspection(facts, rma), overdue_from(facts, rma)
        if over is not None:
            owed = partial(overdue_owed, facts, rma)
            found.append(Obligation(over, (Rule.OVERDUE_VALUE, rma.name), unit, subject, owed))
        if inspected is not None:
            owed = partial(fixed, damage_value_cents(facts, rma))
            found.append(Obligation(inspected.at, (Rule.DAMAGE_VALUE, rma.name), unit, subject, owed))
        if inspected is not None and rma.kind is Kind.TRIAL_RETURN:
            owed = partial(fixed, -trial_refund_cents(facts, rma))
            key = (Rule.TRIAL_REFUND, rma.name)
            found.append(Obligation(inspected.at, key, f"trial:{rma.name}", rma.name, owed))
        sent = [shipment for shipment in shipments(facts) if shipment.rma == rma.name]
        if sent and rma.kind is Kind.DEFECT and is_operator_equipment(facts, rma.placement):
            owed = partial(fixed, policy(facts, Policy.SHIPPING_AND_HANDLING_CENTS, local_date(sent[0].at)))
            key = (Rule.SHIPPING_AND_HANDLING, rma.name)
            found.append(Obligation(sent[0].at, key, f"shipping:{rma.name}", rma.name, owed))
    return found


def overdue_owed(facts: Facts, rma: Rma, decided: datetime, _value_charged: bool) -> int:
    return overdue_value_cents(facts, rma, decided)


def fixed(cents: int, _decided: datetime, _value_charged: bool) -> int:
    return cents


def annual_refunds(facts: Facts) -> list[Obligation]:
    """ER 5: due when the last of the order's services ends."""
    found = []
    for order in facts.of(OrderAccepted):
        ends = [ends_of_place(facts, place) for place in places(facts) if place.order is order]
        known = [end.instant for end in ends if end is not None]
        if order.plan is Plan.ANNUAL and len(known) == len(ends):
            key, group = (Rule.ANNUAL_REFUND, order.order), f"annual:{order.order}"
            owed = partial(fixed, -annual_refund_cents(facts, order))
            found.append(Obligation(max(known), key, group, order.order, owed))
    return found


def reconnect_fees(facts: Facts) -> list[Obligation]:
    """ER 5: reactivation after full payment and the reconnect fee."""
    found = []
    for index, event in enumerate(facts.of(Reactivated)):
        owed = partial(fixed, policy(facts, Policy.RECONNECT_FEE_CENTS, local_date(event.at)))
        found.append(Obligation(event.at, (Rule.RECONNECT, str(index)), f"reconnect:{index}", "", owed))
    return found


@dataclass(slots=True)
class Ledger:
    """What was decided. `floors` holds each obligation's lowest amount since it was first decided, and its group."""

    lines: list[ChargeEvent] = field(default_factory=list)
    floors: dict[Key, int] = field(default_factory=dict)
    decided: dict[Key, datetime] = field(default_factory=dict)
    groups: dict[str, list[Key]] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)

    def settle(self, facts: Facts) -> None:
        """Decide what has fallen due, then lower what is now known to be less (ER 3.5). Twice at one instant does
        nothing.
        """
        present = {item.key: item for item in obligations(facts) if item.due <= facts.now}
        for item in present.values():
            if item.key not in self.floors:
                self._decide(item, facts.now)
        for key, floor in self.floors.items():
            if key[0] is Rule.ANNUAL_REFUND:
                continue  # ER 5: worked out once, at the end
            known = present.get(key)
            owed = known.owed(self.decided[key], False) if known is not None else 0
            self.floors[key] = min(floor, owed)
        for group in self.groups:
            self._lower(group, facts.now)

    def value_charged(self, shipment: str) -> bool:
        """Whether replacement value was ever charged for a placement: it has no term then, credited or not (ER 3.1)."""
        return any(
            line.subject == shipment and line.rule in VALUE_RULES and line.kind is ChargeKind.CHARGE
            for line in self.lines
        )

    def net(self, group: str) -> int:
        """Charges less credits and refunds of a group."""
        own = [line for line in self.lines if self._group_of(line) == group]
        return sum(line.cents if line.kind is ChargeKind.CHARGE else -line.cents for line in own)

    def _decide(self, item: Obligation, now: datetime) -> None:
        owed = item.owed(now, self.value_charged(item.subject))
        self.floors[item.key], self.decided[item.key] = owed, now
        self.groups.setdefault(item.group, []).append(item.key)
        self.subjects[item.group] = item.subject
        rise = self._total(item.group) - self.net(item.group)
        if rise > 0:
            self._add(ChargeKind.CHARGE, item.key[0], item.group, rise, now)

    def _lower(self, group: str, now: datetime) -> None:
        """Credit the newest charges first; what falls below nothing is a refund."""
        excess = self.net(group) - self._total(group)
        for charge in reversed([line for line in self.lines if self._group_of(line) == group]):
            if charge.kind is ChargeKind.CHARGE and excess > 0:
                credited = sum(line.cents for line in self.lines if line.credited == charge.number)
                part = min(excess, charge.cents - credited)
                if part > 0:
                    self._add(ChargeKind.CREDIT, charge.rule, group, part, now, charge.number)
                    excess -= part
        if excess > 0:
            self._add(ChargeKind.REFUND, self.groups[group][0][0], group, excess, now)

    def _total(self, group: str) -> int:
        return max(self.floors[key] for key in self.groups[group])

    def _add(
        self, kind: ChargeKind, rule: Rule, group: str, cents: int, now: datetime, credited: int | None = None
    ) -> None:
        number = len(self.lines) + 1
        self.lines.append(ChargeEvent(number, kind, rule, self.subjects[group], cents, now, credited))
        self._by_number[number] = group

    _by_number: dict[int, str] = field(default_factory=dict)

    def _group_of(self, line: ChargeEvent) -> str:
        return self._by_number[line.number]
