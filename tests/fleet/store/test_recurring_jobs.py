"""Recurring jobs run twice, by two workers at once, and after a long silence: each thing is done once, none is left."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fleet.domain.access import Actor
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.jobs import SCHEDULER
from fleet.store.base import metadata
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import PARCEL, Warehouse, snapshot
from tests.fleet.store import equipment_acts as acts
from tests.fleet.store import equipment_races as races
from tests.fleet.store.equipment_world import (
    ADMINISTRATOR,
    FREE,
    MEET,
    SPARE,
    START,
    World,
    door,
    postgresql_world,
    sqlite_world,
)

SILENCE_DAYS = 40
OF_FILES = ("renew certificates", "renew metadata")  # which are beside the database
REMINDER = "return_reminder"


def test_what_runs_again_at_the_same_instant_changes_nothing(services: Services, clock: Clock, admin: Actor) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    warehouse.approved(warehouse.place(account))
    warehouse.place(account)
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="Phones & More")
    services.cancellations.request(admin, account.id, asked)
    for days in (8, 4, 90):  # a reminder, a deadline with the cancellation, retention periods
        clock.advance(days=days)
        for job in services.jobs:
            job.work(SCHEDULER)
            before = snapshot(services)
            job.work(SCHEDULER)
            assert snapshot(services) == before, job.name


@pytest.mark.parametrize("name", acts.JOBS)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_workers_at_once_do_what_one_does(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, name: str
) -> None:
    now = START + timedelta(days=8) if name == "remind of deadlines" else MEET
    results = []
    for workers in (1, 2):
        if kind == "sqlite":
            folder = tmp_path / str(workers)
            folder.mkdir()
            world = sqlite_world(folder)
        else:
            world = postgresql_world(request.getfixturevalue("cluster"), f"{name} by {workers}")
        asked = [races.Asked(world, 0, acts.job(name), number, now, number) for number in range(workers)]
        done, _ = races.at_once(asked, [None] * workers)
        assert [call.outcome for call in done] == [acts.DONE] * workers
        results.append(facts(world, now))
    assert results[0] == results[1]


@pytest.mark.parametrize("overdue_first", [False, True])
def test_a_silence_of_forty_days_ends_where_daily_runs_end(tmp_path: Path, overdue_first: bool) -> None:
    ends = []
    for silence in (0, SILENCE_DAYS):
        folder = tmp_path / str(silence)
        folder.mkdir()
        world = sqlite_world(folder)
        if overdue_first:
            end_after_deadline(world)
        days = [
            *range(max(silence, 10 if overdue_first else 1), SILENCE_DAYS + 1),
            *range(SILENCE_DAYS + 5, SILENCE_DAYS + 40, 5),
        ]
        for day in days:
            run_all(world, START + timedelta(days=day))
        ends.append(facts(world, START + timedelta(days=days[-1])))
    daily, late = ends
    assert charges(late) == charges(daily)
    told_daily, told_late = letters(daily), letters(late)
    pointless = {key for key in told_daily if key.startswith(REMINDER)}
    assert told_late - told_daily == set()
    assert told_daily - told_late <= pointless
    assert pointless, "there was something to be reminded of"
    for table in ("rmas", "cancellations", "configurations", "account_services"):
        assert late[table] == daily[table], table


def end_after_deadline(world: World) -> None:
    """A unit is overdue on the 13th and its service ends on the 17th, before its replacement counts as received."""
    engine, services = door().open(world.url, START), door().services
    services.rmas.approve(SCHEDULER, 4)
    services.rmas.reserve(SCHEDULER, 4, SPARE)
    asked = Asked(
        START, NoticeChannel.DISTRIBUTOR, ADMINISTRATOR, date(2026, 3, 17), [FREE], passed_on_by="Phones & More"
    )
    services.cancellations.request(SCHEDULER, 1, asked)
    door().now = START + timedelta(days=9)
    services.rmas.ship(SCHEDULER, 4, PARCEL)
    engine.dispose()


def run_all(world: World, now: datetime) -> None:
    engine = door().open(world.url, now)
    for job in door().services.jobs:
        if job.name not in OF_FILES:
            job.work(SCHEDULER)
    engine.dispose()


FACTS = {
    "charge_events": ("key", "kind", "amount_cents", "subject", "charged_on"),
    "outbox": ("kind", "key"),
    "audit_log": ("action", "subject"),
    "rmas": ("serial", "kind", "decision", "replacement", "return_state"),
    "cancellations": ("id", "state", "quote"),
    "term_events": ("placement_id", "kind", "at"),
    "configurations": ("serial", "line_level"),
    "account_services": ("account_id", "state"),
}


def facts(world: World, now: datetime) -> dict[str, Counter[Any]]:
    """What came of it, without the numbers and instants of the rows."""
    engine, found = door().open(world.url, now), {}
    with engine.connect() as connection:
        for name, columns in FACTS.items():
            table = metadata.tables[name]
            rows = connection.execute(select(*(table.c[column] for column in columns)))
            found[name] = Counter(tuple(row) for row in rows)
    engine.dispose()
    return found


def letters(ended: dict[str, Counter[Any]]) -> set[str]:
    """The keys of what was told, without the last day that a reminder is of: it is counted from the opening, too."""
    keys = {str(key) for _, key in ended["outbox"]}
    return {re.sub(r":[0-9-]{10}:", ":", key) if key.startswith(REMINDER) else key for key in keys}


def charges(ended: dict[str, Counter[Any]]) -> list[Any]:
    """Key and amount; the day of a value that is due after a return the system opened is counted from its opening."""
    return sorted((key, kind, cents) for key, kind, cents, *_ in ended["charge_events"].elements())
