"""An order: what an account accepted on its Order Date, and whether its units are without charge (ToS 1.19, 9.f)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fleet.domain.errors import InvalidError
from fleet.domain.money import ZERO, Money

MAX_LINES = 50
MAX_LINE_QUANTITY = 10_000


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`quantity` units of a board: all amounts for one unit itself, before tax, without shipping or handling.

    `leased`: of an old contract (es 1.16), to come back when service ends.
    """

    board: str
    quantity: int
    unit_price: Money
    recurring: Money = ZERO
    credit: Money = ZERO
    leased: bool = False

    @property
    def is_free(self) -> bool:
        """Equipment rules 3.1: all one-off and recurring amounts, after credits, sum to zero."""
        return not self.unit_price + self.recurring - self.credit


@dataclass(frozen=True, slots=True)
class Order:
    """Lines of one Order Form. `shipped` counts the units sent of each line, in the lines' order."""

    id: int
    account_id: int
    order_date: date
    lines: tuple[OrderLine, ...]
    shipped: tuple[int, ...]


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
