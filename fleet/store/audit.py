"""The audit log, newest first, within an actor's scope."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import select

from fleet.domain.audit import AuditAction, AuditEntry
from fleet.store.scope import in_scope
from fleet.store.tables.journal import audit_log
from fleet.store.unit_of_work import UnitOfWork


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
                row.id, row.at, row.actor_kind, row.actor, row.action, row.subject, tuple(json.loads(row.fields))
            )
            for row in rows
        ]
