"""What an account is charged, credited and refunded: events that each exist once, by a key made of what they are for.

- Billing is another system; these events are all it hears of equipment and reconnection (equipment rules 5).
- The key names rule, subject and occasion, so that a step that runs twice makes the same event, not a second one.
- A charge is never changed: what lowers it is a credit that names it, and credits never exceed it (ER 3.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.money import ZERO, Money
from fleet.domain.policy import PolicyValue
from fleet.domain.reason import Reason


class ChargeKind(StrEnum):
    CHARGE = "charge"
    CREDIT = "credit"  # lowers one charge, which it names
    REFUND = "refund"  # gives back what was paid by an order or a plan


class ChargeRule(StrEnum):
    """Which rule an event follows; the first part of its key."""

    REIMBURSEMENT_FEE = "reimbursement_fee"
    REPLACEMENT_VALUE = "replacement_value"
    SHIPPING_AND_HANDLING = "shipping_and_handling"
    RECONNECT_FEE = "reconnect_fee"
    LATER_EVIDENCE = "later_evidence"
    LATE_RETURN = "late_return"
    TRIAL_REFUND = "trial_refund"
    ANNUAL_REFUND = "annual_refund"
    METERED_CALLS = "metered_calls"


@dataclass(frozen=True, slots=True)
class ChargeEvent:
    """`amount` is more than zero, whatever the kind. `policy`: the values that were applied, each with its date.

    `inputs` are the facts the rule was applied to, by name. `of`: the key of the charge a credit lowers, else empty.
    """

    key: str
    kind: ChargeKind
    rule: ChargeRule
    subject: str
    amount: Money
    on: date
    reason: Reason
    inputs: tuple[tuple[str, str], ...] = ()
    policy: tuple[PolicyValue, ...] = ()
    of: str = ""

    def __post_init__(self) -> None:
        if self.amount <= ZERO:
            raise InvalidError(f"{self.key}: an amount is more than zero, got {self.amount}; emit no event instead")
        if (self.kind is ChargeKind.CREDIT) is not bool(self.of):
            raise InvalidError(f"{self.key}: a credit, and nothing else, names a charge, got {self.of!r}")


def charge_key(rule: ChargeRule, subject: str, occasion: str) -> str:
    """The name an event is known by, once for ever."""
    return f"{rule}:{subject}:{occasion}"


@dataclass(frozen=True, slots=True)
class Ledger:
    """All events of one account, in the order they were made."""

    events: tuple[ChargeEvent, ...] = ()

    def find(self, key: str) -> ChargeEvent | None:
        """The event of that key."""
        return next((event for event in self.events if event.key == key), None)

    def add(self, new: Iterable[ChargeEvent]) -> Ledger:
        """The ledger with `new`, but for those it has already.

        ConflictError if a key stands for something else, if a credit names no charge of its subject, or exceeds it.
        """
        ledger = self
        for event in new:
            known = ledger.find(event.key)
            if known is None:
                ledger = Ledger((*ledger.events, ledger._checked(event)))
            elif known != event:
                raise ConflictError(f"{event.key} is {known.amount} of {known.on} already, not {event.amount}")
        return ledger

    def open_amount(self, charge: ChargeEvent) -> Money:
        """What is left of `charge` after its credits."""
        return charge.amount - sum((e.amount for e in self.credits_of(charge)), ZERO)

    def credits_of(self, charge: ChargeEvent) -> list[ChargeEvent]:
        """The credits that name `charge`."""
        return [event for event in self.events if event.of == charge.key]

    def charged(self, rule: ChargeRule, subject: str) -> Money:
        """What `subject` was charged by `rule`, after credits."""
        charges = (e for e in self.events if e.rule is rule and e.subject == subject and e.kind is ChargeKind.CHARGE)
        return sum((self.open_amount(charge) for charge in charges), ZERO)

    def _checked(self, event: ChargeEvent) -> ChargeEvent:
        if event.kind is ChargeKind.CREDIT:
            charge = self.find(event.of)
            if charge is None or charge.kind is not ChargeKind.CHARGE or charge.subject != event.subject:
                raise ConflictError(f"{event.key} credits {event.of}, which is no charge of {event.subject}")
            if event.amount > self.open_amount(charge):
                raise ConflictError(f"{event.key} credits {event.amount}, {charge.key} has {self.open_amount(charge)}")
        return event
