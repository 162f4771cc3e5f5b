"""Which rows an actor sees: an Administrator those of their own account, the operator's people all."""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, true

from fleet.domain.access import Actor


def in_scope(actor: Actor, account_id: ColumnElement[int] | ColumnElement[int | None]) -> ColumnElement[bool]:
    """The condition every query carries; `account_id` is the row's own column."""
    return true() if actor.account_id is None else account_id == actor.account_id


def operator_only(actor: Actor) -> ColumnElement[bool]:
    """The condition for rows that are no account's: whoever acts for one sees none of them."""
    return true() if actor.account_id is None else false()
