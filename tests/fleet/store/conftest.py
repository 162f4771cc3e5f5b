"""A PostgreSQL cluster for the tests, skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.store import postgresql_cluster


def program(name: str) -> str:
    """Where it is installed; without it the test is skipped."""
    return postgresql_cluster.program(name) or pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A running server; its URL up to the name of a database."""
    with postgresql_cluster.running(program("initdb"), program("pg_ctl")) as url:
        yield url


@pytest.fixture
def postgresql(cluster: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    return postgresql_cluster.create_database(cluster, f"db{abs(hash(request.node.name))}")


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on each that the service knows."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fleet.db'}"
    return str(request.getfixturevalue("postgresql"))
