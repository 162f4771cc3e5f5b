"""What the carrier says of parcels to accounts: proofs and losses of first shipments, and of what RMAs sent."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.money import Money
from fleet.domain.order import Order, OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.term import Evidence, Receipt
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import HOME, PARCEL, Warehouse, snapshot


def order(warehouse: Warehouse, account: Account, ownership: Ownership = Ownership.OPERATOR) -> Order:
    line = OrderLine("simulated", 1, Money(0), ownership=ownership)
    return warehouse.services.orders.create(warehouse.actor, account.id, None, [line], said=HOME)


def ship(warehouse: Warehouse, ordered: Order) -> Unit:
    unit = warehouse.stock()
    warehouse.services.orders.ship(warehouse.actor, ordered.id, [unit.serial], PARCEL)
    return unit


def cancel(services: Services, warehouse: Warehouse, *units: Unit) -> None:
    asked = Asked(
        services.transactions.clock(),
        NoticeChannel.DISTRIBUTOR,
        "PE-1",
        units=[unit.serial for unit in units] or None,
        passed_on_by="Phones & More",
    )
    services.cancellations.request(warehouse.actor, 1, asked)


def end(services: Services, warehouse: Warehouse, clock: Clock, *units: Unit) -> None:
    cancel(services, warehouse, *units)
    clock.advance(days=4)
    work = next(job.work for job in services.jobs if job.name == "end services")
    work(SCHEDULER)


def test_the_carriers_proof_of_a_first_shipment_is_its_receipt_whenever_it_turns_up(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit, sent_at = ship(warehouse, order(warehouse, account)), clock()
    clock.advance(days=20)
    assert services.terms.of_unit(warehouse.actor, unit.serial)[0].receipt == Receipt(date(2026, 3, 12), Evidence.NONE)
    services.shipments.deliver(warehouse.actor, unit.serial, sent_at + timedelta(days=2))
    found = services.terms.of_unit(warehouse.actor, unit.serial)[0].receipt
    assert found == Receipt(date(2026, 3, 4), Evidence.DELIVERY)
    assert services.audit.page(warehouse.actor, 1, None, None)[0].action == "shipment:deliver"


def test_a_proof_of_a_replacement_moves_its_rma(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit = warehouse.place(account)
    warehouse.stock()
    rma = warehouse.approved(unit)
    replacement = warehouse.replace(rma)
    clock.advance(days=1)
    services.shipments.deliver(warehouse.actor, replacement.serial, clock())
    assert services.rmas.get(warehouse.actor, rma.id)[0].replacement == "delivered"
    with pytest.raises(ConflictError):
        services.shipments.lose(warehouse.actor, replacement.serial, "lost", clock())


def test_a_lost_first_shipment_has_no_term_and_its_line_gets_another_unit(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    ordered = order(warehouse, account)
    unit = ship(warehouse, ordered)
    with pytest.raises(InvalidError, match="waits for no more units"):
        ship(warehouse, ordered)
    clock.advance(days=1)
    services.shipments.lose(warehouse.actor, unit.serial, "refused", clock())
    lost = warehouse.unit(unit.serial)
    assert (lost.custody, lost.service, lost.account_id) == ("lost", "unplaced", None)
    term = services.terms.of_unit(warehouse.actor, unit.serial)[0]
    assert (term.begins, term.receipt, term.failed) == (None, None, "refused")
    before = snapshot(services)
    with pytest.raises(ConflictError, match="reported"):
        services.shipments.lose(warehouse.actor, unit.serial, "lost", clock())
    with pytest.raises(ConflictError, match="reported"):
        services.shipments.deliver(warehouse.actor, unit.serial, clock())
    assert snapshot(services) == before
    second = ship(warehouse, ordered)
    clock.advance(days=45)
    _, lines = services.terms.quote(warehouse.actor, account.id)
    assert [(line.unit, line.fee, line.warning) for line in lines] == [
        (unit.serial, Money(0), ""),
        (second.serial, Money(5000), ""),
    ]


def test_a_notice_for_a_lost_unit_ends_the_service_of_the_one_sent_in_its_place(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    ordered = order(warehouse, account)
    unit = ship(warehouse, ordered)
    clock.advance(hours=1)
    cancel(services, warehouse, unit)
    services.shipments.lose(warehouse.actor, unit.serial, "lost", clock())
    second = ship(warehouse, ordered)
    warehouse.register(second)
    clock.advance(days=4)
    next(job.work for job in services.jobs if job.name == "end services")(SCHEDULER)
    assert services.terms.of_unit(warehouse.actor, second.serial)[0].service_ended_on == date(2026, 3, 6)


def test_nothing_is_sent_in_place_of_a_lost_unit_whose_service_has_ended(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    ordered = order(warehouse, account)
    unit = ship(warehouse, ordered)
    services.shipments.lose(warehouse.actor, unit.serial, "lost", clock())
    end(services, warehouse, clock, unit)
    with pytest.raises(ConflictError, match="its service has ended"):
        ship(warehouse, ordered)


def test_what_is_known_to_have_arrived_is_not_lost(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    registered, asked_for = ship(warehouse, order(warehouse, account)), ship(warehouse, order(warehouse, account))
    warehouse.register(registered)
    warehouse.approved(asked_for)
    before = snapshot(services)
    for unit in (registered, asked_for):
        with pytest.raises(ConflictError, match="arrived"):
            services.shipments.lose(warehouse.actor, unit.serial, "lost", clock())
    with pytest.raises(InvalidError, match="cannot say now"):
        services.shipments.deliver(warehouse.actor, registered.serial, clock() + timedelta(hours=1))
    with pytest.raises(NotFoundError):
        services.shipments.deliver(warehouse.actor, registered.serial, clock() - timedelta(hours=1))
    assert snapshot(services) == before


def test_a_leased_unit_that_never_arrived_is_not_asked_back(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit = ship(warehouse, order(warehouse, account, Ownership.LEASED))
    end(services, warehouse, clock, unit)
    assert services.rmas.get(warehouse.actor, 1)[0].decision == "approved"
    services.shipments.lose(warehouse.actor, unit.serial, "returned", clock())
    found = services.rmas.get(warehouse.actor, 1)[0]
    assert (found.decision, found.returning) == ("cancelled", "closed")


def test_only_the_warehouse_says_so(warehouse: Warehouse, services: Services, account: Account, clock: Clock) -> None:
    unit = ship(warehouse, order(warehouse, account))
    for act in (
        lambda: services.shipments.deliver(someone(Role.SUPPORT), unit.serial, clock()),
        lambda: services.shipments.lose(someone(Role.SUPPORT), unit.serial, "lost", clock()),
    ):
        with pytest.raises(ForbiddenError):
            act()
