"""How calls sounded, a day and in words (ER 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.call_quality import Quality, Verdict, percent_text, quality_by_day, quality_of, verdict_of
from fleet.domain.call_record import CallRecord
from tests.fleet.domain.calls import call

NEW_YORK = ZoneInfo("America/New_York")


def words(*calls: CallRecord) -> str:
    return verdict_of(quality_of(calls))[1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "good"),
        ({"mos_tenths": 40}, "good"),
        ({"mos_tenths": 39}, "fair"),
        ({"mos_tenths": 36}, "fair"),
        ({"mos_tenths": 35}, "poor"),
        ({"packets_received": 960, "packets_lost": 40}, "poor: 4 % of packets lost"),
        ({"packets_received": 1000, "packets_discarded": 12}, "fair: 1.2 % of packets lost"),
        ({"packets_received": 991, "packets_lost": 9}, "good"),
        ({"jitter_ms": 30}, "fair: packets come unevenly, by 30 ms"),
        ({"jitter_ms": 60, "round_trip_ms": 300}, "poor: packets come unevenly, by 60 ms, 300 ms there and back"),
        ({"round_trip_ms": 600, "mos_tenths": 0}, "poor: 600 ms there and back"),
        ({"mos_tenths": 0}, "good"),  # not known: the figures count
        ({"mos_tenths": 30, "round_trip_ms": 300}, "poor: 300 ms there and back"),  # the worse counts
    ],
)
def test_the_worst_counts_and_what_is_to_blame_is_named(changed: dict, said: str) -> None:
    assert words(call(**changed)) == said


def test_without_a_call_that_was_heard_nothing_is_known() -> None:
    assert words() == "unknown: no call was measured"
    assert words(call(duration_ms=0), call(packets_received=0)) == "unknown: no call was measured"
    assert verdict_of(Quality()) == (Verdict.UNKNOWN, "unknown: no call was measured")
    assert quality_of([call(packets_received=0, packets_lost=0)]).loss_permille == 0


def test_calls_are_taken_together() -> None:
    calls = [
        call(mos_tenths=44, packets_received=3000, jitter_ms=4, jitter_max_ms=9, round_trip_ms=40),
        call(mos_tenths=31, packets_received=900, packets_lost=80, packets_discarded=20, jitter_ms=21, jitter_max_ms=70,
             round_trip_ms=0),
        call(mos_tenths=0, packets_received=20, jitter_ms=0, jitter_max_ms=0, round_trip_ms=81),
        call(duration_ms=0),
    ]  # fmt: skip
    assert quality_of(calls) == Quality(
        calls=4,
        answered=3,
        measured=3,
        mos_mean_tenths=38,  # 37.5, half up, of the two that were measured
        mos_worst_tenths=31,
        loss_permille=25,
        jitter_ms=8,
        jitter_max_ms=70,
        round_trip_ms=61,
    )


def test_days_are_the_operators_the_latest_first() -> None:
    calls = [
        (datetime(2026, 3, 8, 4, 59, tzinfo=UTC), call(mos_tenths=30)),  # 23:59 on the seventh
        (datetime(2026, 3, 8, 5, 0, tzinfo=UTC), call(mos_tenths=44)),
        (datetime(2026, 3, 9, 3, 59, tzinfo=UTC), call(mos_tenths=42)),  # summer time since two hours past midnight
    ]
    days = quality_by_day(calls, NEW_YORK)
    assert [(each.day, each.quality.calls, each.quality.mos_mean_tenths) for each in days] == [
        (date(2026, 3, 8), 2, 43),
        (date(2026, 3, 7), 1, 30),
    ]


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500), st.integers(1, 45)), min_size=1, max_size=8))
def test_means_lie_within_what_was_measured_and_order_does_not_matter(rows: list[tuple[int, int, int]]) -> None:
    calls = [call(packets_received=got, packets_lost=lost, mos_tenths=mos) for got, lost, mos in rows]
    found = quality_of(calls)
    scores = [mos for _, _, mos in rows]
    assert min(scores) == found.mos_worst_tenths <= found.mos_mean_tenths <= max(scores)
    assert 0 <= found.loss_permille <= 1000
    assert quality_of(calls[::-1]) == found


@pytest.mark.parametrize(("permille", "text"), [(40, "4 %"), (4, "0.4 %"), (0, "0 %"), (125, "12.5 %")])
def test_a_share_is_written_as_people_do(permille: int, text: str) -> None:
    assert percent_text(permille) == text
