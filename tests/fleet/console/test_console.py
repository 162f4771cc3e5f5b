"""The console as a browser meets it: doors, cookies, forms, and what each page shows to whom."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from fleet.api.app import create_app
from fleet.console.app import PAGES, create_console
from fleet.console.visit import COOKIE, local_target
from fleet.domain.access import ROLE_PERMISSIONS, Actor, Permission, Role
from fleet.domain.people import Person
from fleet.domain.references import Noun, number_of
from fleet.domain.rma import ReplacementMode, RmaKind
from fleet.domain.rollout import RolloutState
from fleet.domain.voice_profile import Registrar, VoiceProfile
from fleet.services.access import SESSION_HOURS
from fleet.services.build import Services
from fleet.store.tables.equipment import heartbeats
from fleet.store.tables.ingest import unit_events
from fleet.store.tables.releases import releases
from fleet.store.tables.rollouts import rollout_counts, rollout_units, rollouts
from tests.fleet.conftest import START, Clock
from tests.fleet.console.conftest import PASSWORD
from tests.fleet.services.equipment import Warehouse

ORIGIN = {"Origin": "http://testserver"}
VOID = {"meta", "link", "input", "img", "br"}


class Outline(HTMLParser):
    """Checks that tags nest, and collects what a form would send."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fields: dict[str, str] = {}
        self.links: set[str] = set()
        self.labels = 0
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        assert not {name for name in values if name.startswith("on") or name == "style"}, "the policy forbids it"
        if tag in {"script", "link", "img"}:
            assert (values.get("src") or values.get("href") or "").startswith("/console/static/")
        if tag == "input" and values.get("type") == "hidden":
            self.fields.setdefault(values["name"] or "", values["value"] or "")
        if tag == "a":
            self.links.add(values["href"] or "")
        if tag == "th":
            assert values.get("scope") in {"col", "row"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def sign_in(browser: TestClient, email: str = "ada@example.net", **more: str) -> None:
    answer = browser.post("/console/sign-in", data={"email": email, "password": PASSWORD, **more}, headers=ORIGIN)
    assert answer.status_code == 303, answer.text


def join(services: Services, admin: Actor, role: Role, account_id: int | None = None) -> str:
    """Somebody with that role who can sign in; their address."""
    email = f"{role}@example.net"
    person = services.people.invite(replace(admin, account_id=account_id), "Some One", email, frozenset({role}), None)
    services.people.choose_password(services.people.password_link(admin, person.id).partition("#")[2], PASSWORD)
    return email


def page(browser: TestClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
    Outline(answer.text)
    return answer.text


def make_rollout(services: Services, admin: Actor, serials: list[str], state: RolloutState) -> str:
    with services.transactions.begin(admin) as uow:
        connection = uow.connection
        connection.execute(
            releases.insert().values(id=1, version="2.0.0", notes="", published_by="PE-900", published_at=START)
        )
        connection.execute(
            rollouts.insert().values(
                id=1, release_id=1, everyone=False, state=state, reason="", pause_after_failures=1,
                expected=len(serials), author="PE-900", created_at=START,
            )
        )  # fmt: skip
        connection.execute(rollout_counts.insert().values(rollout_id=1, state="waiting", units=len(serials)))
        for serial in serials:
            connection.execute(
                rollout_units.insert().values(rollout_id=1, serial=serial, state="waiting", reason="", updated_at=START)
            )
        uow.commit()
    return "RO-1"


def test_the_setup_page_makes_the_first_admin_and_signs_them_in(browser: TestClient, services: Services) -> None:
    link = services.people.setup_link()
    path, _, secret = link.partition("http://127.0.0.1:8080")[2].partition("#")
    assert "link.js" in page(browser, path)
    fields = {"secret": secret, "name": "Ada", "email": "ada@example.net", "password": PASSWORD}
    short = browser.post(path, data={**fields, "password": "short"}, headers=ORIGIN)
    assert short.status_code == 422
    assert "12 to 256 characters" in short.text
    assert 'value="short"' not in short.text
    assert browser.post(path, data=fields, headers=ORIGIN).headers["location"] == "/console/units"
    assert "Sign out" in page(browser, "/console/units")


def test_an_invitation_leads_in(browser: TestClient, services: Services, admin: Actor) -> None:
    person = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    secret = services.people.password_link(admin, person.id).partition("#")[2]
    page(browser, "/console/password")
    answer = browser.post("/console/password", data={"secret": secret, "password": PASSWORD}, headers=ORIGIN)
    assert answer.status_code == 303
    again = browser.post("/console/password", data={"secret": secret, "password": PASSWORD}, headers=ORIGIN)
    assert again.status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(services: Services, ada: Person) -> None:
    app = create_app(services, {"/console": create_console(services)})
    for scheme in ("http", "https"):
        with TestClient(app, base_url=f"{scheme}://testserver", follow_redirects=False) as client:
            form = {"email": ada.email, "password": PASSWORD}
            answer = client.post("/console/sign-in", data=form, headers={"Origin": f"{scheme}://testserver"})
        cookie = answer.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=strict", "path=/console", f"max-age={SESSION_HOURS * 3600}"):
            assert part in cookie
        assert ("secure" in cookie) == (scheme == "https")


def test_a_wrong_password_is_told_and_starts_nothing(browser: TestClient, ada: Person) -> None:
    answers = [
        browser.post("/console/sign-in", data={"email": email, "password": "wrong"}, headers=ORIGIN)
        for email in (ada.email, "nobody@example.net")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text.replace(ada.email, "") == answers[1].text.replace("nobody@example.net", "")
    assert COOKIE not in browser.cookies


def test_who_is_not_signed_in_is_sent_to_the_door_and_back(browser: TestClient, ada: Person) -> None:
    answer = browser.get("/console/rollouts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?next=/console/rollouts")
    form = Outline(browser.get(answer.headers["location"]).text).fields
    assert form == {"next": "/console/rollouts"}
    sign_in(browser, next="/console/rollouts")


@pytest.mark.parametrize(
    "target",
    [None, "", "https://evil.example", "//evil.example", "/console/\\evil", "/v1/people", "/console/\nx", "/consolex"],
)
def test_a_sign_in_leads_nowhere_else(target: str | None) -> None:
    assert local_target(target) == "/console/units"


def test_signing_out_ends_the_session_on_the_server(browser: TestClient, services: Services, ada: Person) -> None:
    sign_in(browser)
    secret = browser.cookies[COOKIE]
    csrf = Outline(browser.get("/console/units").text).fields["csrf"]
    assert browser.post("/console/sign-out", data={"csrf": csrf}, headers=ORIGIN).status_code == 303
    browser.cookies.set(COOKIE, secret, path="/console")
    assert browser.get("/console/units").status_code == 303


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({}, True, 403),
        ({"Origin": "https://evil.example"}, True, 403),
        ({"Origin": "null"}, True, 403),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"}, True, 403),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "same-site"}, True, 403),
        (ORIGIN, False, 403),
        ({"Sec-Fetch-Site": "same-origin"}, True, 303),
        (ORIGIN, True, 303),
    ],
)
def test_a_form_counts_only_from_our_own_page_and_session(
    browser: TestClient, ada: Person, headers: dict[str, str], token: bool, status: int
) -> None:
    sign_in(browser)
    csrf = Outline(browser.get("/console/units").text).fields["csrf"]
    answer = browser.post("/console/sign-out", data={"csrf": csrf if token else "0" * 64}, headers=headers)
    assert answer.status_code == status
    assert (browser.get("/console/units").status_code == 200) == (status == 403)


def test_pages_load_nothing_from_elsewhere_and_run_no_inline_script(browser: TestClient, ada: Person) -> None:
    policy = browser.get("/console/sign-in").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in ("console.css", "link.js", "logo.svg"):
        answer = browser.get(f"/console/static/{name}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=86400")
    assert browser.get("/console/static/../app.py").status_code == 404
    assert browser.get("/console/static/%2e%2e/app.py").status_code == 404


@pytest.mark.parametrize("role", list(Role))
def test_each_page_is_for_who_has_its_permission(
    browser: TestClient, services: Services, admin: Actor, ada: Person, role: Role
) -> None:
    account = services.accounts.create(admin, "Heron", "Kim", "kim@example.net")
    sign_in(browser, join(services, admin, role, account.id if role is Role.ACCOUNT_ADMINISTRATOR else None))
    csrf = Outline(browser.get("/console/units").text).fields["csrf"]
    for each in PAGES:
        if each.permission is None or each.path in {"/", "/sign-out"}:
            continue
        path = "/console" + each.path.format(serial="PT000000018", rollout="RO-7", rma="RMA-7")
        answer = browser.request(
            each.method, path, data={"csrf": csrf} if each.method == "POST" else None, headers=ORIGIN
        )
        lacks = each.permission not in ROLE_PERMISSIONS[role]
        assert (answer.status_code == 403) == lacks, (path, answer.status_code)
        assert answer.status_code != 303
    shown = Outline(browser.get("/console/units").text).links
    assert ("/console/rollouts" in shown) == (Permission.ROLLOUT_READ in ROLE_PERMISSIONS[role])


def test_units_are_listed_searched_filtered_and_paged(
    browser: TestClient, services: Services, admin: Actor, ada: Person
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    units = [warehouse.stock() for _ in range(27)]
    placed = warehouse.place(warehouse.open_account("Heron Dental"))
    sign_in(browser)

    first = page(browser, "/console/units")
    assert units[0].serial in first
    assert units[25].serial not in first
    second = page(browser, "/console/units" + next(link for link in Outline(first).links if "after=" in link))
    assert units[25].serial in second
    assert units[0].serial not in second
    for query in (f"q={units[3].serial}", f"q={units[3].mac}", f"q={str(units[3].mac).replace(':', '-').upper()}"):
        found = page(browser, f"/console/units?{query}")
        assert re.findall(r"/console/units/(PT\d+)", found) == [units[3].serial]
    for query in ("custody=at_account", "account=AC-1", "account=ac-1&trust=good"):
        assert re.findall(r"/console/units/(PT\d+)", page(browser, f"/console/units?{query}")) == [placed.serial]
    assert "No unit matches" in page(browser, "/console/units?q=PT99")
    for query in ("custody=nowhere", "account=7", f"q={'x' * 70}"):
        assert browser.get(f"/console/units?{query}").status_code == 422
    assert "<script>" not in browser.get("/console/units?q=<script>").text


def test_a_unit_shows_identity_placement_term_and_what_it_said(
    browser: TestClient, services: Services, admin: Actor, ada: Person, clock: Clock
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account("Heron Dental"))
    make_rollout(services, admin, [unit.serial], RolloutState.RUNNING)
    services.units.command(admin, unit.serial, "identify", 10)
    with services.transactions.begin(admin) as uow:
        rows = {"uptime_s": 86_520, "state": 7, "line_state": 0, "update_state": 6, "slot": 1, "release_counter": 1}
        rest = {"config_version": 1, "free_heap_bytes": 91_232, "waiting_reports": 0, "clock_s": 0}
        uow.connection.execute(heartbeats.insert().values(serial=unit.serial, received_at=clock.now, **rows, **rest))
        uow.connection.execute(
            unit_events.insert().values(serial=unit.serial, event="link_up", value=7, clock_s=0, received_at=clock.now)
        )
        uow.commit()
    sign_in(browser)
    text = page(browser, f"/console/units/{unit.serial}")
    for seen in (str(unit.mac), "AC-1", "active", "2026-03-02", "2027-03-02", "$50.00", "configured in"):
        assert seen in text, seen
    for seen in ("online", "ready", "not configured", "confirmed", "91,232", "link up", "RO-1", "2.0.0", "identify"):
        assert seen in text, seen
    for seen in ("Nothing stands against it.", "none at the registrar"):
        assert seen in text, seen
    services.voice.set_profile(admin, VoiceProfile("voice.example.com", (Registrar("sip.example.com"),)))
    services.voice.bring_profile(admin)
    assert "none at the registrar" not in page(browser, f"/console/units/{unit.serial}")
    assert "online" in page(browser, "/console/units")
    services.units.quarantine(admin, unit.serial, "doubt")
    text = page(browser, f"/console/units/{unit.serial}")
    assert "it is quarantined, so no rollout reaches it until it is cleared." in text
    assert "Find out why it was quarantined, then clear it or revoke it." in text
    clock.advance(hours=1)
    assert "online" not in page(browser, "/console/units")
    assert browser.get("/console/units/PT999999990").status_code == 404


def test_an_administrator_sees_their_own_units_and_no_others(
    browser: TestClient, services: Services, admin: Actor
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    ours, theirs = (warehouse.place(warehouse.open_account(name)) for name in ("Heron Dental", "Osprey Law"))
    rma = services.rmas.open(admin, theirs.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "mute")
    sign_in(browser, join(services, admin, Role.ACCOUNT_ADMINISTRATOR, 1))
    text = page(browser, "/console/units")
    assert ours.serial in text
    assert theirs.serial not in text
    assert theirs.serial not in page(browser, f"/console/units?q={theirs.mac}")
    assert theirs.serial not in page(browser, "/console/units?account=AC-2")
    assert browser.get(f"/console/units/{theirs.serial}").status_code == 404
    assert theirs.serial not in page(browser, "/console/rmas")
    assert browser.get(f"/console/rmas/RMA-{rma.id}").status_code == 404
    page(browser, f"/console/units/{ours.serial}")


def test_a_rollout_shows_its_units_and_is_paused_with_a_reason(
    browser: TestClient, services: Services, admin: Actor, ada: Person
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    serials = [warehouse.stock().serial for _ in range(2)]
    reference = make_rollout(services, admin, serials, RolloutState.RUNNING)
    sign_in(browser)
    assert reference in page(browser, "/console/rollouts")
    text = page(browser, f"/console/rollouts/{reference}")
    assert all(serial in text for serial in serials)
    assert "<dt>Restarts</dt><dd>soft</dd>" in text
    fields = Outline(text).fields
    path = f"/console/rollouts/{reference}/pause"
    number = number_of(Noun.ROLLOUT, reference)
    for bad in ({"why": ""}, {"version": "x", "why": "bad batch"}, {"version": "99", "why": "bad batch"}):
        refused = browser.post(path, data={**fields, **bad}, headers=ORIGIN)
        assert refused.status_code in (409, 422)
        assert services.rollouts.get(admin, number).state is RolloutState.RUNNING
    done = browser.post(path, data={**fields, "why": "bad batch"}, headers=ORIGIN)
    assert done.headers["location"] == f"/console/rollouts/{reference}"
    assert services.rollouts.get(admin, number).state is RolloutState.PAUSED
    assert "bad batch" in page(browser, f"/console/rollouts/{reference}")
    again = browser.post(path, data={**fields, "version": "2", "why": "again"}, headers=ORIGIN)
    assert again.status_code == 409


def test_an_rma_shows_its_three_tracks_and_steps(
    browser: TestClient, services: Services, admin: Actor, ada: Person
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account("Heron Dental"))
    warehouse.stock()
    replacement = warehouse.replace(warehouse.approved(unit))
    sign_in(browser)
    assert "RMA-1" in page(browser, "/console/rmas")
    text = page(browser, "/console/rmas/RMA-1")
    for seen in (unit.serial, replacement.serial, "no dial tone", "approve", "ship", "shipped", "awaited"):
        assert seen in text, seen


def test_what_people_wrote_is_shown_as_text(browser: TestClient, services: Services, admin: Actor, ada: Person) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account("Heron Dental"))
    services.rmas.open(admin, unit.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "<b onclick=x>mute</b>")
    sign_in(browser)
    assert "&lt;b onclick=x&gt;mute" in page(browser, "/console/rmas/RMA-1")


def test_an_unknown_address_is_a_page_of_ours(browser: TestClient) -> None:
    answer = browser.get("/console/nothing")
    assert answer.status_code == 404
    Outline(answer.text)


def test_a_failure_is_a_page_that_tells_nothing_but_where_to_look(services: Services, monkeypatch, caplog) -> None:
    def fail(_self: object) -> bool:
        raise RuntimeError("the disk caught fire")

    monkeypatch.setattr(type(services.people), "has_admin", fail)
    app = create_app(services, {"/console": create_console(services)})
    with TestClient(app, base_url="http://testserver", raise_server_exceptions=False) as client:
        answer = client.get("/console/sign-in")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "fire" not in answer.text
    Outline(answer.text)
