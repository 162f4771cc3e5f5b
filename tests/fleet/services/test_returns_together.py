"""A unit comes back once: whatever is asked for it, by its account and by the system, moves together (ER 4)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fleet.domain.account import Account
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.money import Money
from fleet.domain.order import OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.rma import Condition, ReplacementMode, Rma, RmaKind
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.jobs import SCHEDULER
from fleet.store.charges import ChargeFilter
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import HOME, PARCEL, Warehouse, snapshot

WORN = Inspection(InspectionCode.WORN, note="loose")


@pytest.fixture
def leased(warehouse: Warehouse, account: Account) -> Unit:
    """At the account, with another one in stock."""
    unit = warehouse.stock()
    line = OrderLine("simulated", 1, Money(0), ownership=Ownership.LEASED)
    order = warehouse.services.orders.create(warehouse.actor, account.id, None, [line], said=HOME)
    warehouse.services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    warehouse.ready(unit)
    warehouse.stock()
    return unit


def notice(warehouse: Warehouse, *units: Unit) -> int:
    services = warehouse.services
    serials = [unit.serial for unit in units] or None
    at = services.transactions.clock()
    asked = Asked(at, NoticeChannel.DISTRIBUTOR, "PE-1", units=serials, passed_on_by="Phones & More")
    return services.cancellations.request(warehouse.actor, 1, asked).cancellation.id


def run(services: Services, *names: str) -> None:
    for name in names:
        next(job.work for job in services.jobs if job.name == name)(SCHEDULER)


def states(warehouse: Warehouse) -> list[tuple[str, str]]:
    return [(rma.kind, rma.returning) for rma in warehouse.services.rmas.page(warehouse.actor, 9, None)]


def value(warehouse: Warehouse, placement: int = 1) -> list[tuple[str, int, date]]:
    wanted = ChargeFilter(subject=f"placement-{placement}")
    found = [each.event for each in warehouse.services.charges.page(warehouse.actor, wanted, 100, None)]
    return [(f"{event.rule} {event.kind}", event.amount.cents, event.on) for event in found]


def test_a_leased_unit_replaced_in_advance_is_asked_back_all_the_same_when_service_ends(
    warehouse: Warehouse, services: Services, leased: Unit, clock: Clock
) -> None:
    defect = warehouse.approved(leased)
    warehouse.register(warehouse.replace(defect))
    notice(warehouse)
    clock.advance(days=4)
    run(services, "end services")
    assert states(warehouse) == [
        ("defect", "awaited"),
        ("cancellation_return", "awaited"),
        ("cancellation_return", "awaited"),
    ]
    services.returns.hand_in(warehouse.actor, 2, clock())
    assert states(warehouse)[:2] == [("defect", "in_transit"), ("cancellation_return", "in_transit")]
    clock.advance(days=1)
    services.rmas.receive(warehouse.actor, defect.id, leased.serial, Condition.DEFECTIVE)
    assert states(warehouse)[:2] == [("defect", "received"), ("cancellation_return", "received")]
    assert services.returns.inspect(warehouse.actor, 2, WORN).returning == "inspected"
    assert services.returns.inspect(warehouse.actor, defect.id, WORN).returning == "inspected"
    clock.advance(days=30)
    run(services, "end deadlines")
    assert value(warehouse) == [], "it came in time"


def test_an_rma_that_is_granted_for_a_unit_on_its_way_or_here_has_it_at_once(
    warehouse: Warehouse, services: Services, leased: Unit, clock: Clock
) -> None:
    notice(warehouse)
    asked = services.rmas.open(warehouse.actor, leased.serial, RmaKind.WRONG_ITEM, ReplacementMode.ADVANCE, "beige")
    clock.advance(days=4)
    run(services, "end services")
    services.returns.hand_in(warehouse.actor, 2, clock())
    assert states(warehouse) == [("wrong_item", "awaited"), ("cancellation_return", "in_transit")]
    clock.advance(days=1)
    services.rmas.receive(warehouse.actor, 2, leased.serial, Condition.SOUND)
    assert services.rmas.approve(warehouse.actor, asked.id).returning == "received"


def test_a_return_is_noted_later_with_the_day_it_came_and_no_day_it_was_not_under_way(
    warehouse: Warehouse, services: Services, leased: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(leased)  # due on 12 March, without a scan received by 17 March
    warehouse.replace(rma)
    granted, came = clock(), clock() + timedelta(days=15)
    clock.advance(days=20)
    run(services, "end deadlines")
    assert value(warehouse) == [("replacement_value charge", 6500, date(2026, 3, 13))]
    before = snapshot(services)
    for wrong in (clock() + timedelta(seconds=1), granted - timedelta(days=1)):
        with pytest.raises((ConflictError, InvalidError)):
            services.rmas.receive(warehouse.actor, rma.id, leased.serial, Condition.SOUND, wrong)
    assert snapshot(services) == before
    services.rmas.receive(warehouse.actor, rma.id, leased.serial, Condition.SOUND, came)
    assert value(warehouse)[1:] == [("later_evidence credit", 6500, date(2026, 3, 22))]
    before = snapshot(services)
    with pytest.raises(InvalidError, match="did not accept it after that"):
        services.returns.hand_in(warehouse.actor, rma.id, came + timedelta(hours=1))
    assert snapshot(services) == before


def test_a_unit_that_was_heard_since_did_not_come_before(
    warehouse: Warehouse, services: Services, leased: Unit, clock: Clock
) -> None:
    rma: Rma = warehouse.approved(leased, mode="on_receipt")
    clock.advance(days=2)
    warehouse.register(leased)
    clock.advance(days=1)
    with pytest.raises(InvalidError, match="registered from the account"):
        services.rmas.receive(
            warehouse.actor, rma.id, leased.serial, Condition.SOUND, clock() - timedelta(days=1, minutes=1)
        )
    with pytest.raises(InvalidError, match="registered from the account"):
        services.blind_returns.take_in(
            warehouse.actor, leased.serial, Condition.SOUND, "x", clock() - timedelta(days=1, minutes=1)
        )


def test_what_came_before_its_rma_was_granted_came_blind(
    warehouse: Warehouse, services: Services, leased: Unit, clock: Clock
) -> None:
    clock.advance(days=1)
    came = clock()
    clock.advance(days=1)
    rma = warehouse.approved(leased, mode="on_receipt")
    with pytest.raises(ConflictError, match="take it in blind"):
        services.rmas.receive(warehouse.actor, rma.id, leased.serial, Condition.SOUND, came)
    taken = services.blind_returns.take_in(warehouse.actor, leased.serial, Condition.SOUND, "a box", came)
    assert taken.blind is not None
    assert taken.blind.received_at == came
    assert services.blind_returns.match(warehouse.actor, taken.blind.id, rma.id).returning == "received"


def test_a_received_unit_waits_in_quarantine_until_it_can_be_inspected(
    warehouse: Warehouse, services: Services, leased: Unit
) -> None:
    rma = warehouse.approved(leased, mode="on_receipt")
    with pytest.raises(ConflictError):
        services.returns.hold(warehouse.actor, rma.id, "smells")
    services.rmas.receive(warehouse.actor, rma.id, leased.serial, Condition.DAMAGED)
    assert services.returns.hold(warehouse.actor, rma.id, "smells").returning == "in_quarantine"
    assert services.returns.inspect(warehouse.actor, rma.id, WORN).returning == "inspected"


def test_a_reserved_unit_that_is_not_sent_goes_back_to_stock(
    warehouse: Warehouse, services: Services, leased: Unit
) -> None:
    rma = warehouse.approved(leased, mode="on_receipt")
    services.rmas.receive(warehouse.actor, rma.id, leased.serial, Condition.DAMAGED)
    reserved = services.rmas.reserve(warehouse.actor, rma.id).replacement_serial
    liquid = Inspection(InspectionCode.LIQUID, note="corroded")
    services.returns.inspect(warehouse.actor, rma.id, liquid)
    with pytest.raises(ConflictError, match="no replacement"):
        services.rmas.ship(warehouse.actor, rma.id, PARCEL)
    released = services.rmas.release(warehouse.actor, rma.id, "it was spoilt")
    assert (released.replacement, released.replacement_serial) == ("none", None)
    assert warehouse.unit(reserved or "").custody == "in_stock"
    assert services.returns.close(warehouse.actor, rma.id, "charged").returning == "closed"


def test_a_unit_that_is_here_stands_for_its_line_in_a_notice(
    warehouse: Warehouse, services: Services, account: Account, leased: Unit, clock: Clock
) -> None:
    free = warehouse.place(account)
    rma = warehouse.approved(free, mode="on_receipt")
    services.rmas.receive(warehouse.actor, rma.id, free.serial, Condition.DEFECTIVE)
    clock.advance(hours=1)
    notice(warehouse, free)
    clock.advance(days=32)
    run(services, "end services")
    with pytest.raises(ConflictError, match="has ended"):
        services.rmas.reserve(warehouse.actor, rma.id)
    with pytest.raises(ConflictError, match=f"the service of {free.serial} has ended already"):
        notice(warehouse, free)
    assert services.terms.of_unit(warehouse.actor, leased.serial)[0].service_ended_on is None


def test_a_quote_counts_the_end_that_is_already_asked_for(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit = warehouse.place(account)
    notice(warehouse, unit)
    kept = services.cancellations.page(warehouse.actor, account.id, 1, None)[0]
    ends = kept.cancellation.effect.on

    def cents(on: date) -> int:
        return services.terms.quote(warehouse.actor, account.id, on)[1][0].fee.cents

    assert [cents(ends + timedelta(days=days)) for days in (-1, 0, 1)] == [5000, 5000, 0]
    services.cancellations.withdraw(warehouse.actor, kept.cancellation.id, "PE-1")
    assert cents(ends + timedelta(days=1)) == 5000


def test_an_rma_is_not_taken_back_while_its_unit_lies_here(
    warehouse: Warehouse, services: Services, leased: Unit, clock: Clock
) -> None:
    services.blind_returns.take_in(warehouse.actor, leased.serial, Condition.SOUND, "a box")
    rma = warehouse.approved(leased, mode="on_receipt")
    before = snapshot(services)
    with pytest.raises(ConflictError, match="is here as BR-1"):
        services.rmas.cancel(warehouse.actor, rma.id, "changed their mind")
    assert snapshot(services) == before
