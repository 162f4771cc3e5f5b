"""Who did what: the audit log, read by those who may, and every read of Account data in it (equipment rules 8)."""

from __future__ import annotations

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import READ_ACTIONS, AuditAction, AuditEntry
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, number_of, refer
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

    def record_read(
        self, actor: Actor, permission: Permission, what: str, subject: str | None, account: str | None
    ) -> None:
        """Keep that the actor was shown `what` of `subject` (None: all in their scope); one entry a page.

        `permission` is what the read demands, `account` by which account it was asked for: then it is Account data
        whatever it shows. Called before the answer leaves: what cannot be kept is not shown.
        """
        asked = _asked_account(actor, account)
        action = READ_ACTIONS.get(permission, AuditAction.ACCOUNT_READ if asked else None)
        if action is None:
            return
        subject = subject or asked
        with self._transactions.begin(actor) as uow:
            account_id = actor.account_id
            if subject is not None and account_id is None:
                account_id = AuditRepository(uow).account_of(subject)
            uow.audit(action, subject or what, [what] if subject else [], account_id)
            uow.commit()


def _asked_account(actor: Actor, account: str | None) -> str | None:
    """The reference of the account a list was asked for by: who acts for one is shown that one. None for no account."""
    if account is None:
        return None
    try:
        number = number_of(Noun.ACCOUNT, account.upper())
    except NotFoundError:
        return None
    return refer(Noun.ACCOUNT, actor.account_id or number)
