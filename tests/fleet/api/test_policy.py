"""Policy values over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.domain.policy import PolicyName
from tests.fleet.api.conftest import Bearer

VALUE = {"name": "replacement_value_cents", "value": 7000, "effective_from": "2026-04-01"}


def test_a_value_is_set_and_listed_among_all_others(client: TestClient, bearer: Bearer) -> None:
    headers = bearer(Role.ADMIN)
    answer = client.post("/v1/policy", json=VALUE, headers=headers)
    assert (answer.status_code, answer.json()) == (201, VALUE)
    found = client.get("/v1/policy", headers=headers).json()
    assert (found["date"], len(found["values"])) == ("2026-03-02", len(PolicyName))
    by_name = {line["name"]: line for line in found["values"]}
    assert by_name["replacement_value_cents"] == {**VALUE, "value": 6500, "effective_from": None, "coming": [VALUE]}
    later = client.get("/v1/policy", params={"date": "2026-04-01"}, headers=headers).json()
    assert {**VALUE, "coming": []} in later["values"]


def test_what_no_rule_allows_is_refused_as_a_problem(client: TestClient, bearer: Bearer) -> None:
    headers = bearer(Role.ADMIN)
    for change in ({"name": "lunch_minutes"}, {"value": -1}, {"value": 100_001}, {"effective_from": "2026-03-02"}):
        answer = client.post("/v1/policy", json=VALUE | change, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), change
