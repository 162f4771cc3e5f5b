"""Orders over HTTP: whose the units of a line are."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.api.test_breach_notices import poster
from tests.fleet.services.equipment import Warehouse


@pytest.mark.parametrize(
    ("said", "whose", "free"),
    [
        ({}, "operator", True),
        ({"unit_price_cents": 3995}, "customer", False),
        ({"unit_price_cents": 3995, "credit_cents": 3995}, "operator", True),
        ({"recurring_cents": 500}, "operator", False),
        ({"ownership": "customer"}, "customer", False),
        ({"ownership": "leased"}, "leased", True),
        ({"unit_price_cents": 3995, "ownership": "operator"}, "operator", False),
    ],
)
def test_a_line_says_whose_its_units_are_or_its_price_does(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor, said: dict[str, Any], whose: str, free: bool
) -> None:
    Warehouse(services, admin).open_account()
    headers = bearer(Role.SUPPORT)
    line = {"board": "simulated", "quantity": 1, "unit_price_cents": 0} | said
    told = poster(client, headers)("/v1/orders", {"account": "AC-1", "lines": [line]}, 201)
    assert (told["lines"][0]["ownership"], told["lines"][0]["free"]) == (whose, free)
    assert client.get("/v1/orders/OR-1", headers=headers).json() == told


def test_nobody_else_owns_a_unit(client: TestClient, bearer: Bearer, services: Services, admin: Actor) -> None:
    Warehouse(services, admin).open_account()
    line = {"board": "simulated", "quantity": 1, "unit_price_cents": 0, "ownership": "mine"}
    poster(client, bearer(Role.SUPPORT))("/v1/orders", {"account": "AC-1", "lines": [line]}, 422)
    assert services.orders.page(admin, 9, None) == []
