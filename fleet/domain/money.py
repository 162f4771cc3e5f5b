"""An amount of money: exact, in cents of the US dollar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """`cents` may be negative: a credit."""

    cents: int

    def __add__(self, other: Self) -> Money:
        return Money(self.cents + other.cents)

    def __sub__(self, other: Self) -> Money:
        return Money(self.cents - other.cents)

    def __neg__(self) -> Money:
        return Money(-self.cents)

    def __mul__(self, count: int) -> Money:
        return Money(self.cents * count)

    def __bool__(self) -> bool:
        return self.cents != 0

    def __str__(self) -> str:
        dollars, cents = divmod(abs(self.cents), 100)
        return f"{'-' if self.cents < 0 else ''}${dollars:,}.{cents:02}"


ZERO = Money(0)
