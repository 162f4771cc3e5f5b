"""The audit log, newest first, within an actor's scope."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, select

from fleet.domain.audit import AuditAction, AuditEntry
from fleet.domain.references import Noun, number_of
from fleet.store.scope import in_scope
from fleet.store.tables.calls import call_records, destination_blocks, use_reviews
from fleet.store.tables.commerce import accounts, orders, rmas
from fleet.store.tables.endings import blind_returns, breach_notices, cancellations
from fleet.store.tables.equipment import units
from fleet.store.tables.journal import audit_log
from fleet.store.tables.people import people
from fleet.store.tables.telephony import phone_numbers
from fleet.store.unit_of_work import UnitOfWork

# Which account a numbered thing is of: the column of its number, and that of its account.
OWNERS: Final[dict[Noun, tuple[Column[Any], Column[Any]]]] = {
    Noun.ACCOUNT: (accounts.c.id, accounts.c.id),
    Noun.ORDER: (orders.c.id, orders.c.account_id),
    Noun.RMA: (rmas.c.id, rmas.c.account_id),
    Noun.BLIND_RETURN: (blind_returns.c.id, blind_returns.c.account_id),
    Noun.CANCELLATION: (cancellations.c.id, cancellations.c.account_id),
    Noun.BREACH_NOTICE: (breach_notices.c.id, breach_notices.c.account_id),
    Noun.NUMBER: (phone_numbers.c.id, phone_numbers.c.account_id),
    Noun.CALL: (call_records.c.id, call_records.c.account_id),
    Noun.DESTINATION_BLOCK: (destination_blocks.c.id, destination_blocks.c.account_id),
    Noun.USE_REVIEW: (use_reviews.c.id, use_reviews.c.account_id),
    Noun.PERSON: (people.c.id, people.c.account_id),
}


class AuditRepository:
    """An Administrator sees what was done to their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, audit_log.c.account_id)

    def has(self, action: AuditAction, subject: str, since: datetime | None = None) -> bool:
        """Whether that was recorded of `subject`, at or after `since` (None: ever)."""
        query = select(audit_log.c.id).where(audit_log.c.subject == subject, audit_log.c.action == action, self._scope)
        if since is not None:
            query = query.where(audit_log.c.at >= since)
        return self._connection.scalar(query.limit(1)) is not None

    def account_of(self, subject: str) -> int | None:
        """The account that a reference or a unit's serial number belongs to; None: to none, or to nothing known."""
        for noun, (number, account_id) in OWNERS.items():
            if subject.startswith(f"{noun}-"):
                return self._connection.scalar(select(account_id).where(number == number_of(noun, subject)))
        return self._connection.scalar(select(units.c.account_id).where(units.c.serial == subject))

    def page(self, limit: int, before: int | None, subject: str | None) -> list[AuditEntry]:
        """At most `limit` entries older than the one with id `before`, of `subject` or of all."""
        query = select(audit_log).where(self._scope)
        if before is not None:
            query = query.where(audit_log.c.id < before)
        if subject is not None:
            query = query.where(audit_log.c.subject == subject)
        rows = self._connection.execute(query.order_by(audit_log.c.id.desc()).limit(limit))
        return [
            AuditEntry(
                id=row.id,
                at=row.at,
                actor_kind=row.actor_kind,
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                fields=tuple(json.loads(row.fields)),
                operator=row.operator or "",
            )
            for row in rows
        ]
