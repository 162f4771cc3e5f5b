"""The fleet's client: problems become errors, lists are walked, writes happen once though the service restarts."""

from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from tools.client import FleetClient, RefusedError, UnreachableError
from tools.errors import ToolError

Answer = httpx.Response | Exception


class Service:
    """Answers requests in order and remembers them."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = iter(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client_of(service: Callable[[httpx.Request], httpx.Response], **options: Any) -> FleetClient:
    transport = httpx.MockTransport(service)
    return FleetClient("http://fleet.example/", "plt_secret", transport=transport, sleep=lambda _: None, **options)


def problem(status: int, **members: object) -> httpx.Response:
    return httpx.Response(status, json=members, headers={"content-type": "application/problem+json"})


def test_token_goes_into_the_header_and_nowhere_else() -> None:
    service = Service([httpx.Response(200, json={"serial": "PT000000018"})])
    assert client_of(service).get("/v1/units/PT000000018", custody="in_stock") == {"serial": "PT000000018"}
    (request,) = service.requests
    assert request.headers["authorization"] == "Bearer plt_secret"
    assert str(request.url) == "http://fleet.example/v1/units/PT000000018?custody=in_stock"


def test_list_is_walked_page_after_page() -> None:
    service = Service([
        httpx.Response(200, json={"items": [{"n": 1}, {"n": 2}], "next": "abc"}),
        httpx.Response(200, json={"items": [{"n": 3}], "next": None}),
    ])  # fmt: skip
    assert [item["n"] for item in client_of(service).items("/v1/units", custody="shipped")] == [1, 2, 3]
    assert [dict(request.url.params) for request in service.requests] == [
        {"custody": "shipped"},
        {"custody": "shipped", "cursor": "abc"},
    ]


def test_problem_becomes_an_error_with_its_detail_and_code() -> None:
    service = Service([problem(409, title="Conflict", detail="PT000000018 is not in stock", code="conflict")])
    with pytest.raises(RefusedError, match="PT000000018 is not in stock") as caught:
        client_of(service).post("/v1/rmas", {})
    assert (caught.value.status, caught.value.code) == (409, "conflict")
    assert len(service.requests) == 1


def test_write_is_sent_again_with_the_same_key_while_the_service_restarts() -> None:
    service = Service([
        httpx.ConnectError("refused"), httpx.ReadError("cut"), httpx.Response(503), httpx.Response(201, json={"id": 1}),
    ])  # fmt: skip
    assert client_of(service).post("/v1/orders", {"account": "AC-1"}) == {"id": 1}
    keys = {request.headers["idempotency-key"] for request in service.requests}
    assert len(service.requests) == 4
    assert len(keys) == 1
    assert {request.content for request in service.requests} == {service.requests[0].content}


def test_two_writes_have_two_keys_and_a_repeatable_one_none() -> None:
    service = Service([httpx.Response(204)] * 3)
    client = client_of(service)
    assert client.post("/a") is None
    client.post("/a")
    client.post("/a", repeatable=True)
    first, second, third = (request.headers.get("idempotency-key") for request in service.requests)
    assert first != second
    assert third is None


def test_patience_ends() -> None:
    def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    with pytest.raises(UnreachableError, match=r"no answer from http://fleet\.example in 0 s: connection refused"):
        client_of(dead, patience_s=0).get("/healthz")


def test_answer_of_something_else_than_the_fleet_says_so() -> None:
    with pytest.raises(RefusedError, match="/v1/units answers 404; is this the fleet"):
        client_of(Service([httpx.Response(404, text="<html>")])).get("/v1/units")


def test_portal_that_answers_everything_is_not_the_fleet() -> None:
    service = Service(
        [httpx.Response(200, text="<html>Welcome, please sign in", headers={"content-type": "text/html"})]
    )
    with pytest.raises(UnreachableError, match="is not the fleet"):
        client_of(service).get("/healthz")


def test_environment_without_a_token_says_what_to_do() -> None:
    with pytest.raises(ToolError, match="PLUGTONE_TOKEN is not set"):
        FleetClient.from_environment({})
    assert FleetClient.from_environment({"PLUGTONE_TOKEN": "t", "PLUGTONE_URL": "http://a/"}).url == "http://a"


def test_a_write_whose_answer_was_lost_is_read_instead() -> None:
    def lost(_request: httpx.Request) -> httpx.Response:
        problem = {"title": "Conflict", "code": "answer_lost", "detail": "read it"}
        return httpx.Response(409, json=problem, headers={"content-type": "application/problem+json"})

    fleet = FleetClient("http://fleet.example", "plt_x", transport=httpx.MockTransport(lost))
    assert fleet.post_or_read("/v1/rmas", {}, lambda: {"id": "RMA-1"}) == {"id": "RMA-1"}
    with pytest.raises(RefusedError, match="read it"):
        fleet.post("/v1/rmas", {})
