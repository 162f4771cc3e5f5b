"""When a call began, by a clock that may be unset or wrong; whose it was; and what of a number is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.call_record import (
    CLOCK_TOLERANCE,
    MAX_AGE,
    StartTakenFrom,
    Stay,
    call_start,
    kept_number,
    stay_at,
)
from tests.fleet.domain.calls import call

SHIPPED = datetime(2026, 3, 2, 15, tzinfo=UTC)
RECEIVED = datetime(2026, 4, 1, 12, tzinfo=UTC)


def clock(at: datetime) -> int:
    return int(at.timestamp())


HOUR = timedelta(hours=1)
Y2000 = clock(datetime(2000, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("started_s", "clock_s", "began", "taken_from"),
    [
        (clock(RECEIVED - HOUR), clock(RECEIVED), RECEIVED - HOUR, "unit"),
        (clock(SHIPPED), clock(RECEIVED), SHIPPED, "unit"),  # told a month late: the fleet was away
        (clock(RECEIVED) + 200, clock(RECEIVED) + 260, RECEIVED, "unit"),  # a little fast: never after the receipt
        (0, clock(RECEIVED), RECEIVED, "receipt"),  # the call began before the unit knew the time
        (0, 0, RECEIVED, "receipt"),
        (Y2000 + 60, Y2000 + 3660, RECEIVED - HOUR, "age"),  # never set, and counting
        (clock(RECEIVED) + 86400, clock(RECEIVED) + 90000, RECEIVED - HOUR, "age"),  # a day fast
        (clock(SHIPPED) - 1, clock(RECEIVED), RECEIVED, "receipt"),  # before it was anybody's, whichever way one reads
        (Y2000, clock(RECEIVED), RECEIVED, "receipt"),  # set between the call and now: nothing can be told
        (clock(RECEIVED) + 90000, clock(RECEIVED), RECEIVED, "receipt"),  # began after it was told
        (2**64 - 1, 2**64 - 1, RECEIVED, "age"),
        (2**64 - 1, 0, RECEIVED, "receipt"),
    ],
)
def test_a_start_that_cannot_be_is_worked_out_from_its_age_else_it_is_the_receipt(
    started_s: int, clock_s: int, began: datetime, taken_from: str
) -> None:
    assert call_start(started_s, clock_s, RECEIVED, SHIPPED) == (began, StartTakenFrom(taken_from))


def test_the_tolerance_of_a_clock_ends_where_it_says() -> None:
    last = clock(RECEIVED + CLOCK_TOLERANCE)
    assert call_start(last, 0, RECEIVED, SHIPPED)[1] is StartTakenFrom.UNIT
    assert call_start(last + 1, 0, RECEIVED, SHIPPED)[1] is StartTakenFrom.RECEIPT
    longest, ancient = int(MAX_AGE.total_seconds()), datetime(1999, 1, 1, tzinfo=UTC)
    began = datetime(1998, 1, 1, tzinfo=UTC)
    assert call_start(clock(began), clock(began) + longest, RECEIVED, ancient)[1] is StartTakenFrom.AGE
    assert call_start(clock(began), clock(began) + longest + 1, RECEIVED, ancient)[1] is StartTakenFrom.RECEIPT


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_whatever_the_clock_says_a_call_began_in_the_units_time_there_and_by_its_receipt(
    started_s: int, clock_s: int
) -> None:
    began, _ = call_start(started_s, clock_s, RECEIVED, SHIPPED)
    assert SHIPPED <= began <= RECEIVED


def test_a_call_is_of_the_stay_it_began_in_also_when_it_is_told_later() -> None:
    first, second = Stay(1, 7, SHIPPED), Stay(2, 7, SHIPPED + timedelta(days=9))
    stays = [first, second]
    assert stay_at(stays, SHIPPED - HOUR) is None
    assert stay_at(stays, SHIPPED) is first
    assert stay_at(stays, second.shipped_at - HOUR) is first
    assert stay_at(stays, second.shipped_at) is second
    assert stay_at([], RECEIVED) is None


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("+18765550100", "+18765550100"),
        ("*69#", "*69#"),
        ("anonymous", "anonymous"),
        ("555 0100", "5550100"),
        ('=HYPERLINK("http://evil","x")', "HYPERLINKhttpevilx"),
        ("-2+3|cmd!A1", "2+3cmdA1"),
        ("@SUM(1)", "SUM1"),
        ("+44-20.79460000", "+442079460000"),
        ("+1+1", "1+1"),
        ("-+A1-B2", "A1-B2"),
        ("+@+", ""),
        ("", ""),
    ],
)
def test_of_a_number_that_strangers_may_make_up_nothing_stays_that_a_table_would_compute(told: str, kept: str) -> None:
    assert kept_number(told) == kept


def test_a_call_that_lasted_was_answered() -> None:
    assert (call(duration_ms=1).answered, call(duration_ms=0).answered) == (True, False)
