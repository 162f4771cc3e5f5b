"""What can happen to one Account, in the words of the rules: the alphabet of a history.

`at` is the instant it happened, `known_at` the instant we learn of it; both aware, in UTC. A history is told in the
order of `known_at`. Only evidence (ER 3.3) may be known later than it happened; an act is known at once. Money is
whole US cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Policy(StrEnum):
    """Every amount and period of section 9 that decides something here; the unit is the name's last word."""

    MINIMUM_TERM_MONTHS = "minimum_term_months"
    REIMBURSEMENT_FEE_CENTS = "reimbursement_fee_cents"
    START_WITHOUT_ACTIVATION_DAYS = "start_without_activation_days"
    ASSUMED_RECEIPT_DAYS = "assumed_receipt_days"
    RETURN_DAYS = "return_days"
    TRIAL_OPEN_DAYS = "trial_open_days"
    TRIAL_RETURN_DAYS = "trial_return_days"
    REPLACEMENT_VALUE_CENTS = "replacement_value_cents"
    RESTOCKING_FEE_CENTS = "restocking_fee_cents"
    SHIPPING_AND_HANDLING_CENTS = "shipping_and_handling_cents"
    RECONNECT_FEE_CENTS = "reconnect_fee_cents"
    CANCELLATION_LEAD_HOURS = "cancellation_lead_hours"
    CANCELLATION_LEAD_BUSINESS_DAYS = "cancellation_lead_business_days"
    ANNUAL_REFUND_DAYS = "annual_refund_days"
    UNPAID_BUSINESS_DAYS = "unpaid_business_days"
    BREACH_DAYS = "breach_days"
    REMINDER_DAYS = "reminder_days"
    LATE_SCAN_GRACE_DAYS = "late_scan_grace_days"
    LATE_RETURN_CREDIT_DAYS = "late_return_credit_days"


class Ownership(StrEnum):
    """Whose the Unit is (ER 1). PROVIDED and LEASED are Operator Equipment; CUSTOMER is bought or brought along."""

    PROVIDED = "provided"
    LEASED = "leased"
    CUSTOMER = "customer"


class Plan(StrEnum):
    MONTHLY = "monthly"
    ANNUAL = "annual"


class Place(StrEnum):
    WAREHOUSE = "warehouse"
    ACCOUNT = "account"


class Kind(StrEnum):
    """The kinds of RMA (ER 4). CANCELLATION_RETURN is opened by the system only."""

    DEFECT = "defect"
    TRIAL_RETURN = "trial_return"
    CANCELLATION_RETURN = "cancellation_return"
    WRONG_ITEM = "wrong_item"


class Mode(StrEnum):
    ADVANCE = "advance"
    ON_RECEIPT = "on_receipt"


class Finding(StrEnum):
    SOUND = "sound"
    DEFECT = "defect"
    DAMAGED = "damaged_by_account_or_another_party"


class CarrierOutcome(StrEnum):
    LOST = "lost"
    REFUSED = "refused"
    RETURNED = "returned"


class Channel(StrEnum):
    PHONE = "phone"
    DISTRIBUTOR = "distributor"


class Suspension(StrEnum):
    NON_PAYMENT = "non_payment"
    LAW = "law"
    SECURITY = "security"
    NETWORK = "network_protection"


class Breach(StrEnum):
    UNPAID = "unpaid"
    OTHER = "other_breach"


class Waiver(StrEnum):
    DIMINISHED = "30.b"
    FORCE_MAJEURE = "32.c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    at: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Event):
    """What the world shows us, perhaps later than it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet(Event):
    policy: Policy
    value: int
    effective: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One Unit on an Order Form. Credits are a positive number taken off."""

    line: str
    ownership: Ownership
    one_off_cents: int = 0
    recurring_cents: int = 0
    credits_cents: int = 0
    shipping_and_handling_cents: int = 0
    support_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted(Event):
    """The Order Date is the local date of `at`. An Account keeps the plan of its first order."""

    order: str
    plan: Plan
    plan_price_cents: int
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitShipped(Event):
    """A Unit leaves for the Account: first Units name order and line, all others the RMA. `repaired`: the same Unit
    again.
    """

    shipment: str
    serial: str
    order: str = ""
    line: str = ""
    rma: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Evidence):
    shipment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierFailed(Evidence):
    shipment: str
    outcome: CarrierOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Evidence):
    serial: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated(Evidence):
    """The Unit is online, registered and its service available, all at once (ER 1). It is registered from the
    Account too.
    """

    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RmaOpened(Event):
    rma: str
    serial: str
    kind: Kind
    mode: Mode = Mode.ON_RECEIPT


@dataclass(frozen=True, slots=True, kw_only=True)
class RmaApproved(Event):
    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RmaDenied(Event):
    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RmaCancelled(Event):
    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnScanned(Evidence):
    """The carrier accepts the Unit on its way back."""

    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReceived(Evidence):
    """The Unit is in the operator's hands. Without an RMA it is a blind return."""

    serial: str
    rma: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindMatched(Event):
    """A blind return is found to belong to an approved RMA."""

    serial: str
    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined(Event):
    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected(Event):
    rma: str
    finding: Finding
    accessories_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RmaClosed(Event):
    rma: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationAsked(Event):
    """A notice; `at` is the begin of the phone call, or our receipt from the Distributor. `serials` empty: all
    services.
    """

    notice: str
    channel: Channel
    asked_for: date | None = None
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationWithdrawn(Event):
    """The notice that is pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverClaimed(Event):
    """The service that a notice ends, ends under ToS 30.b or 32.c; `since` is the day of the change or of the force
    majeure's begin.
    """

    notice: str
    waiver: Waiver
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLineRemoved(Event):
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(Event):
    why: Suspension


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactivated(Event):
    paid_in_full: bool
    reconnect_fee_paid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachNoticed(Event):
    """The operator's written notice of a breach."""

    breach: Breach


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated(Event):
    """The operator ends all services at `at`; without a breach if None."""

    breach: Breach | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortedOut(Event):
    """A number leaves for another carrier: it ends nothing (ER 3.7)."""

    number: str
