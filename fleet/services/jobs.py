"""What the service does by itself again and again: one table of jobs, each run by one worker at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fleet.domain.access import Actor, system_actor
from fleet.store.jobs import JobRepository
from fleet.store.unit_of_work import Transactions

LEASE_MINUTES: Final = 10
RETRY_S: Final = 60

SCHEDULER: Final = system_actor("scheduler")


@dataclass(frozen=True, slots=True)
class Job:
    """Run `work` every `every`; it takes who acts, and may be run again after a run that was cut off."""

    name: str
    every: timedelta
    work: Callable[[Actor], object]


class Jobs:
    """Runs what is due."""

    def __init__(self, transactions: Transactions, jobs: Sequence[Job]) -> None:
        self._transactions = transactions
        self._jobs = jobs

    def run_due(self, on_error: Callable[[str, Exception], None]) -> int:
        """Run every due job nobody else runs; how many ran. A job's error goes to `on_error` and is tried again."""
        return sum(self._run(job, on_error) for job in self._jobs)

    def _run(self, job: Job, on_error: Callable[[str, Exception], None]) -> bool:
        with self._transactions.read(SCHEDULER) as uow:
            if not JobRepository(uow).is_due(job.name):
                return False
        with self._transactions.begin(SCHEDULER) as uow:
            until = JobRepository(uow).lease(job.name, timedelta(minutes=LEASE_MINUTES))
            uow.commit()
        if until is None:
            return False
        try:
            job.work(SCHEDULER)
        except Exception as error:  # the supervisor of jobs: one that fails must not stop the others
            on_error(job.name, error)
            with self._transactions.begin(SCHEDULER) as uow:
                due_at = uow.now + min(job.every, timedelta(seconds=RETRY_S))
                JobRepository(uow).fail(job.name, until, due_at, f"{type(error).__name__}: {error}")
                uow.commit()
            return True
        with self._transactions.begin(SCHEDULER) as uow:
            JobRepository(uow).finish(job.name, until, uow.now + job.every)
            uow.commit()
        return True
