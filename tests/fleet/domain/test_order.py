"""What an order agrees on beside its lines: the plan, what it costs, and whether all of it was sent."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.money import Money
from fleet.domain.order import Agreement, Order, OrderLine, Plan, check_agreement, price_of

ANNUAL, MONTHLY = Agreement(Plan.ANNUAL, Money(12000)), Agreement()


@pytest.mark.parametrize("agreement", [ANNUAL, MONTHLY, Agreement(Plan.MONTHLY, Money(1000))])
def test_an_account_begins_with_any_plan_and_keeps_it(agreement: Agreement) -> None:
    for kept in (None, agreement.plan):
        assert check_agreement(agreement, kept) is agreement
    other = Plan.MONTHLY if agreement.plan is Plan.ANNUAL else Plan.ANNUAL
    with pytest.raises(ConflictError, match=f"on the {other} plan of its first order, and keeps it"):
        check_agreement(agreement, other)


@pytest.mark.parametrize(("plan", "cents"), [(Plan.ANNUAL, 0), (Plan.ANNUAL, -1), (Plan.MONTHLY, -1)])
def test_a_price_is_not_negative_and_an_annual_plan_has_one(plan: Plan, cents: int) -> None:
    with pytest.raises(InvalidError, match=r"price|costs a year"):
        check_agreement(Agreement(plan, Money(cents)), None)


def test_a_plan_is_billed_every_month_or_year() -> None:
    assert {plan: plan.months for plan in Plan} == {Plan.MONTHLY: 1, Plan.ANNUAL: 12}


@pytest.mark.parametrize(("shipped", "whole"), [((2, 1), True), ((1, 1), False), ((2, 0), False), ((0, 0), False)])
def test_it_is_shipped_when_each_line_is(shipped: tuple[int, ...], whole: bool) -> None:
    lines = OrderLine("a", 2, Money(0)), OrderLine("b", 1, Money(0))
    assert Order(1, 1, date(2025, 1, 1), lines, shipped).is_shipped is whole


@pytest.mark.parametrize(
    ("price", "recurring", "credit", "paid"), [(3995, 0, 0, 3995), (3995, 0, 500, 3495), (3995, 300, 4200, 0)]
)
def test_the_price_of_a_unit_is_what_is_left_of_it_after_credits(
    price: int, recurring: int, credit: int, paid: int
) -> None:
    line = OrderLine("simulated", 2, Money(price), recurring=Money(recurring), credit=Money(credit))
    assert price_of(line) == Money(paid)
