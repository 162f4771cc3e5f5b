"""Policy values are set by an admin from a later day on, once a day, and every act takes the one in force."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.errors import FleetError, InvalidError
from fleet.domain.policy import DEFAULTS, SINCE_EVER, PolicyName, PolicyValue
from fleet.services.build import Services
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, snapshot

FEE = PolicyName.REIMBURSEMENT_FEE_CENTS
RAISED = PolicyValue(FEE, date(2026, 4, 1), 6000)


def test_without_any_value_the_defaults_are_in_force_today(services: Services, admin: Actor) -> None:
    day, lines, _ = services.policy.on(admin)
    assert day == date(2026, 3, 2)
    assert {line.in_force.name: line.in_force.value for line in lines} == DEFAULTS
    assert {line.in_force.effective_from for line in lines} == {SINCE_EVER}


def test_a_value_comes_and_is_then_in_force(services: Services, admin: Actor, clock: Clock) -> None:
    services.policy.set(admin, RAISED)
    services.policy.set(admin, PolicyValue(FEE, date(2026, 5, 1), 7000))
    _, lines, _ = services.policy.on(admin)
    line = next(line for line in lines if line.in_force.name is FEE)
    assert (line.in_force.value, [each.value for each in line.coming]) == (5000, [6000, 7000])
    clock.advance(days=30)
    _, lines, _ = services.policy.on(admin)
    line = next(line for line in lines if line.in_force.name is FEE)
    assert (line.in_force, [each.value for each in line.coming]) == (RAISED, [7000])
    assert services.policy.on(admin, date(2026, 3, 31))[1][1].in_force.value == 5000


def test_today_at_the_operators_is_what_counts(services: Services, admin: Actor, clock: Clock) -> None:
    clock.now = clock.now.replace(hour=4, minute=59)  # 23:59 of 1 March in New York
    assert services.policy.on(admin)[0] == date(2026, 3, 1)
    services.policy.set(admin, PolicyValue(FEE, date(2026, 3, 2), 1))


@pytest.mark.parametrize("wrong", [PolicyValue(FEE, date(2026, 3, 2), 1), PolicyValue(FEE, date(2026, 4, 1), 100_001)])
def test_a_refused_value_changes_nothing(services: Services, admin: Actor, wrong: PolicyValue) -> None:
    before = snapshot(services)
    with pytest.raises(InvalidError):
        services.policy.set(admin, wrong)
    assert snapshot(services) == before


def test_a_date_is_taken_once(services: Services, admin: Actor) -> None:
    services.policy.set(admin, RAISED)
    before = snapshot(services)
    with pytest.raises(FleetError, match="take another date"):
        services.policy.set(admin, PolicyValue(FEE, RAISED.effective_from, 1))
    assert snapshot(services) == before


def test_only_an_admin_sets_and_finance_reads(services: Services) -> None:
    before = snapshot(services)
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(ForbiddenError):
            services.policy.set(someone(role), RAISED)
    assert snapshot(services) == before
    assert services.policy.on(someone(Role.FINANCE))[1]


def test_setting_a_value_is_audited(services: Services, admin: Actor) -> None:
    services.policy.set(admin, RAISED)
    entry = services.audit.page(admin, 1, None, None)[0]
    assert (entry.action, entry.subject) == ("policy:set", "reimbursement_fee_cents:2026-04-01")


def test_a_quote_takes_the_fee_that_was_in_force_on_the_order_date(
    services: Services, admin: Actor, clock: Clock
) -> None:
    services.policy.set(admin, RAISED)
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    warehouse.place(account)
    clock.advance(days=40)
    warehouse.place(account)
    lines = services.terms.quote(admin, account.id)[1]
    assert [line.fee.cents for line in lines] == [5000, 6000]
