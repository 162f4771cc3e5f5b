"""Purges: rows go, or what is personal in them, some at a time, and each purge leaves its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ColumnElement, Result, Row, Select, Table, and_, delete, insert, or_, select, tuple_, update

from fleet.domain.retention import PurgeProof, RetentionClass
from fleet.store.personal_data import PERSONAL
from fleet.store.tables.commerce import accounts
from fleet.store.tables.retention import purge_proofs
from fleet.store.unit_of_work import UnitOfWork

DIGEST_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class KeptProof:
    """A proof as it was written down; `rows_of` names the table."""

    id: int
    rows_of: str
    proof: PurgeProof
    recorded_at: datetime


def name_of(table: Table, row: Row[Any]) -> str:
    """A row's name in a proof: the table's and its key, or a digest of one that somebody chose."""
    keys = ((column, str(row._mapping[column])) for column in table.primary_key)
    return "-".join([table.name, *(_digest(key) if column in PERSONAL else key for column, key in keys)])


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


class PurgeRepository:
    """Deletes, empties, and proves. Only the operator's machinery has it: no scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def remove(self, table: Table, condition: ColumnElement[bool], limit: int) -> list[str]:
        """Delete at most `limit` rows that nobody else holds; their names."""
        chosen = self._chosen(table, condition, limit, skip_locked=True)
        removed: Result[Any] = self._connection.execute(delete(table).where(chosen).returning(*table.primary_key))
        return [name_of(table, row) for row in removed]

    def empty(self, table: Table, condition: ColumnElement[bool], emptied: Mapping[str, Any], limit: int) -> list[str]:
        """Put `emptied` in the place of what at most `limit` rows hold; the names of those that held anything else.

        It waits for who holds one: an account is purged once, and what was passed over would stay for ever.
        """
        filled = or_(*(table.c[name].is_distinct_from(value) for name, value in emptied.items()))
        chosen = self._chosen(table, and_(condition, filled), limit, skip_locked=False)
        changed: Result[Any] = self._connection.execute(
            update(table).where(chosen).values(emptied).returning(*table.primary_key)
        )
        return [name_of(table, row) for row in changed]

    def prove(self, rows_of: str, proof: PurgeProof) -> None:
        """Write the proof down, in the purge's own transaction."""
        values = {
            "data": proof.data,
            "rows_of": rows_of,
            "purged_on": proof.on,
            "row_count": proof.count,
            "first": proof.first,
            "last": proof.last,
            "sha256": proof.sha256,
            "recorded_at": self._now,
        }
        self._connection.execute(insert(purge_proofs).values(values))

    def proofs(self, data: RetentionClass | None, limit: int, after: int | None) -> list[KeptProof]:
        """At most `limit` proofs with an id above `after`, of one class or all."""
        query = select(purge_proofs).where(purge_proofs.c.id > (after or 0)).order_by(purge_proofs.c.id).limit(limit)
        if data is not None:
            query = query.where(purge_proofs.c.data == data)
        return [_kept(row) for row in self._connection.execute(query)]

    def closed_before(self, instant: datetime, limit: int) -> Sequence[int]:
        """At most `limit` accounts that were closed before then and whose personal data is still here."""
        closed = (accounts.c.closed_at < instant, accounts.c.purged_at.is_(None))
        return self._connection.execute(select(accounts.c.id).where(*closed).limit(limit)).scalars().all()

    def mark_purged(self, account_id: int) -> None:
        """The personal data of that account is gone."""
        self._connection.execute(update(accounts).where(accounts.c.id == account_id).values(purged_at=self._now))

    @staticmethod
    def _chosen(table: Table, condition: ColumnElement[bool], limit: int, *, skip_locked: bool) -> ColumnElement[bool]:
        keys = list(table.primary_key)
        some: Select[Any] = select(*keys).where(condition).limit(limit).with_for_update(skip_locked=skip_locked)
        return keys[0].in_(some) if len(keys) == 1 else tuple_(*keys).in_(some)


def _kept(row: Row[Any]) -> KeptProof:
    proof = PurgeProof(RetentionClass(row.data), row.purged_on, row.row_count, row.first, row.last, row.sha256)
    return KeptProof(row.id, row.rows_of, proof, row.recorded_at)
