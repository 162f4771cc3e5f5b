"""Every error is a problem document, every answer carries its headers, and no secret reaches a log."""

from __future__ import annotations

import logging

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from fleet.api.app import MAX_BODY_BYTES
from fleet.api.problems import status_of
from fleet.api.routing import PermittedRouter, UndeclaredPermissionError
from fleet.domain.access import Role
from fleet.domain.errors import ConflictError, FleetError, InvalidError, NotFoundError
from tests.fleet.api.conftest import Bearer


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/people", None, 401, "unauthenticated"),
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("DELETE", "/v1/people", None, 405, "method_not_allowed"),
        ("POST", "/v1/sessions", {"email": 5}, 422, "invalid"),
        ("POST", "/v1/sessions", {"email": "x" * 300, "password": "y"}, 422, "invalid"),
        ("POST", "/v1/setup", "not an object", 422, "invalid"),
    ],
)
def test_an_error_is_a_problem(client: TestClient, method: str, path: str, body, status: int, code: str) -> None:
    answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:plugtone:problem:{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_validation_error_names_the_field_and_repeats_no_value(client: TestClient) -> None:
    answer = client.post("/v1/sessions", json={"email": "a@b", "password": "p" * 300})
    assert answer.json()["errors"][0]["field"] == "body.password"
    assert "ppp" not in answer.text


def test_an_unexpected_error_tells_the_sender_nothing(app: FastAPI, services, monkeypatch, caplog) -> None:
    def fail() -> bool:
        raise RuntimeError("the disk caught fire")

    monkeypatch.setattr(type(services.people), "has_admin", lambda _self: fail())
    with TestClient(app, raise_server_exceptions=False) as client, caplog.at_level(logging.ERROR):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "fire" not in answer.text
    assert "fire" in caplog.text


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(client: TestClient, bearer: Bearer) -> None:
    too_big = b"[" + b"0," * (MAX_BODY_BYTES // 2) + b"0]"
    headers = {**bearer(Role.ADMIN), "Content-Type": "application/json"}
    answer = client.post("/v1/people", headers=headers, content=too_big)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    chunked = client.post("/v1/people", headers=headers, content=iter([too_big[:70_000]] * 20))
    assert chunked.status_code == 413
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://testserver"}
    assert client.post("/console/sign-in", headers=form, content=b"email=" + b"x" * MAX_BODY_BYTES).status_code == 413


def test_every_answer_carries_the_security_headers_and_a_request_id(client: TestClient) -> None:
    for path in ("/healthz", "/v1/people", "/v1/nothing", "/console/sign-in", "/console/static/console.css"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["x-frame-options"] == "DENY", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers.get_list("content-security-policy") == [headers["content-security-policy"]], path
        assert "strict-transport-security" not in headers
        assert len(headers["x-request-id"]) == 16
    assert client.get("/v1/people").headers["cache-control"] == "no-store"


def test_a_senders_request_id_is_kept_if_it_is_harmless(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "run-7.a"}).headers["x-request-id"] == "run-7.a"
    assert client.get("/healthz", headers={"X-Request-Id": "a b\tc"}).headers["x-request-id"] != "a b\tc"


def test_over_tls_browsers_are_told_to_stay_there(app: FastAPI) -> None:
    with TestClient(app, base_url="https://testserver") as client:
        assert "max-age" in client.get("/healthz").headers["strict-transport-security"]


def test_the_access_log_has_no_query_no_body_and_no_credential(client: TestClient, bearer: Bearer, caplog) -> None:
    headers = bearer(Role.ADMIN)
    with caplog.at_level(logging.INFO):
        client.get("/v1/people?cursor=c2VjcmV0", headers=headers)
        client.post("/v1/sessions", json={"email": "ada@example.net", "password": "four words nobody guessed"})
    text = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert "GET /v1/people 422" in text
    for secret in ("c2VjcmV0", "nobody", "ada@", headers["Authorization"][7:]):
        assert secret not in text


def test_a_code_without_a_status_takes_its_parents() -> None:
    class ShippedError(ConflictError):
        code = "shipped_already"

    assert [status_of(kind("x")).value for kind in (ShippedError, NotFoundError, InvalidError, FleetError)] == [
        409, 404, 422, 400,
    ]  # fmt: skip


def test_a_route_without_a_permission_fails_when_it_is_declared() -> None:
    router = PermittedRouter()
    with pytest.raises(TypeError):
        router.get("/v1/things")
    with pytest.raises(UndeclaredPermissionError):
        router.add_api_route("/v1/things", lambda: None)
    with pytest.raises(UndeclaredPermissionError):
        router.api_route("/v1/things", methods=["GET"])(lambda: None)
    with pytest.raises(ValueError, match="things"):
        router.get("/v1/things", permission="things")(lambda: None)
    assert router.routes == []


def test_the_path_of_a_request_forges_no_line_of_the_access_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="plugtone.access")
    client.get("/v1/units/x%0A2026-01-01 forged%1B[31m")
    (record,) = [record for record in caplog.records if record.name == "plugtone.access"]
    assert record.getMessage().isprintable()
