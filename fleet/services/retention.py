"""What is kept no longer than its period goes by itself, some rows a transaction, each purge with its proof (ER 8).

A run that is cut off has purged and proved what it did; the next one goes on, and finds nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Final

from sqlalchemy import Table

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.local_dates import ONE_DAY, first_instant, local_date
from fleet.domain.people import PERSON_TRANSITIONS, Person, PersonEvent
from fleet.domain.references import Noun, refer
from fleet.domain.retention import RetentionClass, purge_proof, purged_until
from fleet.domain.transitions import advance
from fleet.services.operators import require_operator
from fleet.store.accounts import AccountRepository
from fleet.store.erasure import Erasure
from fleet.store.people import PeopleRepository
from fleet.store.personal_data import ACCOUNT_DATA, PURGEABLE, Held, Purgeable
from fleet.store.policy import PolicyRepository
from fleet.store.purge import KeptProof, PurgeRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

BATCH_ROWS: Final = 500
BATCH_ACCOUNTS: Final = 50


class Retention:
    """The purges of every class of data that this system keeps. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def purge_logs(self, actor: Actor) -> int:
        """Delete all rows whose period is over; how many there were."""
        return sum(self._purge_rows(actor, purgeable) for purgeable in PURGEABLE)

    def purge_closed_accounts(self, actor: Actor) -> int:
        """Take the personal data from every account closed so long ago; how many accounts there were."""
        count = 0
        while True:
            with self._transactions.read(actor) as uow:
                limit = self._limit(uow, RetentionClass.PERSONAL_DATA)
                due = [] if limit is None else PurgeRepository(uow).closed_before(limit, BATCH_ACCOUNTS)
            for account_id in due:
                self._purge_account(actor, account_id)
            count += len(due)
            if not due:
                return count

    def proofs(self, actor: Actor, data: RetentionClass | None, limit: int, after: int | None) -> list[KeptProof]:
        """At most `limit` proofs with an id above `after`, of one class or all."""
        require_operator(actor, Permission.AUDIT_READ)
        with self._transactions.read(actor) as uow:
            return PurgeRepository(uow).proofs(data, limit, after)

    def _limit(self, uow: UnitOfWork, data: RetentionClass) -> datetime | None:
        """The first instant whose data stays today; None: all of it stays for ever."""
        last = purged_until(data, local_date(uow.now, self._zone), PolicyRepository(uow).book())
        return None if last is None else first_instant(last + ONE_DAY, self._zone)

    def _purge_rows(self, actor: Actor, purgeable: Purgeable) -> int:
        count = 0
        while True:
            with self._transactions.begin(actor) as uow:
                limit = self._limit(uow, purgeable.data)
                if limit is None:
                    return count
                names = PurgeRepository(uow).remove(purgeable.table, purgeable.since < limit, BATCH_ROWS)
                if names:
                    prove(uow, purgeable.data, {purgeable.table: names}, local_date(uow.now, self._zone))
                    uow.audit(AuditAction.DATA_PURGE, purgeable.table.name, [purgeable.data])
                    uow.commit()
            count += len(names)
            if not names:
                return count

    def _purge_account(self, actor: Actor, account_id: int) -> None:
        while self._erase_someone(actor, account_id):
            pass
        for held in ACCOUNT_DATA:
            while self._purge_held(actor, account_id, held):
                pass
        with self._transactions.begin(actor) as uow:
            AccountRepository(uow).hold(account_id)
            PurgeRepository(uow).mark_purged(account_id)
            uow.audit(AuditAction.ACCOUNT_PURGE, refer(Noun.ACCOUNT, account_id), ["purged_at"], account_id)
            uow.commit()

    def _erase_someone(self, actor: Actor, account_id: int) -> bool:
        with self._transactions.begin(actor) as uow:
            left = PeopleRepository(uow).of_account(account_id)
            if left:
                erase(uow, left[0], local_date(uow.now, self._zone))
                uow.commit()
        return bool(left)

    def _purge_held(self, actor: Actor, account_id: int, held: Held) -> bool:
        with self._transactions.begin(actor) as uow:
            names = PurgeRepository(uow).empty(held.table, held.of_account(account_id), held.emptied, BATCH_ROWS)
            if names:
                prove(uow, RetentionClass.PERSONAL_DATA, {held.table: names}, local_date(uow.now, self._zone))
                uow.commit()
        return bool(names)


def erase(uow: UnitOfWork, person: Person, today: date) -> Person:
    """The person without name, address, credentials; all they did stays under their reference. Proved and audited."""
    advance(PERSON_TRANSITIONS, person.state, PersonEvent.ERASE, person.reference)
    erasure = Erasure(uow, person)
    erasure.run()
    prove(uow, RetentionClass.PERSONAL_DATA, erasure.names, today)
    uow.audit(AuditAction.PERSON_ERASE, person.reference, ["name", "email"], person.account_id)
    return PeopleRepository(uow).get(person.id)


def prove(uow: UnitOfWork, data: RetentionClass, names: Mapping[Table, Sequence[str]], today: date) -> None:
    """Write down that those rows went, or what was personal in them: a proof a table."""
    for table, some in names.items():
        if some:
            PurgeRepository(uow).prove(table.name, purge_proof(data, today, sorted(set(some))))
