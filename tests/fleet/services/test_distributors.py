"""Authorized Distributors are named in orders and notices, and nothing more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError, NotFoundError
from fleet.domain.money import Money
from fleet.domain.order import Agreement, Order, OrderLine
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse
from tests.fleet.services.test_terminations import refused


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    warehouse = Warehouse(services, admin)
    warehouse.open_account()  # with Phones & More in the register
    return warehouse


def sell(warehouse: Warehouse, distributor: int) -> Order:
    line = OrderLine("simulated", 1, Money(0))
    agreement = Agreement(distributor_id=distributor)
    return warehouse.services.orders.create(warehouse.actor, 1, date(2026, 3, 2), [line], agreement)


def passed_on(warehouse: Warehouse, at: datetime, by: str) -> str:
    asked = Asked(at, NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by=by)
    return warehouse.services.cancellations.request(warehouse.actor, 1, asked).cancellation.notice.passed_on_by


def test_it_sells_and_passes_on_under_its_reference_or_name(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    order = sell(warehouse, 1)
    assert services.orders.get(warehouse.actor, order.id).agreement.distributor_id == 1
    for by in ("DI-1", "Phones & More", " phones & MORE "):
        assert passed_on(warehouse, clock(), by) == "DI-1"


def test_a_cancellation_counts_from_our_receipt_at_any_hour(warehouse: Warehouse, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)  # 4:00 in New York, when nobody takes calls
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="DI-1")
    kept = warehouse.services.cancellations.request(warehouse.actor, 1, asked)
    assert kept.cancellation.effect.on == date(2026, 3, 14)


def test_who_is_not_authorized_neither_sells_nor_passes_on(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    for by in ("DI-2", "Somebody"):
        refused(services, lambda by=by: passed_on(warehouse, clock(), by), "no Authorized Distributor", NotFoundError)
    refused(services, lambda: sell(warehouse, 2), "no Authorized Distributor", NotFoundError)
    order = sell(warehouse, 1)
    ended = services.distributors.end(warehouse.actor, 1)
    assert (ended.state, ended.ended_at) == ("ended", clock())
    for step in (lambda: sell(warehouse, 1), lambda: passed_on(warehouse, clock(), "DI-1")):
        refused(services, step, "no Authorized Distributor any more")
    refused(services, lambda: services.distributors.end(warehouse.actor, 1), "is ended", IllegalTransitionError)
    assert services.orders.get(warehouse.actor, order.id).agreement.distributor_id == 1, "what it sold stands"


def test_a_name_is_registered_once(warehouse: Warehouse, services: Services) -> None:
    register = services.distributors.register
    refused(services, lambda: register(warehouse.actor, "phones & more"), "registered already, as DI-1", ConflictError)
    refused(services, lambda: register(warehouse.actor, " "), "a name has|an account's name has", InvalidError)
    assert register(warehouse.actor, "  Lines   and Co ").name == "Lines and Co"
    assert [each.reference for each in services.distributors.page(warehouse.actor, 10, None)] == ["DI-1", "DI-2"]


def test_it_is_the_operators_register_and_no_role_is_a_distributors(warehouse: Warehouse, services: Services) -> None:
    assert not [role for role in Role if "distributor" in role]
    bound = replace(warehouse.actor, account_id=1)
    assert services.distributors.page(bound, 10, None) == []
    refused(services, lambda: services.distributors.end(bound, 1), "no Authorized Distributor", NotFoundError)
    own = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)
    refused(services, lambda: services.distributors.page(own, 10, None), "order:manage", ForbiddenError)
    refused(services, lambda: services.distributors.register(own, "Mine"), "order:manage", ForbiddenError)
