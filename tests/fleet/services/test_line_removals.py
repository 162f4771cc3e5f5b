"""The last line is taken from a unit: its service ends then and there, and nothing else does (ER 3.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.errors import ConflictError, FleetError
from fleet.domain.money import ZERO, Money
from fleet.domain.order import Agreement, OrderLine, Plan
from fleet.domain.ownership import Ownership
from fleet.domain.references import Noun, refer
from fleet.domain.unit import Unit
from fleet.services.build import Services
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import HOME, PARCEL, Warehouse, snapshot
from tests.fleet.services.test_cancellations import ADMINISTRATOR, CALL, fees, line, mails, request, run, units
from tests.fleet.services.test_numbers import states

__all__ = ["units"]
TODAY = date(2026, 3, 10)


def test_service_ends_at_once_for_that_unit_alone(warehouse: Warehouse, services: Services, units: list[Unit]) -> None:
    removed = services.line_removals.remove(warehouse.actor, units[0].serial, ADMINISTRATOR)
    assert (removed.account_id, removed.at, [each.amount.cents for each in removed.charges]) == (1, CALL, [5000])
    assert fees(warehouse) == [("placement-1", 5000, TODAY)]
    assert [line(warehouse, unit) for unit in units] == ["emergency_only", "full"]
    assert states(services, warehouse.actor) == {"+15555550100": "released", "+15555550101": "assigned"}
    assert services.suspensions.standing(warehouse.actor, 1).state == "available"
    terms = [services.terms.of_unit(warehouse.actor, unit.serial)[0] for unit in units]
    assert [(term.service_ended_on, term.end_cause) for term in terms] == [(TODAY, "account"), (None, None)]
    told = mails(services)[f"line_removal:{units[0].serial}:1:PE-1"]
    assert f"the line of {units[0].serial} is removed: its service ended on 2026-03-10." in told
    assert "$50.00" in told


def test_a_leased_unit_is_asked_back_and_a_replacement_set_aside_goes_back_to_stock(
    warehouse: Warehouse, services: Services, account: Account
) -> None:
    unit, spare = warehouse.stock(), warehouse.stock()
    rented = OrderLine(unit.board, 1, ZERO, ownership=Ownership.LEASED)
    order = services.orders.create(warehouse.actor, account.id, None, [rented], said=HOME)
    services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    services.rmas.reserve(warehouse.actor, warehouse.approved(unit).id, spare.serial)
    services.line_removals.remove(warehouse.actor, unit.serial, None)
    assert warehouse.unit(spare.serial).custody == "in_stock"
    assert services.rmas.get(warehouse.actor, 2)[0].kind == "cancellation_return"


def test_the_line_goes_on_in_the_replacement_and_ends_with_it(
    warehouse: Warehouse, services: Services, units: list[Unit]
) -> None:
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(units[0]))
    warehouse.register(new)
    services.line_removals.remove(warehouse.actor, units[0].serial, None)
    assert [line(warehouse, unit) for unit in (new, units[1])] == ["emergency_only", "full"]
    refused(services, "has ended already", warehouse, new)


@pytest.mark.parametrize(("sent", "refunds"), [(1, 0), (2, 1)])
def test_an_annual_plan_whose_last_line_is_removed_brings_nothing_back(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock, sent: int, refunds: int
) -> None:
    """As long as a line of the order is left, the notice that ends it decides."""
    agreement, bought = Agreement(Plan.ANNUAL, Money(12000)), OrderLine("simulated", sent, Money(1))
    order = services.orders.create(warehouse.actor, account.id, None, [bought], agreement, HOME)
    serials = [warehouse.stock().serial for _ in range(sent)]
    services.orders.ship(warehouse.actor, order.id, serials, PARCEL)
    clock.now = CALL
    services.line_removals.remove(warehouse.actor, serials[0], None)
    told = "The annual plan of OR-1 ended without a notice: nothing is refunded."
    assert (told in mails(services)[f"line_removal:{serials[0]}:1:PE-1"]) is not bool(refunds)
    request(warehouse)
    clock.advance(days=4)
    run(services)
    assert len([subject for subject, _, _ in fees(warehouse) if subject == "OR-1"]) == refunds


def refused(services: Services, words: str, warehouse: Warehouse, unit: Unit, administrator: str = "PE-1") -> None:
    """Nothing is changed by an act that is refused."""
    before = snapshot(services)
    with pytest.raises(FleetError, match=words):
        services.line_removals.remove(warehouse.actor, unit.serial, administrator)
    assert snapshot(services) == before


def test_what_has_ended_does_not_end_again(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    services.line_removals.remove(warehouse.actor, units[0].serial, ADMINISTRATOR)
    refused(services, "has ended already", warehouse, units[0])
    request(warehouse, units=[units[1].serial])
    clock.advance(days=4)
    refused(services, "ended on 2026-03-14 by CN-1, which is carried out soon", warehouse, units[1])
    run(services)
    refused(services, "has ended already", warehouse, units[1])


def test_a_notice_that_waits_charges_nothing_twice(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    request(warehouse)
    services.line_removals.remove(warehouse.actor, units[0].serial, ADMINISTRATOR)
    clock.advance(days=4)
    run(services)
    assert fees(warehouse) == [("placement-1", 5000, TODAY), ("placement-2", 5000, TODAY + timedelta(days=4))]


def test_only_an_administrator_has_it_done_and_only_of_a_unit_the_account_had(
    warehouse: Warehouse, services: Services, units: list[Unit]
) -> None:
    other = warehouse.open_account("Osprey Books")
    stranger = services.people.list(warehouse.actor, 10, None)[-1]
    assert stranger.account_id == other.id
    refused(services, "name one of the Administrators of AC-1", warehouse, units[0], refer(Noun.PERSON, stranger.id))
    refused(services, "there is no placement", warehouse, warehouse.stock())
    refused(services, "there is no unit", warehouse, replace(units[0], serial="PT999999992"))
    with pytest.raises(ForbiddenError, match="cancellation:manage"):
        services.line_removals.remove(someone(Role.WAREHOUSE), units[0].serial, None)


def test_a_unit_that_moved_meanwhile_is_looked_at_again(
    warehouse: Warehouse, services: Services, units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    stays = iter([1, 2])
    monkeypatch.setattr(
        "fleet.store.placements.PlacementRepository.latest_of", lambda self, _serial: self.get(next(stays))
    )
    before = snapshot(services)
    with pytest.raises(ConflictError, match="this moment"):
        services.line_removals.remove(warehouse.actor, units[0].serial, None)
    assert snapshot(services) == before
