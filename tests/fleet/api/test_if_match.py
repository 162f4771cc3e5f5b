"""`If-Match`: who acts on a stale page is refused with 412, on every route that says it takes the header."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.domain.rma import ReplacementMode, RmaKind
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.api.openapi_bodies import body_of, operations
from tests.fleet.api.test_permissions import OPEN_TO_ALL, World, filled, world  # noqa: F401 - a fixture
from tests.fleet.services.equipment import Warehouse

STALE = '"99"'


def takes_if_match(operation: dict[str, Any]) -> bool:
    return any(each["name"] == "If-Match" for each in operation.get("parameters", []))


def send(world: World, method: str, path: str, operation: dict[str, Any], tag: str) -> Any:  # noqa: F811
    headers = {"Authorization": f"Bearer {world.secrets[Role.ADMIN]}", "If-Match": tag}
    body = body_of(world.document, operation, dict.fromkeys(("unit", "serial"), world.ours.parameters["serial"]))
    return world.client.request(method, filled(path, world.ours), headers=headers, json=body)


def test_what_has_a_version_is_read_under_its_etag(world: World) -> None:  # noqa: F811
    tagged = set()
    for method, path, _ in operations(world.document):
        if method == "GET" and (method, path) not in OPEN_TO_ALL:
            answer = world.call(world.secrets[Role.ADMIN], method, filled(path, world.ours))
            if "etag" in answer.headers:
                assert answer.headers["etag"] == f'"{answer.json()["version"]}"', path
                tagged.add(path)
    assert tagged >= {
        "/v1/people/{person}", "/v1/rmas/{rma}", "/v1/cancellations/{cancellation}", "/v1/accounts/{account}/service",
        "/v1/policy",
    }  # fmt: skip


def test_a_write_on_a_stale_page_is_refused_and_changes_nothing(world: World) -> None:  # noqa: F811
    before, refused, others = world.rows(), set(), {}
    absent = {"rollout", "lease"}  # of which there is none here; their own tests have one
    for method, path, operation in operations(world.document):
        names = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        if method == "GET" or not takes_if_match(operation) or names & absent:
            continue
        answer = send(world, method, path, operation, STALE)
        if answer.status_code != 412:
            others[path] = answer.status_code
            continue
        assert answer.json()["code"] == "stale_version"
        assert "not 99" in answer.json()["detail"], "the version that is, beside the one that was seen"
        refused.add(path)
    assert others == {
        "/v1/accounts/{account}/administrators/{person}/remove": 403,  # an Administrator does that
        "/v1/blind-returns/{blind_return}/match": 404,  # there is none
        "/v1/minimum-versions/{minimum}/approve": 404,  # there is none
        "/v1/minimum-versions/{minimum}/withdraw": 404,
        "/v1/cancellations/{cancellation}/claim-waiver": 404,  # of a notice there is none of
    }
    assert len(refused) > 20, sorted(refused)
    assert {"/v1/rmas/{rma}/approve", "/v1/rmas/{rma}/close", "/v1/cancellations/{cancellation}/withdraw"} <= refused
    assert {"/v1/accounts/{account}/suspend", "/v1/accounts/{account}/lift", "/v1/policy"} <= refused
    assert world.rows() == before


def test_where_nothing_has_a_version_the_header_is_refused_not_ignored(world: World) -> None:  # noqa: F811
    before, refused, told = world.rows(), 0, 0
    for method, path, operation in operations(world.document):
        if method == "GET" or (method, path) in OPEN_TO_ALL or takes_if_match(operation) or "{" not in path:
            continue
        answer = send(world, method, path, operation, STALE)
        refused += answer.status_code >= 400
        told += "leave If-Match out" in answer.text
    assert world.rows() == before
    assert (refused > 20, told > 5) == (True, True), "but where nothing was to be changed"


def test_of_two_who_read_the_same_page_the_second_is_refused(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    services.rmas.open(admin, unit.serial, RmaKind.DEFECT, ReplacementMode.ON_RECEIPT, "mute")
    headers = bearer(Role.ADMIN)
    seen = client.get("/v1/rmas/RMA-1", headers=headers).headers["etag"]
    first = client.post("/v1/rmas/RMA-1/approve", headers={**headers, "If-Match": seen})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    second = client.post("/v1/rmas/RMA-1/deny", json={"reason": "late"}, headers={**headers, "If-Match": seen})
    assert second.status_code == 412
    assert second.json()["detail"] == "RMA-1 is at version 2, not 1; read it again"
    assert client.get("/v1/rmas/RMA-1", headers=headers).headers["etag"] == first.headers["etag"]
    for tag in ("*", first.headers["etag"], f"W/{first.headers['etag']}"):
        body = {"serial": unit.serial, "condition": "sound"}
        answer = client.post("/v1/rmas/RMA-1/receive", json=body, headers={**headers, "If-Match": tag})
        assert answer.status_code in (200, 409, 412), answer.text
    assert client.get("/v1/rmas/RMA-1", headers=headers).json()["return"] == "received"
    assert (
        client.post("/v1/rmas/RMA-1/close", json={"reason": "x"}, headers={**headers, "If-Match": "x"}).status_code
        == 422
    )


def test_a_standing_and_the_policy_count_up_with_each_change(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor
) -> None:
    Warehouse(services, admin).open_account()
    headers = bearer(Role.ADMIN)
    assert client.get("/v1/accounts/AC-1/service", headers=headers).headers["etag"] == '"0"'
    body, path = {"reason": "law"}, "/v1/accounts/AC-1/suspend"
    first = client.post(path, json=body, headers={**headers, "If-Match": '"0"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    assert client.post(path, json={"reason": "security"}, headers={**headers, "If-Match": '"0"'}).status_code == 412
    assert client.get("/v1/accounts/AC-1/service", headers=headers).json()["reasons"] == ["law"]
    value = {"name": "restocking_fee_cents", "value": 900, "effective_from": "2026-04-01"}
    for tag, status in (('"0"', 201), ('"0"', 412), ('"1"', 422)):
        assert client.post("/v1/policy", json=value, headers={**headers, "If-Match": tag}).status_code == status
    assert client.get("/v1/policy", headers=headers).headers["etag"] == '"1"'
