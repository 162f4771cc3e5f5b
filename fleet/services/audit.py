"""Who did what: the audit log, read by those who may."""

from __future__ import annotations

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditEntry
from fleet.store.audit import AuditRepository
from fleet.store.unit_of_work import Transactions


class Audit:
    """The entries in the actor's scope."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(self, actor: Actor, limit: int, before: int | None, subject: str | None) -> list[AuditEntry]:
        """At most `limit` entries older than `before`, newest first, of `subject` or of all."""
        actor.require(Permission.AUDIT_READ)
        with self._transactions.read(actor) as uow:
            return AuditRepository(uow).page(limit, before, subject)
