"""The whole HTTP application on an empty fleet, and bearers for each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from fleet.api.app import create_app
from fleet.console.app import create_claim_door, create_console
from fleet.domain.access import Role
from fleet.services.build import Services

Bearer = Callable[[Role], dict[str, str]]


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services, {"/console": create_console(services), "/claim": create_claim_door()})


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield client


@pytest.fixture
def bearer(services: Services) -> Bearer:
    """The headers of a token with one role's permissions."""

    def make(role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {services.access.issue_host_token(str(role), role).secret}"}

    return make
