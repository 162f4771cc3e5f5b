"""A fleet service on an empty database, with a clock the test moves."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from fleet.domain.access import Actor, ActorKind, Role, permissions_of
from fleet.pki.renewal import Credentials
from fleet.services.build import Services, build_services
from fleet.services.credentials import Passwords
from fleet.settings import Settings
from tests.fleet.live_service import url  # noqa: F401 - a fixture
from tests.fleet.new_database import make_tables
from tests.fleet.release_owners import offline_keys  # noqa: F401 - a fixture

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time stands still until the test moves it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **period: float) -> None:
        self.now += timedelta(**period)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate authorities, made once for all tests."""
    directory = tmp_path_factory.mktemp("pki")
    Credentials(directory, directory, ("localhost",), ()).create_authorities(START)
    return directory


@pytest.fixture
def settings(tmp_path: Path, authorities: Path) -> Settings:
    shutil.copytree(authorities, tmp_path / "pki")
    return Settings(data_dir=tmp_path)


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """Argon2id at its cheapest; the parameters of the product are tested on their own."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def services(settings: Settings, clock: Clock, passwords: Passwords) -> Services:
    built = build_services(settings, clock, passwords)
    make_tables(built.transactions.engine)
    return built


def someone(*roles: Role, account_id: int | None = None) -> Actor:
    """A person with those roles who is in no table."""
    return Actor(ActorKind.PERSON, "PE-900", permissions_of(frozenset(roles)), account_id)


@pytest.fixture
def admin() -> Actor:
    return someone(Role.ADMIN)
