"""What the console shows of accounts is kept as the API's reads are: one entry a page."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from fleet.api.app import create_app
from fleet.console.app import PAGES, create_console
from fleet.console.visit import COOKIE
from fleet.domain.access import Actor, Permission
from fleet.domain.audit import READ_ACTIONS, READS
from fleet.services.build import Services
from tests.fleet.services.equipment import Warehouse

PASSWORD = "four words nobody guessed"


@pytest.fixture
def browser(services: Services) -> TestClient:
    """A browser in which an admin, PE-1, is signed in."""
    link = services.people.setup_link().partition("#")[2]
    services.people.setup(link, "Ada", "ada@example.net", PASSWORD)
    session = services.access.sign_in("ada@example.net", PASSWORD, "")
    app = create_app(services, {"/console": create_console(services)})
    return TestClient(app, cookies={COOKIE: session.secret}, follow_redirects=False)


def test_every_page_that_shows_account_data_is_kept(browser: TestClient, services: Services, admin: Actor) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    warehouse.approved(unit)
    names = {"serial": unit.serial, "rma": "RMA-1", "rollout": "RO-1"}
    expected: list[tuple[str, str]] = []
    for page in PAGES:
        if page.method != "GET" or page.permission is None:
            continue
        path = page.path.format(**names)
        status = browser.get(f"/console{path}").status_code
        assert status in (200, 303, 404), path
        for permission in (page.permission, page.shows):
            if status == 200 and permission in READ_ACTIONS:
                subject = next((names[name] for name in names if f"{{{name}}}" in page.path), f"/console{page.path}")
                expected.append((READ_ACTIONS[Permission(permission)], subject))
    assert ("term:read", unit.serial) in expected
    assert ("rma:read", "RMA-1") in expected
    kept = [entry for entry in services.audit.page(admin, 1000, None, None) if entry.action in READS]
    assert [(entry.action, entry.subject) for entry in reversed(kept)] == expected
    assert {entry.actor for entry in kept} == {"PE-1"}


def test_units_searched_by_account_are_kept(browser: TestClient, services: Services, admin: Actor) -> None:
    Warehouse(services, admin).open_account()
    assert browser.get("/console/units", params={"account": "ac-1"}).status_code == 200
    (kept,) = [entry for entry in services.audit.page(admin, 1000, None, None) if entry.action in READS]
    assert (kept.action, kept.subject, kept.fields) == ("account:read", "AC-1", ("/console/units",))
