"""Recurring jobs by name: leased by one UPDATE, so that of many workers one runs it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fleet.store.tables.jobs import jobs
from fleet.store.unit_of_work import UnitOfWork

MAX_ERROR_CHARACTERS: Final = 500


class JobRepository:
    """Leases of jobs, and what came of the runs."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def is_due(self, name: str) -> bool:
        """Whether the job waits to be run, or was never heard of; a read that blocks nobody."""
        known = self._connection.execute(select(jobs.c.due_at, jobs.c.leased_until).where(jobs.c.name == name))
        row = known.one_or_none()
        if row is None:
            return True
        return row.due_at <= self._now and (row.leased_until is None or row.leased_until <= self._now)

    def lease(self, name: str, lease: timedelta) -> datetime | None:
        """Take the job until the instant returned; None if it is not due or somebody else runs it."""
        insert = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(jobs)
        self._connection.execute(insert.values(name=name, due_at=self._now).on_conflict_do_nothing())
        until = self._now + lease
        taken = (
            update(jobs)
            .where(
                jobs.c.name == name,
                jobs.c.due_at <= self._now,
                or_(jobs.c.leased_until.is_(None), jobs.c.leased_until <= self._now),
            )
            .values(leased_until=until, started_at=self._now)
            .returning(jobs.c.name)
        )
        return until if self._connection.scalar(taken) is not None else None

    def finish(self, name: str, leased_until: datetime, due_at: datetime) -> None:
        """The run went well; due again then. A lost lease changes nothing."""
        ours = and_(jobs.c.name == name, jobs.c.leased_until == leased_until)
        values = {"due_at": due_at, "leased_until": None, "finished_at": self._now, "failures": 0, "last_error": None}
        self._connection.execute(update(jobs).where(ours).values(values))

    def fail(self, name: str, leased_until: datetime, due_at: datetime, error: str) -> None:
        """The run failed; due again then."""
        ours = and_(jobs.c.name == name, jobs.c.leased_until == leased_until)
        self._connection.execute(
            update(jobs)
            .where(ours)
            .values(
                due_at=due_at, leased_until=None, failures=jobs.c.failures + 1, last_error=error[:MAX_ERROR_CHARACTERS]
            )
        )
