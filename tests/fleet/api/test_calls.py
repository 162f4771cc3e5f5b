"""Calls, their quality, what they come to, reviews of use, metered and blocked destinations, over HTTP."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.store.tables.journal import audit_log
from tests.fleet.api.conftest import Bearer
from tests.fleet.api.test_lines import Caller as HttpCaller
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.domain.calls import MINUTE, call
from tests.fleet.services.calling import Caller, leave_traces
from tests.fleet.services.equipment import Warehouse

TABLE = b"prefix,name,price,effective_from\n+1876,Jamaica,0.25,2026-03-03\n"


@pytest.fixture
def told(services: Services) -> Caller:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return Caller(warehouse)


@pytest.fixture
def unit(told: Caller) -> Unit:
    unit = told.warehouse.place(told.warehouse.open_account())
    told.come_on(unit)
    return unit


@pytest.fixture
def http(client: TestClient, bearer: Bearer) -> HttpCaller:
    return HttpCaller(client, bearer(Role.ADMIN))


@pytest.fixture
def support(client: TestClient, bearer: Bearer) -> HttpCaller:
    return HttpCaller(client, bearer(Role.SUPPORT))


def test_calls_are_listed_shown_and_exported(support: HttpCaller, told: Caller, unit: Unit, clock: Clock) -> None:
    for minutes in (50, 40, 30):
        clock.now = START + timedelta(hours=1)
        told.tell(unit, call(started_s=told.seconds_ago(minutes=minutes)))
    first = support("GET", "/v1/calls", params={"account": "AC-1", "limit": 2})
    rest = support("GET", "/v1/calls", params={"account": "AC-1", "limit": 2, "cursor": first["next"]})
    shown = [each["id"] for each in (*first["items"], *rest["items"])]
    assert (shown, rest["next"]) == (["CL-3", "CL-2", "CL-1"], None)
    one = support("GET", "/v1/calls/CL-1")
    assert (one["started_at"], one["start_taken_from"]) == ("2026-03-02T15:10:00Z", "unit")
    assert (one["number"], one["line"], one["unit"], one["status"]) == ("+18765550100", "line-1", unit.serial, 200)
    assert one in rest["items"]
    assert support("GET", f"/v1/units/{unit.serial}/calls")["items"] == [*first["items"], *rest["items"]]
    found = support("GET", "/v1/calls", params={"account": "AC-1", "unit": unit.serial, "direction": "in"})
    assert found["items"] == []
    for query in ({"since": "2026-03-03"}, {"until": "2026-03-01"}):
        assert support("GET", f"/v1/units/{unit.serial}/calls", params=query)["items"] == []
    assert support("GET", "/v1/calls", expect=422)["code"] == "invalid"
    for cursor in ("Q0wtMQ", "bm9wZQ", "MjAyNi0wMy0wMiBQRS0x"):
        params = {"account": "AC-1", "cursor": cursor}
        assert "no list of calls goes on at" in support("GET", "/v1/calls", None, 422, params=params)["detail"]
    assert support("GET", "/v1/calls/CL-99", expect=404)["code"] == "not_found"


def test_each_look_at_calls_is_kept_with_its_account(
    client: TestClient, bearer: Bearer, services: Services, told: Caller, unit: Unit
) -> None:
    told.tell(unit, call())
    looks = (
        ("/v1/calls", {"account": "AC-1"}, "AC-1"),
        ("/v1/calls/CL-1", {}, "CL-1"),
        ("/v1/call-export", {"account": "AC-1"}, "AC-1"),
        (f"/v1/units/{unit.serial}/calls", {}, unit.serial),
        (f"/v1/units/{unit.serial}/call-quality", {}, unit.serial),
        ("/v1/accounts/AC-1/call-usage", {}, "AC-1"),
    )
    for path, params, _ in looks:
        assert client.get(path, headers=bearer(Role.SUPPORT), params=params).status_code == 200, path
    with services.transactions.engine.connect() as connection:
        rows = connection.execute(
            select(audit_log).where(audit_log.c.action == "call:read").order_by(audit_log.c.id)
        ).all()
    assert [(row.subject, row.account_id) for row in rows] == [(subject, 1) for _, _, subject in looks]


def test_an_export_is_a_table_with_the_same_names(client: TestClient, bearer: Bearer, told: Caller, unit: Unit) -> None:
    told.tell(unit, call(), call(duration_ms=0, status=0))
    params = {"account": "AC-1"}
    answer = client.get("/v1/call-export", headers=bearer(Role.SUPPORT), params=params)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(answer.text)))
    listed = client.get("/v1/calls", headers=bearer(Role.SUPPORT), params=params).json()["items"]
    assert [list(row) for row in rows] == [list(each) for each in listed]
    assert [(row["id"], row["status"], row["duration_ms"]) for row in rows] == [
        ("CL-2", "", "0"),
        ("CL-1", "200", "60000"),
    ]


def test_usage_adds_a_month_up(http: HttpCaller, told: Caller, unit: Unit, clock: Clock) -> None:
    assert http("POST", "/v1/metered-destination-imports", files={"file": ("m.csv", TABLE)})["new"] == 1
    clock.advance(days=2)
    told.tell(unit, call(duration_ms=MINUTE + 1), call(number="+442079460100", duration_ms=90_000))
    (march,) = http("GET", "/v1/accounts/AC-1/call-usage", params={"months": 2})["items"]
    assert (march["month"], march["calls"], march["outgoing_minutes"]) == ("2026-03", 2, 2.5)
    assert march["metered_minutes"] == 2
    assert march["metered"] == [
        {
            "prefix": "+1876",
            "name": "Jamaica",
            "price": "0.2500",
            "effective_from": "2026-03-03",
            "calls": 1,
            "minutes": 2,
            "cost": "0.5000",
        }
    ]
    assert http("GET", "/v1/accounts/AC-1/call-usage", expect=422, params={"months": 25})["code"] == "invalid"


def test_quality_is_said_in_figures_and_words(support: HttpCaller, told: Caller, unit: Unit) -> None:
    told.tell(unit, call(packets_received=960, packets_lost=40, mos_tenths=33))
    found = support("GET", f"/v1/units/{unit.serial}/call-quality", params={"days": 7})
    assert (found["unit"], found["since"], found["words"]) == (unit.serial, "2026-02-24", "poor: 4 % of packets lost")
    (day,) = found["days"]
    assert (day["day"], day["mos_mean"], day["mos_worst"], day["loss_percent"]) == ("2026-03-02", 3.3, 3.3, 4.0)
    other = told.warehouse.place(told.warehouse.open_account("Osprey Legal"))
    empty = support("GET", f"/v1/units/{other.serial}/call-quality")
    assert (empty["words"], empty["mos_mean"], empty["days"]) == ("unknown: no call was measured", None, [])


def test_metered_destinations_are_loaded_after_a_dry_run(http: HttpCaller) -> None:
    path = "/v1/metered-destination-imports"
    assert http("POST", path, files={"file": ("m.csv", TABLE)}, params={"dry_run": True}) == {"new": 1, "refused": []}
    assert http("GET", "/v1/metered-destinations")["items"] == []
    wrong = http("POST", path, files={"file": ("m.csv", TABLE + b"+44,Britain,0.01,2026-03-02\n")})
    assert wrong["refused"] == ["line 3: +44 takes effect after today, 2026-03-02, got 2026-03-02"]
    more = TABLE + b"+44,Britain,0.01,2026-04-01\n"
    assert http("POST", path, files={"file": ("m.csv", more)})["new"] == 2
    first = http("GET", "/v1/metered-destinations", params={"limit": 1})
    rest = http("GET", "/v1/metered-destinations", params={"limit": 1, "cursor": first["next"]})
    assert [each["items"][0]["prefix"] for each in (first, rest)] == ["+1876", "+44"]
    assert len(http("GET", "/v1/metered-destinations", params={"on": "2026-03-31"})["items"]) == 1
    assert http("GET", "/v1/metered-destinations", expect=422, params={"cursor": "eA"})["code"] == "invalid"


def test_destinations_are_blocked_and_unblocked_by_version(
    client: TestClient, bearer: Bearer, support: HttpCaller, unit: Unit
) -> None:
    path = "/v1/accounts/AC-1/destination-blocks"
    made = support("POST", path, {"destination": "+8821", "reason": "fraud"}, 201)
    assert (made["id"], made["by"], made["lifted_at"], made["version"]) == ("DB-1", "prefix", None, 1)
    assert support("POST", path, {"destination": "+8821", "reason": "again"}, 409)["code"] == "conflict"
    assert support("POST", path, {"destination": "Cuba", "reason": "fraud"}, 422)["code"] == "invalid"
    assert support("GET", "/v1/destination-blocks/DB-1") == made
    unblock = "/v1/destination-blocks/DB-1/unblock"
    stale = client.post(unblock, headers=bearer(Role.SUPPORT) | {"If-Match": '"7"'}, json={"reason": "over"})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    done = client.post(unblock, headers=bearer(Role.SUPPORT) | {"If-Match": '"1"'}, json={"reason": "over"})
    assert (done.headers["etag"], done.json()["lifted_why"]) == ('"2"', "over")
    assert support("GET", "/v1/destination-blocks", params={"account": "AC-1"})["items"] == []
    every = support("GET", "/v1/destination-blocks", params={"account": "AC-1", "in_force": False})["items"]
    assert [each["id"] for each in every] == ["DB-1"]


def test_reviews_are_listed_and_decided_once(
    client: TestClient, bearer: Bearer, support: HttpCaller, told: Caller, unit: Unit
) -> None:
    leave_traces(told.warehouse, unit, "they")
    (review,) = support("GET", "/v1/use-reviews")["items"]
    assert (review["id"], review["account"], review["month"], review["outcome"]) == (
        "UR-1",
        "AC-1",
        "2026-03",
        "reasonable",
    )
    assert review["evidence"]["limit_minutes"] == 0
    assert support("GET", "/v1/use-reviews/UR-1") == review
    assert support("GET", "/v1/use-reviews", params={"open_only": True})["items"] == []
    assert support("GET", "/v1/use-reviews", params={"month": "2026-02"})["items"] == []
    assert support("GET", "/v1/use-reviews", expect=422, params={"month": "2026-2"})["code"] == "invalid"
    body = {"outcome": "fraud", "reason": "no"}
    assert support("POST", "/v1/use-reviews/UR-1/decide", body, 409)["code"] == "conflict"
    stale = client.post("/v1/use-reviews/UR-1/decide", headers=bearer(Role.SUPPORT) | {"If-Match": '"1"'}, json=body)
    assert stale.status_code == 412


def test_a_review_shows_the_evidence(http: HttpCaller, told: Caller, clock: Clock) -> None:
    http("POST", "/v1/policy", {"name": "reasonable_use_percent", "value": 50, "effective_from": "2026-04-01"}, 201)
    units = [told.warehouse.place(told.warehouse.open_account(name)) for name in ("Heron Dental", "Osprey Legal")]
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    for number, each in enumerate(units):
        told.come_on(each)
        told.tell(each, call(duration_ms=(number + 1) * 90_000))
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    told.services.use_reviews.measure(SCHEDULER)
    (review,) = http("GET", "/v1/use-reviews", params={"month": "2026-04", "open_only": True})["items"]
    expected: dict[str, Any] = {
        "minutes": 3.0,
        "limit_minutes": 1.5,
        "percent": 50,
        "accounts": 2,
        "rank": 1,
        "minutes_the_month_before": 0.0,
        "calls": 1,
        "outgoing_minutes": 3.0,
        "longest_minutes": 3.0,
        "countries": [{"country": "JM", "minutes": 3.0}],
    }
    assert (review["account"], review["evidence"]) == ("AC-2", expected)
    decided = http("POST", f"/v1/use-reviews/{review['id']}/decide", {"outcome": "excessive", "reason": "resale"})
    assert (decided["outcome"], decided["version"]) == ("excessive", 2)
