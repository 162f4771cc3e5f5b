"""Recurring jobs: one run at a time, errors tried again, leases that end."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from fleet.domain.access import Actor
from fleet.services.build import Services
from fleet.services.jobs import LEASE_MINUTES, RETRY_S, SCHEDULER, Job, Jobs
from fleet.store.jobs import JobRepository
from fleet.store.tables.jobs import jobs
from tests.fleet.conftest import Clock

HOUR = timedelta(hours=1)


def ignore(name: str, error: Exception) -> None:
    raise AssertionError(f"{name} failed") from error


def test_a_job_runs_at_once_and_then_every_period(services: Services, clock: Clock) -> None:
    runs: list[str] = []
    scheduler = Jobs(services.transactions, [Job("tick", HOUR, lambda actor: runs.append(actor.reference))])
    assert [scheduler.run_due(ignore) for _ in range(3)] == [1, 0, 0]
    clock.advance(hours=1)
    assert scheduler.run_due(ignore) == 1
    assert runs == ["scheduler", "scheduler"]


def test_a_failed_job_is_told_noted_and_tried_again_soon_and_others_still_run(services: Services, clock: Clock) -> None:
    told: list[tuple[str, str]] = []
    ran: list[int] = []

    def fail(_actor: Actor) -> None:
        raise RuntimeError("disk full")

    scheduler = Jobs(services.transactions, [Job("bad", HOUR, fail), Job("good", HOUR, lambda _: ran.append(1))])
    scheduler.run_due(lambda name, error: told.append((name, str(error))))
    assert told == [("bad", "disk full")]
    assert ran == [1]
    with services.transactions.engine.connect() as connection:
        row = connection.execute(select(jobs).where(jobs.c.name == "bad")).one()
    assert (row.failures, row.last_error, row.finished_at) == (1, "RuntimeError: disk full", None)
    clock.advance(seconds=RETRY_S)
    assert scheduler.run_due(lambda name, error: told.append((name, str(error)))) == 1


def test_while_one_worker_runs_a_job_no_other_does_until_the_lease_ends(services: Services, clock: Clock) -> None:
    seen: list[int] = []

    def work(_actor: Actor) -> None:
        seen.append(inner.run_due(ignore))

    inner = Jobs(services.transactions, [Job("slow", HOUR, lambda _: None)])
    Jobs(services.transactions, [Job("slow", HOUR, work)]).run_due(ignore)
    assert seen == [0]

    clock.advance(hours=1)
    with services.transactions.begin(SCHEDULER) as uow:
        store, lease = JobRepository(uow), timedelta(minutes=LEASE_MINUTES)
        assert store.lease("slow", lease) is not None  # and then it dies
        assert store.lease("slow", lease) is None
        uow.commit()
    assert inner.run_due(ignore) == 0
    clock.advance(minutes=LEASE_MINUTES)
    assert inner.run_due(ignore) == 1


def test_the_products_own_jobs_run(services: Services) -> None:
    assert Jobs(services.transactions, services.jobs).run_due(ignore) == len(services.jobs)
