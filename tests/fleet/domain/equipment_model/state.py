"""What one account in memory knows: the rows a service would store, and nothing it could work out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from fleet.domain.access import Role
from fleet.domain.billing_cycle import ANNUAL, MONTHLY, BillingCycle
from fleet.domain.cancellation import Cancellation
from fleet.domain.charge import Ledger
from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.federal_reserve import federal_reserve_calendar
from fleet.domain.inspection import Inspection
from fleet.domain.local_dates import local_date
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook
from fleet.domain.rma import Decision, Replacement, Rma
from fleet.domain.suspension import ServiceStanding
from fleet.domain.term import Shipped, TermEvent
from fleet.domain.termination import Breach, BreachNotice
from fleet.domain.waiver import EndCause

ZONE = ZoneInfo("America/New_York")
CALENDAR = federal_reserve_calendar(2023, 2050)
OPERATOR = frozenset({Role.ADMIN})


@dataclass(slots=True)
class Line:
    """One unit on an order form: its service is one line, which replacements take over. `price` is after credits."""

    name: str
    order: str
    order_date: date
    ownership: Ownership
    free: bool
    price_cents: int
    ended_at: datetime | None = None
    ended_by: int | None = None  # the cancellation; None by the operator or with the last line


@dataclass(slots=True)
class OrderForm:
    """An order, with the local dates on which its units were activated."""

    name: str
    order_date: date
    annual: bool
    price_cents: int
    lines: list[Line]
    activations: list[date] = field(default_factory=list)


@dataclass(slots=True)
class Stay:
    """One placement. `back_at`: when its unit came into our hands; `matched`: under an RMA."""

    placement: int
    shipment: str
    serial: str
    line: Line
    shipped: Shipped
    rma: str = ""
    seen_at: datetime | None = None  # last from the account
    scanned_at: datetime | None = None  # last on its way back
    failed: bool = False
    back_at: datetime | None = None
    matched: bool = False
    scanned_on: date | None = None


@dataclass(slots=True)
class Authorization:
    """An RMA with what the services keep beside it. `sent`: the stays of its replacement, the last one counts."""

    rma: Rma
    name: str
    stay: Stay
    sent: list[Stay] = field(default_factory=list)
    scanned: bool = False
    inspection: Inspection | None = None
    inspected_at: datetime | None = None


@dataclass(slots=True)
class State:
    """One account. All lists are in the order of becoming known."""

    now: datetime
    policy: PolicyBook = field(default_factory=PolicyBook)
    orders: list[OrderForm] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    rmas: list[Authorization] = field(default_factory=list)
    facts: list[TermEvent] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    notices: dict[str, int] = field(default_factory=dict)
    next_bills: dict[int, date] = field(default_factory=dict)  # as they were when each notice came
    causes: dict[int, EndCause] = field(default_factory=dict)
    breaches: dict[Breach, BreachNotice] = field(default_factory=dict)
    standing: ServiceStanding = field(default_factory=ServiceStanding)
    ended_at: datetime | None = None
    billed_from: date | None = None
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def today(self) -> date:
        """The operator's date."""
        return local_date(self.now, ZONE)

    @property
    def lines(self) -> list[Line]:
        """All lines of all orders."""
        return [line for order in self.orders for line in order.lines]

    def cycle(self) -> BillingCycle | None:
        """When the account is billed, from its first Activation on."""
        if self.billed_from is None:
            return None
        return BillingCycle(self.billed_from, ANNUAL if self.orders[0].annual else MONTHLY)

    def check_serves(self) -> None:
        """ConflictError where there is no service left, NotFoundError where there never was any."""
        if not self.orders:
            raise NotFoundError("the account has ordered nothing")
        if self.ended_at is not None:
            raise ConflictError("the account's service has ended")

    def stay_named(self, shipment: str) -> Stay:
        """The placement that began with a shipment."""
        return _one([stay for stay in self.stays if stay.shipment == shipment], shipment)

    def stay_of(self, serial: str, at: datetime) -> Stay:
        """The placement a unit was in at an instant, or last before it."""
        return _one([s for s in self.stays if s.serial == serial and s.shipped.at <= at][-1:], serial)

    def rma_named(self, name: str) -> Authorization:
        """The RMA a history calls so."""
        return _one([known for known in self.rmas if known.name == name], name)

    def rmas_of(self, stay: Stay) -> list[Authorization]:
        """The RMAs that ask for a placement's unit."""
        return [known for known in self.rmas if known.stay is stay]

    def replaced_on(self, known: Authorization) -> date | None:
        """The day what replaces an RMA's unit left, if it has not been lost."""
        sent = known.sent and not known.sent[-1].failed
        return local_date(known.sent[-1].shipped.at, ZONE) if sent else None

    def is_live(self, known: Authorization) -> bool:
        """Whether an RMA still runs: not refused, its unit not inspected."""
        return known.rma.decision in (Decision.REQUESTED, Decision.APPROVED) and known.inspection is None

    def is_replaced(self, stay: Stay) -> bool:
        """Whether something was sent for a placement's unit, and not lost."""
        gone = (Replacement.SHIPPED, Replacement.DELIVERED)
        return any(known.rma.replacement in gone for known in self.rmas_of(stay))


T = TypeVar("T", Stay, Authorization)


def _one(found: list[T], name: str) -> T:
    if not found:
        raise NotFoundError(f"nothing is called {name}")
    return found[0]
