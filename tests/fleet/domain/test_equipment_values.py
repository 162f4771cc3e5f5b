"""The small value types: money, dates, references, orders, configurations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.account import check_name
from fleet.domain.configuration import Channel, Configuration, Window, parse_window
from fleet.domain.errors import InvalidError, NotFoundError
from fleet.domain.line_allowance import LineLevel
from fleet.domain.local_dates import first_instant, local_date, months_after
from fleet.domain.money import ZERO, Money
from fleet.domain.order import Order, OrderLine, assign_lines, check_lines, usual_ownership
from fleet.domain.ownership import Ownership
from fleet.domain.references import Noun, number_of, refer

NEW_YORK = ZoneInfo("America/New_York")


@given(st.integers(), st.integers())
def test_money_counts_in_whole_cents(left: int, right: int) -> None:
    assert Money(left) + Money(right) - Money(right) == Money(left)
    assert Money(left) * 3 == Money(left) + Money(left) + Money(left)
    assert -Money(left) == ZERO - Money(left)
    assert bool(Money(left)) is (left != 0)


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "$0.00"), (5000, "$50.00"), (-995, "-$9.95"), (123456789, "$1,234,567.89"), (-5, "-$0.05")]
)
def test_money_is_written_as_people_write_it(cents: int, text: str) -> None:
    assert str(Money(cents)) == text


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-02-29", 12, "2025-02-28"),
        ("2023-02-28", 12, "2024-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2025-01-31", 1, "2025-02-28"),
        ("2025-12-15", 1, "2026-01-15"),
        ("2025-08-31", 6, "2026-02-28"),
    ],
)
def test_months_keep_the_day_or_take_the_months_last(day: str, months: int, expected: str) -> None:
    assert months_after(date.fromisoformat(day), months) == date.fromisoformat(expected)


def test_no_month_lies_after_the_last_year_there_is() -> None:
    assert months_after(date(9999, 11, 30), 1) == date(9999, 12, 30)
    with pytest.raises(InvalidError, match="later than the year 9999"):
        months_after(date(9999, 12, 1), 1)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_days_first_instant_lies_on_that_day(day: date) -> None:
    assert local_date(first_instant(day, NEW_YORK), NEW_YORK) == day


def test_an_instant_without_a_zone_has_no_date() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_date(datetime(2025, 1, 1), NEW_YORK)  # noqa: DTZ001 - what must be refused


@given(st.sampled_from(Noun), st.integers(1, 10**12 - 1))
def test_a_reference_names_its_number(noun: Noun, number: int) -> None:
    assert number_of(noun, refer(noun, number)) == number


@pytest.mark.parametrize("text", ["", "AC-", "AC-0", "AC-01", "OR-1", "1", "AC--1", "AC-1x", "AC-²", "AC-" + "9" * 13])
def test_what_is_no_reference_names_nothing(text: str) -> None:
    with pytest.raises(NotFoundError, match="AC-1"):
        number_of(Noun.ACCOUNT, text)


def line(board: str = "simulated", quantity: int = 1, price: int = 0, recurring: int = 0, credit: int = 0) -> OrderLine:
    return OrderLine(board, quantity, Money(price), Money(recurring), Money(credit))


@pytest.mark.parametrize(
    ("of", "free"),
    [
        (line(), True),
        (line(price=3995), False),
        (line(price=3995, credit=3995), True),
        (line(recurring=100), False),
        (line(price=100, recurring=200, credit=300), True),
    ],
)
def test_a_unit_is_free_when_all_amounts_after_credits_sum_to_zero(of: OrderLine, free: bool) -> None:
    assert of.is_free is free
    assert replace(of, ownership=Ownership.LEASED).is_free is free
    assert not replace(of, ownership=Ownership.CUSTOMER).is_free


@pytest.mark.parametrize(
    ("price", "credit", "whose"), [(3995, 3994, Ownership.CUSTOMER), (3995, 3995, "operator"), (0, 0, "operator")]
)
def test_a_unit_with_a_price_left_after_the_credit_is_bought_where_the_order_form_does_not_say(
    price: int, credit: int, whose: str
) -> None:
    assert usual_ownership(Money(price), Money(credit)) == whose


@pytest.mark.parametrize(
    "lines",
    [(), (line(quantity=0),), (line(quantity=10_001),), (line(price=-1),), (line(price=1, credit=2),), (line(),) * 51],
    ids=["none", "no unit", "too many units", "negative", "more credit than price", "too many lines"],
)
def test_unfit_lines_are_refused(lines: tuple[OrderLine, ...]) -> None:
    with pytest.raises(InvalidError):
        check_lines(lines)


def test_fit_lines_are_kept() -> None:
    for lines in ((line(),), (line(price=3995, recurring=100, credit=4095),), (line(quantity=10_000),) * 50):
        assert check_lines(lines) == lines


def test_units_fill_the_first_line_of_their_board_that_waits() -> None:
    order = Order(1, 1, date(2025, 1, 1), (line("a", 2), line("b", 1), line("a", 1)), (1, 0, 0))
    assert assign_lines(order, ["a", "b", "a"]) == [0, 1, 2]
    with pytest.raises(InvalidError, match="no more units of board 'a'"):
        assign_lines(order, ["a", "a", "a"])


def test_an_accounts_name_is_trimmed_and_bounded() -> None:
    assert check_name("  Blue   Heron Dental ") == "Blue Heron Dental"
    for text in (" ", "x" * 121):
        with pytest.raises(InvalidError):
            check_name(text)


@pytest.mark.parametrize(
    ("window", "now", "begins", "ends"),
    [
        (("02:00", "05:00"), "2025-06-01T12:00", "2025-06-02T06:00", "2025-06-02T09:00"),
        (("02:00", "05:00"), "2025-06-01T07:00", "2025-06-01T06:00", "2025-06-01T09:00"),
        (("22:00", "01:00"), "2025-06-02T04:30", "2025-06-02T02:00", "2025-06-02T05:00"),
        (("02:00", "05:00"), "2025-03-09T06:59", "2025-03-09T07:00", "2025-03-09T09:00"),  # 02:00 does not exist
    ],
)
def test_the_window_is_the_one_open_now_or_the_next(window: tuple[str, str], now: str, begins: str, ends: str) -> None:
    found = parse_window(*window).around(datetime.fromisoformat(now).replace(tzinfo=UTC), NEW_YORK)
    assert tuple(at.astimezone(UTC) for at in found) == tuple(
        datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (begins, ends)
    )


def test_equal_ends_mean_any_time() -> None:
    now = datetime(2025, 6, 1, tzinfo=UTC)
    assert Window(time(3), time(3)).around(now, NEW_YORK) == (now, now)


@pytest.mark.parametrize("text", ["24:00", "2:00", "02:60", "0200", ""])
def test_a_time_of_day_is_written_with_four_digits(text: str) -> None:
    with pytest.raises(InvalidError, match="00:00 to 23:59"):
        parse_window(text, "05:00")


def test_every_change_of_a_configuration_has_its_own_version() -> None:
    first = Configuration("PT000000018")
    beta = first.changed(Channel.BETA, None)
    assert (beta.version, beta.with_line(LineLevel.NONE)) == (2, beta)
    line_up = beta.with_line(LineLevel.FULL)
    assert (line_up.version, line_up.line_level) == (3, LineLevel.FULL)
    replacement = Configuration("PT000000026", version=9).taking_over(line_up)
    assert (replacement.serial, replacement.version, replacement.channel) == ("PT000000026", 10, Channel.BETA)
    assert replacement.line_level is LineLevel.NONE, "facts about the replacement decide of its line"
    assert replacement.reset() == Configuration("PT000000026", version=11)
