"""A browser before the console, and the first admin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from fleet.api.app import create_app
from fleet.console.app import create_console
from fleet.domain.people import Person
from fleet.services.build import Services

PASSWORD = "four words nobody guessed"


@pytest.fixture
def browser(services: Services) -> Iterator[TestClient]:
    app = create_app(services, {"/console": create_console(services)})
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield client


@pytest.fixture
def ada(services: Services) -> Person:
    secret = services.people.setup_link().partition("#")[2]
    return services.people.setup(secret, "Ada", "ada@example.net", PASSWORD)
