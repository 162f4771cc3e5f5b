"""A cursor that is none of ours is the sender's mistake, whatever is in it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from fleet.api.pages import encode_cursor
from fleet.domain.access import Role
from tests.fleet.api.conftest import Bearer


@pytest.mark.parametrize("key", ["9" * 13, "9" * 100, "-1", "PT000000018"])
def test_a_cursor_of_another_list_is_refused(client: TestClient, bearer: Bearer, key: str) -> None:
    answer = client.get("/v1/orders", params={"cursor": encode_cursor(key)}, headers=bearer(Role.ADMIN))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
