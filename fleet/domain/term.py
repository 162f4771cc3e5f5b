"""The minimum equipment term of each unit of an account: a fold over what happened (equipment rules, section 3).

- Events are facts: they are only ever added, in any order of arrival, and the fold does not depend on that order.
- A term belongs to a placement (one stay of one unit at one account); a repaired unit sent back is a new placement.
- Everything is a local date; a term runs from the first instant of `begins` to the first instant of `ends`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import local_date, months_after
from fleet.domain.money import Money
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.waiver import WAIVERS, EndCause


@dataclass(frozen=True, slots=True)
class Shipped:
    """A unit left for the account. `free`: without charge (3.1); a replacement takes what it replaces.

    `replaces` names the placement it takes over from; `renews` says whether that begins a new term (a repair or
    a replacement for a defect, 3.3) or not (a `wrong_item`, 3.2). `order_date` is that of the unit's order.
    """

    placement: int
    at: datetime
    unit: str
    order_date: date
    free: bool
    replaces: int | None = None
    renews: bool = False


@dataclass(frozen=True, slots=True)
class Activated:
    """The unit's Activation (ToS 1.3)."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """The unit's first registration from the account; one in the warehouse is never recorded as this."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """The carrier's proof of delivery."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ShipmentFailed:
    """The carrier reports the shipment `outcome`: lost, refused or returned."""

    placement: int
    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The unit came into the operator's hands under an RMA."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class TrialReturned:
    """The account handed the unit in, as a trial return that was found timely and in its original condition (3.4)."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ValueCharged:
    """The unit's replacement value was charged: from then on it has no term (3.1)."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ValueCredited:
    """The unit's replacement value was credited in full. Its term stays ended: the value was charged (3.1)."""

    placement: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ServiceEnded:
    """The service of this unit ended, by `cause`: with the account's, or when its last line was removed (3.4)."""

    placement: int
    at: datetime
    cause: EndCause


TermEvent = (
    Shipped
    | Activated
    | Registered
    | Delivered
    | ShipmentFailed
    | TakenBack
    | TrialReturned
    | ValueCharged
    | ValueCredited
    | ServiceEnded
)


class TermBasis(StrEnum):
    """What set the day a term begins; reads as `from DAY (its ...)`."""

    ACTIVATION = "its activation"
    ORDER_DATE = "its order date and 30 days"
    SHIPMENT = "its shipment"
    RECEIPT = "its receipt"
    ASSUMED_RECEIPT = "its receipt, assumed from the ship date"


class Evidence(StrEnum):
    """What says that the account received a unit."""

    DELIVERY = "proof_of_delivery"
    REGISTRATION = "first_registration"
    NONE = "assumed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The day the account received a unit, and by which evidence; of two of one day, the carrier's."""

    on: date
    evidence: Evidence

    @property
    def assumed(self) -> bool:
        """Whether no evidence says so by then."""
        return self.evidence is Evidence.NONE


@dataclass(frozen=True, slots=True)
class Term:
    """What the facts say of one placement. `begins` and `ends` are None where there is no term.

    Its length and fee are those in force on `agreed_on`.
    """

    placement: int
    unit: str
    shipped_on: date
    free: bool
    agreed_on: date
    months: int
    fee: Money
    receipt: Receipt | None
    begins: date | None
    ends: date | None
    basis: TermBasis | None
    failed: str | None
    in_hands_since: date | None
    in_hands_until: date | None = None  # it left for the account again, repaired
    replaced_by: str | None = None
    superseded_on: date | None = None
    trial_returned_on: date | None = None
    value_charged_on: date | None = None
    service_ended_on: date | None = None
    end_cause: EndCause | None = None


@dataclass(slots=True)
class _Facts:
    """The earliest date of each kind of evidence about one placement."""

    shipped: Shipped
    shipped_on: date
    activated: date | None = None
    registered: date | None = None
    delivered: date | None = None
    taken_back: date | None = None
    trial_returned: date | None = None
    value_charged: date | None = None
    ended: ServiceEnded | None = None
    failed: str | None = None
    replacements: list[int] = field(default_factory=list)

    def add(self, event: TermEvent, day: date) -> None:
        """Keep what `event`, of the local date `day`, says, whatever came before it."""
        match event:
            case Activated():
                self.activated = _earlier(self.activated, day)
            # Equipment rules 3.3: evidence at or after the ship date; what is dated earlier is of another shipment.
            case Registered() if day >= self.shipped_on:
                self.registered = _earlier(self.registered, day)
            case Delivered() if day >= self.shipped_on:
                self.delivered = _earlier(self.delivered, day)
            case ShipmentFailed(outcome=outcome):
                self.failed = outcome if self.failed is None else min(self.failed, outcome)
            case TakenBack():
                self.taken_back = _earlier(self.taken_back, day)
            case TrialReturned():
                self.trial_returned = _earlier(self.trial_returned, day)
            case ValueCharged():
                self.value_charged = _earlier(self.value_charged, day)
            case ServiceEnded():
                # What ends twice has ended the first time. A waiver may be claimed later, for the same instant.
                known = self.ended or event
                self.ended = min(known, event, key=_order_of_ends)


