"""The same Idempotency-Key and request happen once, whatever is repeated, lost or concurrent."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.domain.people import Person
from fleet.services.build import Services
from fleet.services.errands import KEPT_HOURS
from fleet.store.tables.commerce import orders
from fleet.store.tables.people import people
from fleet.store.tables.requests import errands
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock

BOB = {"name": "Bob", "email": "bob@example.net", "roles": ["viewer"]}


def count(services: Services, table) -> int:
    with services.transactions.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_the_same_request_again_gets_the_same_answer_and_changes_nothing(
    client: TestClient, services: Services, bearer: Bearer
) -> None:
    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
    first = client.post("/v1/people", headers=headers, json=BOB)
    second = client.post("/v1/people", headers=headers, json=BOB)
    assert (first.status_code, second.status_code, count(services, people)) == (201, 201, 1)
    assert first.content == second.content
    assert (first.headers["etag"], second.headers["etag"]) == ('"1"', '"1"')
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


def test_another_request_under_the_same_key_is_refused(client: TestClient, services: Services, bearer: Bearer) -> None:
    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
    client.post("/v1/people", headers=headers, json=BOB)
    for path, body in (("/v1/people", {**BOB, "email": "eve@example.net"}), ("/v1/people/PE-1/disable", {})):
        answer = client.post(path, headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert count(services, people) == 1


def test_a_key_belongs_to_its_sender(client: TestClient, services: Services, bearer: Bearer) -> None:
    for number in range(2):
        headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
        body = {**BOB, "email": f"bob{number}@example.net"}
        assert client.post("/v1/people", headers=headers, json=body).status_code == 201
    assert count(services, people) == 2


def test_a_replay_needs_the_permission_still(client: TestClient, services: Services, bearer: Bearer) -> None:
    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
    client.post("/v1/people", headers=headers, json=BOB)
    from fleet.domain.access import system_actor

    services.access.revoke_token(system_actor("test"), 1)
    assert client.post("/v1/people", headers=headers, json=BOB).status_code == 401


def test_a_failed_request_may_be_tried_again_under_its_key(
    client: TestClient, services: Services, bearer: Bearer
) -> None:
    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
    bad = {**BOB, "email": "no address"}
    assert client.post("/v1/people", headers=headers, json=bad).status_code == 422
    assert count(services, errands) == 0
    assert client.post("/v1/people", headers=headers, json=BOB).status_code == 201


def test_a_request_carried_out_whose_answer_was_lost_is_not_carried_out_again(
    client: TestClient, services: Services, bearer: Bearer
) -> None:
    """As after a kill between the commit and the answer: the record stands in the change's own transaction."""
    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
    client.post("/v1/people", headers=headers, json=BOB)
    with services.transactions.engine.begin() as connection:
        connection.execute(update(errands).values(status=None, headers=None, body=None))
    answer = client.post("/v1/people", headers=headers, json=BOB)
    assert (answer.status_code, answer.json()["code"]) == (409, "answer_lost")
    assert count(services, people) == 1


def test_a_request_that_breaks_after_its_commit_is_not_carried_out_again(
    app: FastAPI, services: Services, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(person: Person) -> None:
        raise RuntimeError

    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}
    with TestClient(app, raise_server_exceptions=False) as client, monkeypatch.context() as patch:
        patch.setattr("fleet.api.people.present_person", broken)
        assert client.post("/v1/people", headers=headers, json=BOB).status_code == 500
        patch.undo()
        answer = client.post("/v1/people", headers=headers, json=BOB)
    assert (answer.status_code, answer.json()["code"]) == (409, "answer_lost")
    assert count(services, people) == 1


def test_of_many_at_once_one_is_carried_out(client: TestClient, services: Services, bearer: Bearer) -> None:
    """Orders: nothing but the key makes two of them one."""
    headers = bearer(Role.ADMIN)
    account = {"name": "Heron", "administrator_name": "Kim", "administrator_email": "kim@example.net"}
    assert client.post("/v1/accounts", headers=headers, json=account).status_code == 201
    line = {"board": "simulated", "quantity": 1, "unit_price_cents": 0}
    order = {"account": "AC-1", "order_date": "2026-03-02", "lines": [line]}
    headers["Idempotency-Key"] = "order-1"
    statuses: Counter[int] = Counter()

    def send() -> None:
        statuses[client.post("/v1/orders", headers=headers, json=order).status_code] += 1

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(services, orders) == 1
    assert statuses[201] >= 1
    assert set(statuses) <= {201, 409}
    assert client.post("/v1/orders", headers=headers, json=order).status_code == 201
    assert count(services, orders) == 1


def test_a_key_of_the_wrong_form_is_refused(client: TestClient, services: Services, bearer: Bearer) -> None:
    for key in ("", "a b", "k" * 129):
        answer = client.post("/v1/people", headers={**bearer(Role.ADMIN), "Idempotency-Key": key}, json=BOB)
        assert answer.status_code == 422
    assert count(services, people) == 0


def test_records_are_swept_after_a_day(client: TestClient, services: Services, bearer: Bearer, clock: Clock) -> None:
    from fleet.domain.access import system_actor

    client.post("/v1/people", headers={**bearer(Role.ADMIN), "Idempotency-Key": "order-1"}, json=BOB)
    assert services.errands.sweep(system_actor("test")) == 0
    clock.advance(hours=KEPT_HOURS, seconds=1)
    assert services.errands.sweep(system_actor("test")) == 1


def test_an_answer_that_shows_a_secret_is_kept_nowhere(client: TestClient, services: Services, bearer: Bearer) -> None:
    headers = {**bearer(Role.ADMIN), "Idempotency-Key": "link-1"}
    client.post("/v1/people", headers={**headers, "Idempotency-Key": "person-1"}, json=BOB)
    made = client.post("/v1/people/PE-1/link", headers=headers)
    secret = made.json()["link"].partition("#")[2]
    files = services.settings.data_dir.glob("fleet.db*")
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    again = client.post("/v1/people/PE-1/link", headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "answer_lost")
