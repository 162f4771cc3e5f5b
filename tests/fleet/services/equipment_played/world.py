"""A fleet service whose database is a fresh copy for every history: an account, its Administrator, units in stock."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event

from fleet.domain.access import Actor, ActorKind, Role, permissions_of
from fleet.domain.people import Person
from fleet.pki.renewal import Credentials
from fleet.services.build import Services, build_services
from fleet.services.jobs import SCHEDULER, Jobs
from fleet.settings import Settings
from fleet.store.migrate import migrate
from fleet.store.people import PeopleRepository
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse
from tests.fleet.store.voice_faults import PROFILE

FOUNDED: Final = datetime(2024, 1, 2, 15, tzinfo=UTC)  # before any history begins
STOCK: Final = 40
PLAYED_JOBS: Final = frozenset({"end deadlines", "remind of deadlines", "end services"})
OPERATOR: Final = Actor(ActorKind.PERSON, "PE-900", permissions_of(frozenset({Role.ADMIN})))


@dataclass(slots=True)
class World:
    """`commits` counts every transaction that was committed, so that a refused act shows none."""

    services: Services
    clock: Clock
    warehouse: Warehouse
    folder: Path
    account: int
    administrator: Person
    stock: list[str]
    jobs: Jobs
    commits: int = 0

    def begin_anew(self) -> None:
        """The database is as it was founded, and so is the clock."""
        self.services.transactions.engine.dispose()
        for old in self.folder.glob("fleet.db*"):
            old.unlink()
        shutil.copy(self.folder / "template.db", self.folder / "fleet.db")
        self.clock.now = FOUNDED
        self.warehouse.made, self.commits = STOCK, 0

    def run_jobs(self) -> None:
        """What the scheduler would run now; whatever a job raises is a fault."""
        self.jobs.run_due(_fail)

    def run_jobs_again(self) -> None:
        """What the jobs find to do a moment later, without their table."""
        for job in self.services.jobs:
            if job.name in PLAYED_JOBS:
                job.work(SCHEDULER)


def _fail(name: str, error: Exception) -> None:
    raise AssertionError(f"the job {name!r} failed") from error


def _jobs_of(services: Services) -> Jobs:
    """Those that decide something about equipment, due again at once: no history waits for a quarter of an hour."""
    jobs = [replace(job, every=timedelta(0)) for job in services.jobs if job.name in PLAYED_JOBS]
    assert {job.name for job in jobs} == PLAYED_JOBS
    return Jobs(services.transactions, jobs)


@cache
def the_world() -> World:
    """The one of this process; its template is made once."""
    folder = Path(tempfile.mkdtemp(prefix="plugtone-played-"))
    (folder / "pki").mkdir()
    Credentials(folder / "pki", folder / "pki", ("localhost",), ()).create_authorities(FOUNDED)
    settings, clock = Settings(data_dir=folder), Clock(FOUNDED)
    migrate(settings.database)
    services = build_services(settings, clock)
    event.listen(services.transactions.engine, "connect", _write_carelessly)
    warehouse = Warehouse(services, OPERATOR)
    warehouse.load_block()
    services.voice.set_profile(OPERATOR, PROFILE)
    account = warehouse.open_account().id
    stock = [warehouse.stock().serial for _ in range(STOCK)]
    with services.transactions.read(OPERATOR) as uow:
        administrator = PeopleRepository(uow).administrators_of(account)[0]
    services.transactions.engine.dispose()
    shutil.copy(folder / "fleet.db", folder / "template.db")
    world = World(services, clock, warehouse, folder, account, administrator, stock, _jobs_of(services))
    event.listen(services.transactions.engine, "commit", lambda _connection: _count(world))
    return world


def _count(world: World) -> None:
    world.commits += 1


def _write_carelessly(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # the machine may crash: the history is played again
