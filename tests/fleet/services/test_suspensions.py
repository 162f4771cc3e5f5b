"""Suspension takes lines at once and leaves all else; service comes back after full payment and the reconnect fee."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.errors import ConflictError, FleetError
from fleet.domain.money import ZERO, Money
from fleet.domain.suspension import AccountService, SuspensionReason
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.store.charges import ChargeFilter
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.test_settlement import end

NON_PAYMENT, SECURITY = SuspensionReason.NON_PAYMENT, SuspensionReason.SECURITY


@pytest.fixture
def unit(warehouse: Warehouse, account: Account) -> Unit:
    return warehouse.place(account)


def line(warehouse: Warehouse, unit: Unit) -> str:
    return warehouse.services.units.get(warehouse.actor, unit.serial).configuration.line_level


def charged(warehouse: Warehouse) -> list[tuple[str, int, date]]:
    found = warehouse.services.charges.page(warehouse.actor, ChargeFilter(1), 100, None)
    return [(each.event.key, each.event.amount.cents, each.event.on) for each in found]


def test_a_suspension_leaves_emergency_calls_and_all_but_voice(
    warehouse: Warehouse, services: Services, unit: Unit
) -> None:
    before = warehouse.unit(unit.serial), services.terms.of_unit(warehouse.actor, unit.serial)
    standing = services.suspensions.suspend(warehouse.actor, 1, NON_PAYMENT)
    assert (standing.state, standing.reasons, standing.episode) == (AccountService.SUSPENDED, {NON_PAYMENT}, 1)
    assert services.suspensions.standing(warehouse.actor, 1) == standing
    assert line(warehouse, unit) == "emergency_only"
    assert not services.accounts.get(warehouse.actor, 1).service_available
    assert (warehouse.unit(unit.serial), services.terms.of_unit(warehouse.actor, unit.serial)) == before
    assert warehouse.result(unit) == "accepted", "it keeps its identity"


def test_service_comes_back_with_the_last_reason_after_full_payment(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    suspensions = services.suspensions
    suspensions.suspend(warehouse.actor, 1, NON_PAYMENT)
    suspensions.suspend(warehouse.actor, 1, SECURITY)
    clock.advance(days=1)
    suspensions.charge_reconnect(warehouse.actor, 1)
    fee = [("reconnect_fee:AC-1:suspension-1", 1500, date(2026, 3, 3))]
    assert charged(warehouse) == fee
    assert suspensions.lift(warehouse.actor, 1, NON_PAYMENT, ZERO, True).state is AccountService.SUSPENDED
    assert line(warehouse, unit) == "emergency_only"
    before = snapshot(services)
    for unpaid, paid in ((Money(1), True), (ZERO, False)):
        with pytest.raises(ConflictError, match="unpaid"):
            suspensions.lift(warehouse.actor, 1, SECURITY, unpaid, paid)
    assert snapshot(services) == before
    assert suspensions.lift(warehouse.actor, 1, SECURITY, ZERO, True).state is AccountService.AVAILABLE
    assert line(warehouse, unit) == "full"
    assert services.accounts.get(warehouse.actor, 1).service_available
    assert charged(warehouse) == fee, "once a suspension"


def test_a_fee_that_was_paid_unasked_has_its_event_and_the_next_suspension_another(
    warehouse: Warehouse, services: Services, unit: Unit
) -> None:
    for _ in range(2):
        services.suspensions.suspend(warehouse.actor, 1, NON_PAYMENT)
        services.suspensions.lift(warehouse.actor, 1, NON_PAYMENT, ZERO, True)
    keys = [key for key, _, _ in charged(warehouse)]
    assert keys == ["reconnect_fee:AC-1:suspension-1", "reconnect_fee:AC-1:suspension-2"]
    assert line(warehouse, unit) == "full"


def test_a_line_comes_back_only_where_it_was_served(
    warehouse: Warehouse, services: Services, account: Account, unit: Unit
) -> None:
    ended, travelling = warehouse.place(account), warehouse.stock()
    warehouse.send(account, travelling)
    end(warehouse, ended)
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(unit))
    warehouse.register(new)  # `unit` is replaced, and still there
    services.suspensions.suspend(warehouse.actor, 1, NON_PAYMENT)
    services.suspensions.lift(warehouse.actor, 1, NON_PAYMENT, ZERO, True)
    levels = [line(warehouse, each) for each in (unit, ended, travelling, new)]
    assert levels == ["none", "emergency_only", "none", "full"]
    warehouse.register(travelling)
    assert line(warehouse, travelling) == "full"


def test_a_unit_that_comes_on_while_suspended_waits_for_its_line(
    warehouse: Warehouse, services: Services, account: Account
) -> None:
    travelling = warehouse.stock()
    warehouse.send(account, travelling)
    services.suspensions.suspend(warehouse.actor, 1, SECURITY)
    warehouse.register(travelling)
    warehouse.ready(travelling)
    assert (line(warehouse, travelling), warehouse.unit(travelling.serial).service) == ("emergency_only", "placed")
    services.suspensions.lift(warehouse.actor, 1, SECURITY, ZERO, True)
    assert line(warehouse, travelling) == "full"


@pytest.mark.usefixtures("unit")
def test_what_is_not_suspended_is_neither_lifted_nor_charged(warehouse: Warehouse, services: Services) -> None:
    before = snapshot(services)
    with pytest.raises(ConflictError):
        services.suspensions.lift(warehouse.actor, 1, NON_PAYMENT, ZERO, True)
    with pytest.raises(ConflictError, match="there is no fee"):
        services.suspensions.charge_reconnect(warehouse.actor, 1)
    assert snapshot(services) == before


@pytest.mark.usefixtures("unit")
def test_each_reason_is_decided_by_its_own_people(warehouse: Warehouse, services: Services) -> None:
    suspensions = services.suspensions
    before = snapshot(services)
    refused = {Role.FINANCE: SECURITY, Role.SUPPORT: NON_PAYMENT, Role.VIEWER: NON_PAYMENT}
    for role, reason in refused.items():
        with pytest.raises(ForbiddenError):
            suspensions.suspend(someone(role), 1, reason)
    with pytest.raises(ForbiddenError):
        suspensions.suspend(someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1), 1, NON_PAYMENT)
    with pytest.raises(FleetError):
        suspensions.suspend(someone(Role.ADMIN, account_id=9), 1, NON_PAYMENT)
    assert snapshot(services) == before
    suspensions.suspend(someone(Role.FINANCE), 1, NON_PAYMENT)
    suspensions.suspend(someone(Role.SUPPORT), 1, SECURITY)
    with pytest.raises(ForbiddenError):
        suspensions.lift(someone(Role.SUPPORT), 1, NON_PAYMENT, ZERO, True)
