"""The audit log, newest first, within an actor's scope."""

from __future__ import annotations

import json

from sqlalchemy import select

from fleet.domain.audit import AuditEntry
from fleet.store.scope import in_scope
from fleet.store.tables.journal import audit_log
from fleet.store.unit_of_work import UnitOfWork


class AuditRepository:
    """An Administrator sees what was done to their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, audit_log.c.account_id)

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
