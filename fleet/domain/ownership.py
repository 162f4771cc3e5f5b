"""Whose a unit is, and what follows from it: a minimum term, a duty to return it (equipment rules 1 and 3.1)."""

from __future__ import annotations

from enum import StrEnum


class Ownership(StrEnum):
    """A replacement takes the ownership of the unit it replaces."""

    OPERATOR = "operator"  # Operator Equipment, provided without charge or rented
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
