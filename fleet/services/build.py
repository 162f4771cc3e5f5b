"""The services of one process, built from its settings: the graph every entry point shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from fleet.services.access import Access
from fleet.services.credentials import Passwords
from fleet.services.errands import Errands
from fleet.services.outbox import Outbox
from fleet.services.people import People
from fleet.services.releases import Releases
from fleet.services.rollouts import Rollouts
from fleet.services.unit_updates import UnitUpdates
from fleet.settings import Settings
from fleet.store.base import make_engine
from fleet.store.unit_of_work import Transactions
from fleet.updates.repository import Repository, ensure


@dataclass(frozen=True, slots=True)
class Services:
    """One attribute a service; each takes the actor first and opens its own transaction."""

    settings: Settings
    transactions: Transactions
    access: Access
    people: People
    errands: Errands
    outbox: Outbox
    repository: Repository
    releases: Releases
    rollouts: Rollouts
    unit_updates: UnitUpdates


def utc_now() -> datetime:
    """The clock of a running service."""
    return datetime.now(UTC)


def build_services(
    settings: Settings, clock: Callable[[], datetime] = utc_now, passwords: Passwords | None = None
) -> Services:
    """The services on the settings' database, which must be migrated already."""
    transactions = Transactions(make_engine(settings.database), clock)
    passwords = passwords or Passwords()
    repository = ensure(settings.data_dir)
    access = Access(transactions, passwords)
    people = People(transactions, access, passwords, settings.base_url)
    return Services(
        settings=settings,
        transactions=transactions,
        access=access,
        people=people,
        errands=Errands(transactions),
        outbox=Outbox(transactions),
        repository=repository,
        releases=Releases(transactions, repository),
        rollouts=Rollouts(transactions, repository),
        unit_updates=UnitUpdates(transactions, repository.director),
    )
