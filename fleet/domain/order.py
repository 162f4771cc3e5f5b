"""An order: what an account accepted on its Order Date, and whether its units are without charge (ToS 1.19, 9.f)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fleet.domain.billing_cycle import ANNUAL, MONTHLY
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.money import ZERO, Money
from fleet.domain.ownership import Ownership
from fleet.domain.registered_location import RegisteredLocation

MAX_LINES = 50
MAX_LINE_QUANTITY = 10_000


class Plan(StrEnum):
    """How often the service of an order is billed."""

    MONTHLY = "monthly"
    ANNUAL = "annual"

    @property
    def months(self) -> int:
        """From one bill to the next."""
        return ANNUAL if self is Plan.ANNUAL else MONTHLY


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an Order Form says beside its lines. `plan_price`: for one paid period of the service.

    `distributor_id`: the Authorized Distributor who sold it; None: we did.
    """

    plan: Plan = Plan.MONTHLY
    plan_price: Money = ZERO
    distributor_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`quantity` units of a board: all amounts for one unit itself, before tax, without shipping or handling.

    `ownership`: whose they are at the account, whatever is paid: what is rented is ours. `brought`: the account brought
    them along and claimed them; nothing was ordered from us.
    """

    board: str
    quantity: int
    unit_price: Money
    recurring: Money = ZERO
    credit: Money = ZERO
    ownership: Ownership = Ownership.OPERATOR
    brought: bool = False

    @property
    def is_free(self) -> bool:
        """Equipment rules 3.1: Operator Equipment whose amounts, one-off and recurring, sum to zero after credits."""
        return self.ownership.is_operators and not self.unit_price + self.recurring - self.credit


@dataclass(frozen=True, slots=True)
class Order:
    """Lines of one Order Form. `shipped` counts the units sent of each line, in the lines' order.

    `location`: where its units will be, if the Order Form says so (ToS 1.20); each shipped unit's line takes it over.
    """

    id: int
    account_id: int
    order_date: date
    lines: tuple[OrderLine, ...]
    shipped: tuple[int, ...]
    agreement: Agreement = Agreement()
    location: RegisteredLocation | None = None

    @property
    def is_shipped(self) -> bool:
        """Whether all its units were sent."""
        return all(sent >= line.quantity for line, sent in zip(self.lines, self.shipped, strict=True))


def check_agreement(agreement: Agreement, plan_kept: Plan | None) -> Agreement:
    """`agreement`, if an account may accept it whose first order is on `plan_kept` (None: it has none)."""
    if agreement.plan_price < ZERO:
        raise InvalidError(f"a plan's price is not negative, got {agreement.plan_price}")
    if agreement.plan is Plan.ANNUAL and not agreement.plan_price:
        raise InvalidError("say what an annual plan costs a year: a cancellation gives part of it back (ToS 9.d)")
    if plan_kept not in (None, agreement.plan):
        raise ConflictError(f"the account is on the {plan_kept} plan of its first order, and keeps it")
    return agreement


def check_lines(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    """`lines`, if they are fit for an order; else InvalidError."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidError(f"an order has 1 to {MAX_LINES} lines, got {len(lines)}")
    for line in lines:
        if not 1 <= line.quantity <= MAX_LINE_QUANTITY:
            raise InvalidError(f"a line has 1 to {MAX_LINE_QUANTITY} units, got {line.quantity}")
        amounts = line.unit_price, line.recurring, line.credit
        if min(amounts) < ZERO or line.credit > line.unit_price + line.recurring:
            raise InvalidError(
                f"amounts are not negative and a credit at most the rest, got {', '.join(map(str, amounts))}"
            )
    return lines


def price_of(line: OrderLine) -> Money:
    """What the account pays for one unit of a line itself, once; a trial return gives it back."""
    return max(ZERO, line.unit_price - line.credit)


def usual_ownership(unit_price: Money, credit: Money) -> Ownership:
    """Whose a unit is where the Order Form does not say: what is paid for once is bought (ToS 1.14)."""
    return Ownership.CUSTOMER if unit_price > credit else Ownership.OPERATOR


def assign_lines(order: Order, boards: list[str]) -> list[int]:
    """The index of the line each of the units with `boards` fills; InvalidError for one no line still waits for."""
    open_units = [line.quantity - sent for line, sent in zip(order.lines, order.shipped, strict=True)]
    chosen = []
    for board in boards:
        fitting = [i for i, line in enumerate(order.lines) if line.board == board and open_units[i] > 0]
        if not fitting:
            raise InvalidError(f"the order waits for no more units of board {board!r}")
        open_units[fitting[0]] -= 1
        chosen.append(fitting[0])
    return chosen
