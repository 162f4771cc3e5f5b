"""Which calls are metered, the minutes begun, and the charge of a month (ER 7)."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.call_metering import (
    MeteredCalls,
    MeteredDestination,
    MinutePrice,
    check_new_destinations,
    checked_prefix,
    destination_of,
    metered_calls_charge,
    metered_destination,
    metered_number,
    minutes_begun,
    prefixes_of,
)
from fleet.domain.call_record import CallDirection
from fleet.domain.charge import ChargeKind, ChargeRule, Ledger
from fleet.domain.errors import InvalidError
from fleet.domain.money import Money
from tests.fleet.domain.calls import MINUTE, call

TODAY, MONTH = date(2026, 4, 4), date(2026, 3, 1)
JAMAICA = metered_destination("+1876", "Jamaica", "0.25", "2026-03-01")
DEARER = metered_destination("+1876", "Jamaica", "0.30", "2026-04-01")
MOBILE = metered_destination("+187655", "Jamaica mobile", "0.4375", "2026-03-01")
FREE = metered_destination("+18765550", "Our office there", "0", "2026-04-02")
TABLE = (DEARER, JAMAICA, MOBILE, FREE)  # in any order


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({}, "+18765550100"),
        ({"number": "011442079460100"}, "+442079460100"),
        ({"number": "18765550100"}, "+18765550100"),
        ({"direction": CallDirection.IN}, None),
        ({"duration_ms": 0}, None),
        ({"emergency": True}, None),  # as the unit marked it
        ({"number": "911"}, None),  # as we know it
        ({"number": "anonymous"}, None),
    ],
)
def test_only_an_answered_call_out_to_a_number_of_the_world_may_be_metered(changed: dict, number: str | None) -> None:
    assert metered_number(call(**changed)) == number


@pytest.mark.parametrize(
    ("number", "day", "found"),
    [
        ("+18769990100", "2026-02-28", None),  # before the table has it
        ("+18769990100", "2026-03-01", JAMAICA),
        ("+18769990100", "2026-03-31", JAMAICA),
        ("+18769990100", "2026-04-01", DEARER),
        ("+18765560100", "2026-04-01", MOBILE),
        ("+18765550100", "2026-04-01", MOBILE),
        ("+18765550100", "2026-04-02", None),  # at no price: taken out of what the shorter prefix meters
        ("+12125550100", "2026-04-02", None),
    ],
)
def test_the_longest_prefix_in_force_on_the_day_counts(number: str, day: str, found: MeteredDestination | None) -> None:
    assert destination_of(number, date.fromisoformat(day), TABLE) == found


@given(
    st.lists(st.tuples(st.text("12", min_size=1, max_size=4), st.integers(0, 9), st.integers(0, 3)), max_size=8),
    st.text("12", min_size=2, max_size=6),
    st.integers(0, 9),
)
def test_destinations_agree_with_a_search_of_the_whole_table(
    rows: list[tuple[str, int, int]], digits: str, day: int
) -> None:
    base, values = date(2026, 1, 1), {(prefix, at): price for prefix, at, price in rows}
    table = [
        MeteredDestination(f"+{prefix}", "x", MinutePrice(price), base + timedelta(at))
        for (prefix, at), price in values.items()
    ]
    found = destination_of(f"+{digits}", base + timedelta(day), table)
    best = None
    for length in range(1, len(digits) + 1):  # the longest is looked at last
        prices = [(at, price) for (prefix, at), price in values.items() if prefix == digits[:length] and at <= day]
        best = max(prices)[1] if prices else best
    assert (found.price.hundredths if found else 0) == (best or 0)


@pytest.mark.parametrize(("ms", "minutes"), [(1, 1), (59_999, 1), (60_000, 1), (60_001, 2), (120_000, 2), (0, 0)])
def test_a_minute_begun_is_a_minute(ms: int, minutes: int) -> None:
    assert minutes_begun(ms) == minutes


@given(st.integers(0, 300 * MINUTE))
def test_minutes_are_as_a_stopwatch_counts_them(ms: int) -> None:
    minutes, left = 0, ms
    while left > 0:
        minutes, left = minutes + 1, left - MINUTE
    assert minutes_begun(ms) == minutes


def charge(*calls: MeteredCalls, ledger: Ledger | None = None) -> list[tuple[str, Money]]:
    found = metered_calls_charge("AC-1", MONTH, calls, ledger or Ledger())
    return [(event.key, event.amount) for event in found]


def test_a_month_is_one_charge_with_every_rate_that_was_applied() -> None:
    calls = [MeteredCalls(JAMAICA, 2, 5), MeteredCalls(MOBILE, 1, 1)]
    (event,) = metered_calls_charge("AC-1", MONTH, calls, Ledger())
    assert (event.kind, event.rule, event.subject) == (ChargeKind.CHARGE, ChargeRule.METERED_CALLS, "AC-1")
    assert (event.key, event.on) == ("metered_calls:AC-1:2026-03", date(2026, 3, 31))
    assert event.amount == Money(169), "5 x $0.25 and $0.4375: half up to the cent, once"
    assert event.inputs == (
        ("account", "AC-1"),
        ("month", "2026-03"),
        ("+1876 Jamaica at $0.2500 since 2026-03-01", "2 calls, 5 min"),
        ("+187655 Jamaica mobile at $0.4375 since 2026-03-01", "1 calls, 1 min"),
    )
    assert "3 metered calls of 2026-03, 6 minutes begun, come to $1.69" in event.reason.text


def test_what_becomes_known_after_the_charge_is_one_more() -> None:
    ledger = Ledger()
    for key in ("metered_calls:AC-1:2026-03", "metered_calls:AC-1:2026-03-2", "metered_calls:AC-1:2026-03-3"):
        events = metered_calls_charge("AC-1", MONTH, [MeteredCalls(JAMAICA, 1, 1)], ledger)
        assert [event.key for event in events] == [key]
        ledger = ledger.add(events)


def test_nothing_and_less_than_half_a_cent_are_no_charge() -> None:
    cheap = MeteredDestination("+1", "x", MinutePrice(49), MONTH)
    assert charge() == []
    assert charge(MeteredCalls(cheap, 1, 1)) == []
    assert charge(MeteredCalls(cheap, 2, 2)) == [("metered_calls:AC-1:2026-03", Money(1))]


@given(st.lists(st.tuples(st.integers(1, 10_000), st.integers(1, 500)), min_size=1, max_size=6))
def test_a_charge_is_the_exact_sum_rounded_once(calls: list[tuple[int, int]]) -> None:
    metered = [MeteredCalls(MeteredDestination("+1", "x", MinutePrice(price), MONTH), 1, m) for price, m in calls]
    cents = sum(Fraction(price, 100) * minutes for price, minutes in calls)
    rounded = int(cents + Fraction(1, 2))
    assert [amount.cents for _, amount in charge(*metered)] == ([rounded] if rounded else [])


@pytest.mark.parametrize(
    ("text", "hundredths"), [("0.0125", 125), ("$1", 10_000), ("0", 0), (" 0.25 ", 2500), ("100", 1_000_000)]
)
def test_a_price_is_exact(text: str, hundredths: int) -> None:
    assert MinutePrice.parse(text).hundredths == hundredths


@pytest.mark.parametrize("text", ["", "x", "0.00125", "-1", "100.0001", "NaN", "Infinity", "1,50", "1E999999"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="a price is"):
        MinutePrice.parse(text)


@pytest.mark.parametrize(
    ("prefix", "name", "price", "day", "why"),
    [
        ("1876", "Jamaica", "0.25", "2026-05-01", "a prefix is"),
        ("+0", "x", "0.25", "2026-05-01", "a prefix is"),
        ("+1876555010", "x", "0.25", "2026-05-01", "a prefix is"),  # ten digits are nearly somebody's
        ("+1876", " ", "0.25", "2026-05-01", "is named in"),
        ("+1876", "a\nb", "0.25", "2026-05-01", "is named in"),
        ("+1876", "x", "free", "2026-05-01", "a price is"),
        ("+1876", "x", "0.25", "May", "a date is"),
    ],
)
def test_a_row_that_says_nothing_we_know_is_refused(prefix: str, name: str, price: str, day: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        metered_destination(prefix, name, price, day)


def test_new_prices_take_effect_after_today_and_have_one_value_a_day() -> None:
    known = [JAMAICA]
    later = metered_destination("+1876", "Jamaica", "0.30", "2026-04-05")
    other = metered_destination("+1876", "Jamaica", "0.31", "2026-04-05")
    changed = metered_destination("+1876", "Jamaica", "0.20", "2026-03-01")
    late = metered_destination("+44", "Britain", "0.02", "2026-04-04")
    reasons = check_new_destinations([JAMAICA, later, later, other, changed, late], known, TODAY)
    assert [reason[:28] for reason in reasons] == [
        "",  # as it is
        "",
        "",
        "+1876 is Jamaica at $0.3000 ",
        "+1876 is Jamaica at $0.2500 ",
        "+44 takes effect after today",
    ]


def test_prefixes_come_longest_first_and_end_before_the_plus() -> None:
    assert prefixes_of("+1876") == ["+1876", "+187", "+18", "+1"]
    assert prefixes_of("+18765550100")[0] == "+187655501"
    assert checked_prefix(" +44 ") == "+44"
