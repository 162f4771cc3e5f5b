"""Whose a unit is, and what follows from it: a minimum term, a duty to return it (equipment rules 1 and 3.1)."""

from __future__ import annotations

from enum import StrEnum

from fleet.domain.order import OrderLine


class Ownership(StrEnum):
    """A replacement takes the ownership of the unit it replaces."""

    OPERATOR = "operator"  # Operator Equipment, provided without charge
    LEASED = "leased"  # Operator Equipment of an old contract (es 1.16)
    CUSTOMER = "customer"  # Customer Equipment, bought or brought along

    @property
    def is_operators(self) -> bool:
        """Whether it is Operator Equipment."""
        return self is not Ownership.CUSTOMER

    @property
    def returns_at_end(self) -> bool:
        """Whether it is to come back when service ends."""
        return self is Ownership.LEASED


def ownership_of(line: OrderLine, leased: bool = False) -> Ownership:
    """Whose the units of an order's `line` are; `leased` for lines of old contracts, whose rent is no purchase."""
    if leased:
        return Ownership.LEASED
    return Ownership.OPERATOR if line.is_free else Ownership.CUSTOMER