def fold(events: Iterable[TermEvent], policy: PolicyBook, zone: tzinfo) -> dict[int, Term]:
    """The term of every placement in `events` (one account's), by placement, in placement order."""
    facts = _gather(list(events), zone)
    receipts = {number: _receipt(known, policy) for number, known in facts.items()}
    return {number: _term(facts[number], facts, receipts, policy, zone) for number in sorted(facts)}


def _gather(events: list[TermEvent], zone: tzinfo) -> dict[int, _Facts]:
    facts = {e.placement: _Facts(e, local_date(e.at, zone)) for e in events if isinstance(e, Shipped)}
    for event in events:
        known = facts.get(event.placement)
        if known is None:
            raise InvalidError(f"{type(event).__name__} of placement {event.placement}, which never shipped")
        if not isinstance(event, Shipped):
            known.add(event, local_date(event.at, zone))
        elif event.replaces is not None:
            if event.replaces not in facts:
                raise InvalidError(f"a replacement of placement {event.replaces}, which never shipped")
            facts[event.replaces].replacements.append(event.placement)
    return facts


def _order_of_ends(ended: ServiceEnded) -> tuple[datetime, bool, EndCause]:
    return ended.at.astimezone(UTC), ended.cause not in WAIVERS, ended.cause


def _earlier(known: date | None, day: date) -> date:
    return day if known is None else min(known, day)


def _receipt(known: _Facts, policy: PolicyBook) -> Receipt | None:
    """Equipment rules 3.3: the earliest of proof, registration and the assumed day; none for a failed shipment."""
    if known.failed:
        return None
    assumed = known.shipped_on + timedelta(policy.on(PolicyName.ASSUMED_RECEIPT_DAYS, known.shipped_on))
    if known.delivered is not None and known.delivered <= min(assumed, known.registered or assumed):
        return Receipt(known.delivered, Evidence.DELIVERY)
    if known.registered is not None and known.registered <= assumed:
        return Receipt(known.registered, Evidence.REGISTRATION)
    return Receipt(assumed, Evidence.NONE)


def _start(known: _Facts, receipt: Receipt | None, policy: PolicyBook) -> tuple[date, TermBasis] | None:
    """The day a free unit's term begins and why; None if its shipment failed."""
    if known.shipped.renews:
        if receipt is None:
            return None
        return receipt.on, TermBasis.ASSUMED_RECEIPT if receipt.assumed else TermBasis.RECEIPT
    # Equipment rules 3.2: the earlier of its own Activation and Order Date + 30 days, never before it shipped.
    order_date = known.shipped.order_date
    start = order_date + timedelta(policy.on(PolicyName.START_WITHOUT_ACTIVATION_DAYS, order_date))
    basis = TermBasis.ORDER_DATE
    if known.activated and known.activated <= start:
        start, basis = known.activated, TermBasis.ACTIVATION
    elif known.failed and not known.activated:
        return None
    return (start, basis) if start >= known.shipped_on else (known.shipped_on, TermBasis.SHIPMENT)


def _term(
    known: _Facts, facts: dict[int, _Facts], receipts: dict[int, Receipt | None], policy: PolicyBook, zone: tzinfo
) -> Term:
    shipped = known.shipped
    # A renewed term has the length and fee of its ship date, a first one those of its order's date.
    agreed_on = known.shipped_on if shipped.renews else shipped.order_date
    months = policy.on(PolicyName.MINIMUM_TERM_MONTHS, agreed_on)
    receipt = receipts[shipped.placement]
    start = _start(known, receipt, policy) if shipped.free else None
    sent_back = [
        facts[n].shipped_on for n in known.replacements if facts[n].shipped.unit == shipped.unit and receipts[n]
    ]
    followers = [(r.on, n) for n in known.replacements if (r := receipts[n]) is not None]
    superseded_on, follower = min(followers, default=(None, None))
    return Term(
        placement=shipped.placement,
        unit=shipped.unit,
        shipped_on=known.shipped_on,
        free=shipped.free,
        agreed_on=agreed_on,
        months=months,
        fee=policy.money_on(PolicyName.REIMBURSEMENT_FEE_CENTS, agreed_on),
        receipt=receipt,
        begins=start and start[0],
        ends=start and months_after(start[0], months),
        basis=start and start[1],
        failed=known.failed,
        in_hands_since=known.taken_back,
        in_hands_until=min(sent_back, default=None),
        replaced_by=None if follower is None else facts[follower].shipped.unit,
        superseded_on=superseded_on,
        trial_returned_on=known.trial_returned,
        value_charged_on=known.value_charged,
        service_ended_on=None if known.ended is None else local_date(known.ended.at, zone),
        end_cause=None if known.ended is None else known.ended.cause,
    )
