"""The operator's table of networks, and the countries whose units get no service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select

from fleet.domain.public_network import KnownPrefix
from fleet.store.tables.telephony import export_blocks, known_prefixes
from fleet.store.unit_of_work import UnitOfWork

BATCH_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class ExportBlock:
    """A country on the block list, and who put it there."""

    country: str
    why: str
    actor: str
    at: datetime


class NetworkRepository:
    """The operator's own: it lies in no account's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def replace(self, rows: Sequence[KnownPrefix]) -> None:
        """The whole table anew, each prefix once."""
        self._connection.execute(delete(known_prefixes))
        for start in range(0, len(rows), BATCH_ROWS):
            batch = rows[start : start + BATCH_ROWS]
            self._connection.execute(insert(known_prefixes), [asdict(row) for row in batch])

    def longest(self, prefixes: Sequence[str]) -> KnownPrefix | None:
        """The first of `prefixes`, which come longest first, that the table has."""
        query = select(known_prefixes).where(known_prefixes.c.prefix.in_(prefixes))
        found = {row.prefix: row for row in self._connection.execute(query)}
        row = next((found[prefix] for prefix in prefixes if prefix in found), None)
        return None if row is None else KnownPrefix(row.prefix, row.country, row.network)


class ExportBlockRepository:
    """The operator's own: it lies in no account's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    def has(self, country: str) -> bool:
        """Whether units in that country get no service; an unknown country is on no list."""
        query = select(export_blocks.c.country).where(export_blocks.c.country == country)
        return bool(country) and self._connection.scalar(query) is not None

    def all(self) -> list[ExportBlock]:
        """The list."""
        rows = self._connection.execute(select(export_blocks).order_by(export_blocks.c.country))
        return [ExportBlock(row.country, row.why, row.actor, row.at) for row in rows]

    def add(self, country: str, why: str) -> None:
        """Put a country on the list."""
        values = {"country": country, "why": why, "actor": self._actor.reference, "at": self._now}
        self._connection.execute(insert(export_blocks).values(values))

    def remove(self, country: str) -> None:
        """Take a country off the list."""
        self._connection.execute(delete(export_blocks).where(export_blocks.c.country == country))
