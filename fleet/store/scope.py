"""Which rows an actor sees: an Administrator those of their own account, the operator's people all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, false, or_, true

from fleet.domain.access import Actor
from fleet.store.tables.commerce import placements


def in_scope(actor: Actor, account_id: ColumnElement[int] | ColumnElement[int | None]) -> ColumnElement[bool]:
    """The condition every query carries; `account_id` is the row's own column."""
    return true() if actor.account_id is None else account_id == actor.account_id


def during_stay(actor: Actor, serial: ColumnElement[str], at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """The condition for a unit's history: an account sees what happened while the unit was placed at it, no more."""
    if actor.account_id is None:
        return true()
    stay = placements.c
    until = or_(stay.until.is_(None), at < stay.until)
    return exists().where(stay.serial == serial, stay.account_id == actor.account_id, stay.shipped_at <= at, until)


def operator_only(actor: Actor) -> ColumnElement[bool]:
    """The condition for rows that are no account's: whoever acts for one sees none of them."""
    return true() if actor.account_id is None else false()
