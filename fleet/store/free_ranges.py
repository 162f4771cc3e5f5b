"""Free numbers as ranges: taken from the lowest on, cut where one is wanted by name, joined again when one returns.

Invariant: ranges of one space neither overlap nor touch. Whoever changes them holds the lock until the transaction
ends, so that of a transaction that is given up nothing is left, no hole and no double.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, insert, select, update

from fleet.store.tables.inventory import SERIAL_SPACE, free_ranges
from fleet.store.unit_of_work import UnitOfWork

INVENTORY_LOCK: Final = 7_526_466  # any number of our own: PostgreSQL's advisory lock


@dataclass(frozen=True, slots=True)
class Range:
    """`size` numbers of `space` from `first` on."""

    space: int
    first: int
    size: int


class FreeRanges:
    """The free numbers of every space."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def lock(self) -> None:
        """Wait for whoever else hands out numbers; they are done when this returns."""
        if self._connection.dialect.name == "postgresql":  # on SQLite a writer is alone anyway
            self._connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({INVENTORY_LOCK})")

    def add(self, space: int, first: int, size: int) -> None:
        """A range of a new space."""
        self._connection.execute(insert(free_ranges).values(space=space, first=first, size=size))

    def take_serials(self, at_most: int) -> Range | None:
        """The lowest serial numbers there are in a row, `at_most` of them; None when none are left."""
        return self._take(free_ranges.c.space == SERIAL_SPACE, 1, at_most)

    def take_macs(self, size: int, at_most: int = 0) -> Range | None:
        """Addresses in a row, the lowest of the oldest block with room: `size`, or the most up to `at_most` times it.

        None when no block has so many in a row.
        """
        return self._take(free_ranges.c.space != SERIAL_SPACE, size, size * max(at_most, 1))

    def take_exactly(self, space: int, first: int, size: int) -> bool:
        """Take those numbers; False, and nothing changes, if one of them is not free."""
        row = self._connection.execute(
            select(free_ranges)
            .where(free_ranges.c.space == space, free_ranges.c.first <= first)
            .order_by(free_ranges.c.first.desc())
            .limit(1)
        ).one_or_none()
        if row is None or row.first + row.size < first + size:
            return False
        self._remove(space, row.first)
        if row.first < first:
            self.add(space, row.first, first - row.first)
        if row.first + row.size > first + size:
            self.add(space, first + size, row.first + row.size - first - size)
        return True

    def put_back(self, space: int, first: int, size: int) -> None:
        """Those numbers are free again."""
        before = self._connection.execute(
            select(free_ranges)
            .where(free_ranges.c.space == space, free_ranges.c.first < first)
            .order_by(free_ranges.c.first.desc())
            .limit(1)
        ).one_or_none()
        if before is not None and before.first + before.size == first:
            self._remove(space, before.first)
            first, size = before.first, before.size + size
        after = self._connection.scalar(
            select(free_ranges.c.size).where(free_ranges.c.space == space, free_ranges.c.first == first + size)
        )
        if after is not None:
            self._remove(space, first + size)
            size += after
        self.add(space, first, size)

    def _take(self, where: ColumnElement[bool], least: int, most: int) -> Range | None:
        row = self._connection.execute(
            select(free_ranges)
            .where(where, free_ranges.c.size >= least)
            .order_by(free_ranges.c.space, free_ranges.c.first)
            .limit(1)
        ).one_or_none()
        if row is None:
            return None
        size = min(row.size // least * least, most)
        if size == row.size:
            self._remove(row.space, row.first)
        else:
            self._connection.execute(
                update(free_ranges)
                .where(free_ranges.c.space == row.space, free_ranges.c.first == row.first)
                .values(first=row.first + size, size=row.size - size)
            )
        return Range(row.space, row.first, size)

    def _remove(self, space: int, first: int) -> None:
        self._connection.execute(delete(free_ranges).where(free_ranges.c.space == space, free_ranges.c.first == first))


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """(first, size) of each run of consecutive numbers in `numbers`, which has none twice."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and sum(found[-1]) == number:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((number, 1))
    return found
