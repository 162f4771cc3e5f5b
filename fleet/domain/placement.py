"""A placement: one stay of one unit at one account, from shipment until it is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fleet.domain.ownership import Ownership


@dataclass(frozen=True, slots=True)
class NewPlacement:
    """A placement as its shipment creates it. `replaces` is the placement it takes over from.

    `ownership`: whose the unit is during this stay; `free`: without charge, so that it may have a minimum term;
    `price_cents`: what the account paid for the unit itself, which a trial return gives back.
    """

    serial: str
    account_id: int
    order_id: int
    order_date: date
    free: bool
    shipped_at: datetime
    replaces: int | None = None
    renews: bool = False
    ownership: Ownership = Ownership.OPERATOR
    price_cents: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """The stored placement. `registered_at`: the first registration from the account; `until`: None while it lasts."""

    id: int
    opened: NewPlacement
    registered_at: datetime | None = None
    activated_at: datetime | None = None
    until: datetime | None = None
