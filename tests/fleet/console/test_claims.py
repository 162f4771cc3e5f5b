"""The page behind a label's QR, as a browser meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

import fleet.console
from fleet.console.app import create_claim_door
from fleet.domain.access import Actor, Role
from fleet.domain.claim import MAX_FAILED_CLAIMS
from fleet.domain.unit import Unit
from fleet.services.build import Services
from tests.fleet.console.test_console import ORIGIN, Outline, join, page, sign_in
from tests.fleet.services.equipment import Warehouse
from tests.fleet.services.test_claims import CODE, labelled

SCRIPT = (Path(fleet.console.__file__).parent / "static" / "claim.js").read_text()


@pytest.fixture
def unit(services: Services, admin: Actor) -> Unit:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    warehouse.open_account()
    return labelled(warehouse)


def send(browser: TestClient, serial: str, code: str) -> tuple[int, str, str]:
    fields = {**Outline(page(browser, "/console/claim")).fields, "serial": serial, "code": code}
    answer = browser.post("/console/claim", data=fields, headers=ORIGIN)
    return answer.status_code, answer.headers.get("location", ""), answer.text


def test_the_labels_address_leads_to_the_page_and_says_nothing_of_the_code() -> None:
    with TestClient(create_claim_door(), follow_redirects=False) as door:
        answer = door.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/claim")
    for kept in ("sessionStorage", "replaceState", "location.hash"):
        assert kept in SCRIPT
    assert "fetch" not in SCRIPT


@pytest.mark.usefixtures("ada", "unit")
def test_a_stranger_is_asked_to_sign_in_and_comes_back(browser: TestClient) -> None:
    shown = page(browser, "/console/claim")
    assert "/console/sign-in?next=/console/claim" in Outline(shown).links
    assert "<form" not in shown


@pytest.mark.usefixtures("ada", "unit")
def test_people_of_the_operator_are_told_who_claims(browser: TestClient) -> None:
    sign_in(browser)
    shown = page(browser, "/console/claim")
    assert "one of the account's Administrators" in shown.replace("&#39;", "'")
    assert 'name="code"' not in shown


@pytest.mark.usefixtures("ada")
def test_an_administrator_claims_the_unit_and_sees_it(
    browser: TestClient,
    services: Services,
    admin: Actor,
    unit: Unit,
) -> None:
    sign_in(browser, join(services, admin, Role.ACCOUNT_ADMINISTRATOR, 1))
    wrong = send(browser, unit.serial, "0" * 12)
    assert wrong[0] == 409
    assert "read both from the label again" in wrong[2]
    assert "0" * 12 not in wrong[2], "a code is not shown again"
    assert send(browser, "PT1", CODE)[0] == 409
    assert send(browser, unit.serial.lower(), CODE)[:2] == (303, f"/console/units/{unit.serial}")
    assert unit.serial in page(browser, f"/console/units/{unit.serial}")


@pytest.mark.usefixtures("ada")
def test_guesses_end_with_the_time_to_wait(
    browser: TestClient,
    services: Services,
    admin: Actor,
    unit: Unit,
) -> None:
    sign_in(browser, join(services, admin, Role.ACCOUNT_ADMINISTRATOR, 1))
    statuses = [send(browser, unit.serial, "0" * 12)[0] for _ in range(MAX_FAILED_CLAIMS + 1)]
    assert statuses == [409] * MAX_FAILED_CLAIMS + [429]
    assert services.units.get(admin, unit.serial).unit.account_id is None
