"""The doors of the API, from the setup link to a revoked token."""

from __future__ import annotations

from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.services.access import MAX_ATTEMPTS_PAIR
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer

PASSWORD = "four words nobody guessed"
ADA = {"name": "Ada", "email": "ada@example.net", "password": PASSWORD}


def set_up(client: TestClient, services: Services) -> None:
    secret = services.people.setup_link().partition("#")[2]
    answer = client.post("/v1/setup", json={"secret": secret, **ADA})
    assert (answer.status_code, answer.json()["roles"]) == (201, ["admin"])


def sign_in(client: TestClient) -> dict[str, str]:
    answer = client.post("/v1/sessions", json={"email": ADA["email"], "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['secret']}"}


def test_from_the_setup_link_to_a_token_and_its_end(client: TestClient, services: Services) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "set_up": False}
    set_up(client, services)
    assert client.get("/healthz").json()["set_up"] is True
    session = sign_in(client)
    assert client.get("/v1/me", headers=session).json()["reference"] == "PE-1"

    made = client.post("/v1/tokens", headers=session, json={"name": "ci", "permissions": ["unit:read", "token:own"]})
    assert made.status_code == 201
    token = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert client.get("/v1/me", headers=token).json()["permissions"] == ["token:own", "unit:read"]
    assert client.get("/v1/people", headers=token).status_code == 403
    listed = client.get("/v1/tokens", headers=session).json()["items"]
    assert [(each["id"], "secret" in each) for each in listed] == [("TO-1", False)]

    assert client.delete("/v1/tokens/TO-1", headers=session).status_code == 204
    assert client.get("/v1/me", headers=token).status_code == 401
    assert client.delete("/v1/sessions", headers=session).status_code == 204
    assert client.get("/v1/me", headers=session).status_code == 401


def test_a_used_setup_link_is_told_as_unknown(client: TestClient, services: Services) -> None:
    set_up(client, services)
    answer = client.post("/v1/setup", json={"secret": "pll_unknown", **ADA})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_an_invited_person_chooses_a_password_by_a_handed_over_link(client: TestClient, services: Services) -> None:
    set_up(client, services)
    session = sign_in(client)
    invited = client.post(
        "/v1/people", headers=session, json={"name": "Bob", "email": "bob@example.net", "roles": ["support"]}
    )
    assert (invited.status_code, invited.headers["etag"]) == (201, '"1"')
    link = client.post("/v1/people/PE-2/link", headers=session).json()["link"]
    secret = link.partition("#")[2]
    assert client.post("/v1/passwords", json={"secret": secret, "password": PASSWORD}).status_code == 204
    assert client.get("/v1/people/PE-2", headers=session).json()["state"] == "active"


def test_roles_change_only_on_the_version_that_was_read(client: TestClient, services: Services, bearer: Bearer) -> None:
    admin = bearer(Role.ADMIN)
    client.post("/v1/people", headers=admin, json={"name": "Bob", "email": "bob@example.net", "roles": ["viewer"]})
    body = {"roles": ["support"]}
    changed = client.put("/v1/people/PE-1/roles", headers={**admin, "If-Match": '"1"'}, json=body)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    stale = client.put("/v1/people/PE-1/roles", headers={**admin, "If-Match": '"1"'}, json={"roles": ["admin"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert client.get("/v1/people/PE-1", headers=admin).json()["roles"] == ["support"]


def test_people_come_in_pages_whose_cursor_is_opaque(client: TestClient, bearer: Bearer) -> None:
    admin = bearer(Role.ADMIN)
    for number in range(5):
        body = {"name": "X", "email": f"x{number}@example.net", "roles": ["viewer"]}
        client.post("/v1/people", headers=admin, json=body)
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/people", headers=admin, params=params).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"PE-{number}" for number in range(1, 6)]
    for cursor in ("!!", "bm8", "x" * 300):
        assert client.get("/v1/people", headers=admin, params={"cursor": cursor}).status_code == 422


def test_too_many_tries_say_when_to_come_again(client: TestClient, services: Services) -> None:
    set_up(client, services)
    wrong = {"email": ADA["email"], "password": "wrong"}
    for _ in range(MAX_ATTEMPTS_PAIR):
        assert client.post("/v1/sessions", json=wrong).status_code == 401
    answer = client.post("/v1/sessions", json=wrong)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert answer.json()["code"] == "too_many_attempts"
