"""A warehouse whose addresses are loaded, and a customer of it."""

from __future__ import annotations

import pytest

from fleet.domain.access import Actor
from fleet.domain.account import Account
from fleet.services.build import Services
from tests.fleet.services.equipment import Warehouse


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    return warehouse


@pytest.fixture
def account(warehouse: Warehouse) -> Account:
    return warehouse.open_account()
