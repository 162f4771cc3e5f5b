"""The page of a unit's calls, for who may see them: an Administrator of that account, and support."""

from __future__ import annotations

import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from fleet.console import calls as calls_page
from fleet.domain.access import Actor, Role
from fleet.domain.unit import Unit
from fleet.services.build import Services
from tests.fleet.console.test_console import join, page, sign_in
from tests.fleet.domain.calls import call
from tests.fleet.services.calling import Caller
from tests.fleet.services.equipment import Warehouse


@pytest.fixture
def caller(services: Services, admin: Actor) -> Caller:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    return Caller(warehouse)


@pytest.fixture
def unit(caller: Caller) -> Unit:
    unit = caller.warehouse.place(caller.warehouse.open_account())
    caller.come_on(unit)
    return unit


def words(html: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_support_reads_how_a_unit_sounds_and_each_call(
    browser: TestClient, services: Services, admin: Actor, caller: Caller, unit: Unit
) -> None:
    caller.tell(
        unit,
        call(
            duration_ms=3_725_000, packets_received=960, packets_lost=40, mos_tenths=33, started_s=caller.seconds_ago()
        ),
        call(duration_ms=0, number="", status=486),
        call(number="911"),
    )
    sign_in(browser, join(services, admin, Role.SUPPORT))
    path = f"/console/units/{unit.serial}/calls"
    assert path in page(browser, f"/console/units/{unit.serial}")
    shown = words(page(browser, path))
    for text in (
        "Calls and their quality fair AC-1",
        "fair: 1 % of packets lost",
        "3, 2 answered",
        "1:02:05",
        "not answered",
        "withheld",
        "911 emergency",
        "about",
        "that you looked is kept in the audit log",
    ):
        assert text in shown, text
    kept = [entry for entry in services.audit.page(admin, 20, None, None) if entry.action == "call:read"]
    assert [(entry.subject, entry.fields) for entry in kept] == [(unit.serial, ("/console/units/{serial}/calls",))]


def test_an_administrator_reads_their_own_and_no_others(
    browser: TestClient, services: Services, admin: Actor, caller: Caller, unit: Unit
) -> None:
    other = caller.warehouse.place(caller.warehouse.open_account("Osprey Legal"))
    caller.come_on(other)
    caller.tell(unit, call(number="+12125550199"))
    caller.tell(other, call(number="+12125550200"))
    sign_in(browser, join(services, admin, Role.ACCOUNT_ADMINISTRATOR, unit.account_id))
    shown = words(page(browser, f"/console/units/{unit.serial}/calls"))
    assert "+12125550199" in shown
    assert "by you or by our support" in shown
    assert browser.get(f"/console/units/{other.serial}/calls").status_code == 404


def test_who_may_not_see_calls_has_neither_page_nor_link(
    browser: TestClient, services: Services, admin: Actor, unit: Unit
) -> None:
    sign_in(browser, join(services, admin, Role.VIEWER))
    assert "/calls" not in page(browser, f"/console/units/{unit.serial}")
    assert browser.get(f"/console/units/{unit.serial}/calls").status_code == 403


def test_a_long_list_is_leafed_through(
    browser: TestClient, services: Services, admin: Actor, caller: Caller, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_page, "PAGE_ROWS", 2)
    caller.tell(unit, *[call()] * 5)
    sign_in(browser, join(services, admin, Role.SUPPORT))
    path, seen = f"/console/units/{unit.serial}/calls", list[str]()
    following: str | None = "?days=7"
    while following is not None:
        shown = page(browser, path + unescape(following))
        seen += re.findall(r">(CL-\d+)<", shown)
        found = re.search(r'href="(\?[^"]*after=[^"]*)"', shown)
        following = found and found.group(1)
        assert "<strong>7 days</strong>" in shown
    assert seen == ["CL-5", "CL-4", "CL-3", "CL-2", "CL-1"]
    assert browser.get(f"{path}?after=nowhere").status_code == 422
    assert "<strong>30 days</strong>" in page(browser, f"{path}?days=5000")


def test_a_unit_without_calls_or_account_says_so(
    browser: TestClient, services: Services, admin: Actor, caller: Caller, unit: Unit
) -> None:
    sign_in(browser, join(services, admin, Role.SUPPORT))
    assert "No calls from this unit here yet" in page(browser, f"/console/units/{unit.serial}/calls")
    stocked = caller.warehouse.stock()
    assert "at no account" in page(browser, f"/console/units/{stocked.serial}/calls")
    assert f"/console/units/{stocked.serial}/calls" not in page(browser, f"/console/units/{stocked.serial}")
