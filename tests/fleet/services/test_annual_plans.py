"""An annual plan gives its unused days back once, to a notice in time; after that the rest falls due (ER 5, ToS 9.d).

Worked from the rules: $120.00 paid for 2026-03-02 to 2027-03-02, 365 days; notice by the Order Date + 30, 1 April.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.money import Money
from fleet.domain.order import Agreement, Order, OrderLine, Plan
from fleet.domain.ownership import Ownership
from fleet.domain.rma import Condition
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.jobs import SCHEDULER
from fleet.store.cancellations import KeptCancellation
from fleet.store.charges import ChargeFilter
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import DISTRIBUTOR, HOME, PARCEL, Warehouse, sent, snapshot
from tests.fleet.services.test_cancellations import mails
from tests.fleet.services.test_terminations import refused

ANNUAL = Agreement(Plan.ANNUAL, Money(12000))
DAY = date(2026, 3, 2)


def order_units(warehouse: Warehouse, quantity: int = 1, send: int | None = None, active: bool = True) -> list[Unit]:
    """An annual order of 2 March, of which `send` units are at the account."""
    line = OrderLine("simulated", quantity, Money(3995), ownership=Ownership.CUSTOMER)
    order: Order = warehouse.services.orders.create(warehouse.actor, 1, DAY, [line], ANNUAL, HOME)
    units = [warehouse.stock() for _ in range(quantity if send is None else send)]
    if units:
        warehouse.services.orders.ship(warehouse.actor, order.id, [unit.serial for unit in units], PARCEL)
    for unit in units if active else ():
        warehouse.register(unit)
        warehouse.ready(unit)
    return units


def ask(warehouse: Warehouse, at: datetime, *units: Unit, asked_for: date | None = None) -> KeptCancellation:
    asked = Asked(
        at,
        NoticeChannel.DISTRIBUTOR,
        "PE-1",
        asked_for,
        units=[unit.serial for unit in units] or None,
        passed_on_by=DISTRIBUTOR,
    )
    return warehouse.services.cancellations.request(warehouse.actor, 1, asked)


def carry_out(services: Services, clock: Clock, days: int = 10) -> None:
    clock.advance(days=days)
    services.cancellations.take_effect(SCHEDULER)


def refunds(warehouse: Warehouse) -> list[tuple[str, int, date]]:
    found = warehouse.services.charges.page(warehouse.actor, ChargeFilter(), 100, None)
    return [(each.event.subject, each.event.amount.cents, each.event.on) for each in found]


def told_to_billing(services: Services) -> list[str]:
    return [message["order"] for message in sent(services, "webhook") if message["event"] == "plan.rest_falls_due"]


@pytest.mark.usefixtures("account")
def test_a_notice_in_time_gives_the_unused_days_back(warehouse: Warehouse, services: Services, clock: Clock) -> None:
    order_units(warehouse)
    clock.now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    ask(warehouse, clock())
    words = "353 of the 365 days from 2026-03-02 are unused: $116.05 of $120.00."
    assert words in mails(services)["cancellation_request:CN-1"]
    assert refunds(warehouse) == [], "what is asked for may be withdrawn"
    carry_out(services, clock)
    assert refunds(warehouse) == [("OR-1", 11605, date(2026, 3, 14))]
    assert words in mails(services)["cancellation_completion:CN-1"]
    assert told_to_billing(services) == []


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("noticed", "expected", "due"),
    [
        (datetime(2026, 4, 2, 3, 59, tzinfo=UTC), [("OR-1", 10816, date(2026, 4, 7))], []),  # 23:59 of 1 April
        (datetime(2026, 4, 2, 4, 0, tzinfo=UTC), [], ["OR-1"]),
    ],
)
def test_after_the_30th_day_nothing_comes_back_and_billing_hears_that_the_rest_falls_due(
    warehouse: Warehouse,
    services: Services,
    clock: Clock,
    noticed: datetime,
    expected: list[tuple[str, int, date]],
    due: list[str],
) -> None:
    order_units(warehouse)
    clock.now = noticed
    ask(warehouse, noticed, asked_for=date(2026, 4, 7))
    carry_out(services, clock)
    assert refunds(warehouse) == expected
    assert told_to_billing(services) == due
    assert ("what remains falls due" in mails(services)["cancellation_completion:CN-1"]) == bool(due)


@pytest.mark.usefixtures("account")
def test_never_activated_the_paid_year_starts_with_the_term(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    order_units(warehouse, active=False)
    clock.now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    ask(warehouse, clock(), asked_for=date(2026, 4, 11))  # the Term begins on 1 April: 10 days are used
    carry_out(services, clock, 40)
    assert refunds(warehouse) == [("OR-1", 11671, date(2026, 4, 11))]


@pytest.mark.usefixtures("account")
def test_the_last_service_of_the_order_decides_by_its_own_notice_and_once(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    first, second = order_units(warehouse, 2)
    clock.now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    ask(warehouse, clock(), first)
    carry_out(services, clock)
    assert refunds(warehouse) == []
    ask(warehouse, clock(), second)  # on 20 March
    carry_out(services, clock)
    assert refunds(warehouse) == [("OR-1", 11277, date(2026, 3, 24))]
    clock.now = datetime(2026, 5, 1, 14, 0, tzinfo=UTC)
    ask(warehouse, clock())
    carry_out(services, clock)
    assert len(refunds(warehouse)) == 1
    assert told_to_billing(services) == [], "it was settled before"


@pytest.mark.usefixtures("account")
def test_an_order_of_which_units_are_still_to_be_sent_ends_with_the_account_only(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    (unit,) = order_units(warehouse, 2, send=1)
    clock.now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    ask(warehouse, clock(), unit)
    carry_out(services, clock)
    assert refunds(warehouse) == []
    ask(warehouse, clock())
    carry_out(services, clock)
    assert [line[0] for line in refunds(warehouse)] == ["OR-1"]


@pytest.mark.usefixtures("account")
def test_each_order_is_settled_by_the_end_of_its_own_units(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    (first,) = order_units(warehouse)
    order_units(warehouse)
    clock.now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    ask(warehouse, clock(), first)
    carry_out(services, clock)
    assert [line[0] for line in refunds(warehouse)] == ["OR-1"]
    ask(warehouse, clock())
    carry_out(services, clock)
    assert [line[0] for line in refunds(warehouse)] == ["OR-1", "OR-2"]


@pytest.mark.usefixtures("account")
def test_an_order_whose_unit_is_under_repair_is_not_ended_by_anothers_end(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    (repaired,), (ending,) = order_units(warehouse), order_units(warehouse)
    rma = warehouse.approved(repaired, mode="on_receipt")
    services.rmas.receive(warehouse.actor, rma.id, repaired.serial, Condition.DEFECTIVE)
    clock.now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    ask(warehouse, clock(), ending)
    carry_out(services, clock)
    assert [line[0] for line in refunds(warehouse)] == ["OR-2"]


@pytest.mark.usefixtures("account")
def test_an_end_by_us_is_no_cancellation(warehouse: Warehouse, services: Services) -> None:
    order_units(warehouse)
    services.terminations.end(warehouse.actor, 1, "we leave the market")
    assert (refunds(warehouse), told_to_billing(services)) == ([], [])


@pytest.mark.usefixtures("account")
def test_an_annual_plan_is_billed_every_year(warehouse: Warehouse, clock: Clock) -> None:
    order_units(warehouse)
    clock.now = datetime(2027, 2, 24, 14, 0, tzinfo=UTC)  # a Wednesday, three Business Days and more before 2 March
    timely = ask(warehouse, clock()).cancellation.effect
    assert (timely.on, timely.avoids) == (date(2027, 2, 28), date(2027, 3, 2))
    clock.now = datetime(2027, 2, 26, 14, 0, tzinfo=UTC)
    late = ask(warehouse, clock()).cancellation.effect
    assert (late.on, late.avoids) == (date(2028, 3, 2), None), "the year was renewed"


@pytest.mark.usefixtures("account")
def test_an_account_keeps_the_plan_of_its_first_order(warehouse: Warehouse, services: Services) -> None:
    def create(agreement: Agreement) -> Order:
        return services.orders.create(warehouse.actor, 1, DAY, [OrderLine("simulated", 1, Money(0))], agreement)

    for agreement, match, error in (
        (Agreement(Plan.ANNUAL), "what an annual plan costs", InvalidError),
        (Agreement(Plan.MONTHLY, Money(-1)), "not negative", InvalidError),
    ):
        refused(services, lambda agreement=agreement: create(agreement), match, error)
    order = create(ANNUAL)
    assert services.orders.get(warehouse.actor, order.id).agreement == ANNUAL
    before = snapshot(services)
    with pytest.raises(ConflictError, match="on the annual plan of its first order"):
        create(Agreement(Plan.MONTHLY, Money(1000)))
    assert snapshot(services) == before
