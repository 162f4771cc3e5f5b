"""A unit that keeps failing waits longer each time and not for ever; a group opens on a ramp; slots are bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_gate import (
    FIRST_PENALTY,
    FORGOTTEN_AFTER,
    JITTER,
    LONGEST_PENALTY,
    Asking,
    FailureRecord,
    Hindered,
    Hindrance,
    Opening,
    Pace,
    after_failure,
    slot,
    turn,
)
from fleet.domain.rollout_groups import Group, point_of

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNITS = [f"PT{number:09}" for number in range(2_000)]


def asking(serial: str = "PT1", **known: Any) -> Asking:
    return Asking(**{"serial": serial, "registered_at": None, "record": None, "opening": None} | known)


@pytest.mark.parametrize(("failures", "days"), [(1, 0), (2, 1), (3, 2), (4, 4), (5, 7), (6, 7), (1_000_000, 7)])
def test_a_penalty_doubles_with_each_failure_up_to_its_longest(failures: int, days: int) -> None:
    record = FailureRecord(failures, NOW)
    assert record.free_at == NOW + days * DAY
    hindered = turn(asking(record=record), "RO-1", None, NOW)
    assert hindered == (Hindered(Hindrance.PENALTY_BOX, record.free_at) if days else None)
    assert turn(asking(record=record), "RO-1", None, record.free_at) is None


def test_an_urgent_rollout_waits_for_the_first_penalty_only() -> None:
    assert turn(asking(record=FailureRecord(1, NOW)), "RO-1", None, NOW, urgent=True) is None
    record = FailureRecord(6, NOW)
    hindered = turn(asking(record=record), "RO-1", None, NOW, urgent=True)
    assert hindered == Hindered(Hindrance.PENALTY_BOX, NOW + FIRST_PENALTY)
    assert turn(asking(record=record), "RO-1", None, NOW + FIRST_PENALTY, urgent=True) is None


@pytest.mark.parametrize(
    ("before", "later", "failures"),
    [
        (None, timedelta(0), 1),
        (1, FORGOTTEN_AFTER - timedelta(seconds=1), 2),
        (1, FORGOTTEN_AFTER, 1),
        (2, FIRST_PENALTY + FORGOTTEN_AFTER - timedelta(seconds=1), 3),
        (2, FIRST_PENALTY + FORGOTTEN_AFTER, 1),
    ],
)
def test_a_failure_is_forgotten_in_time(before: int | None, later: timedelta, failures: int) -> None:
    record = None if before is None else FailureRecord(before, NOW)
    assert after_failure(record, NOW + later) == FailureRecord(failures, NOW + later)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=20)), min_size=1, max_size=40))
def test_nobody_is_kept_longer_than_the_longest_penalty(gaps: list[timedelta]) -> None:
    record, now = None, NOW
    for gap in gaps:
        now += gap
        record = after_failure(record, now)
        assert now <= record.free_at <= now + LONGEST_PENALTY


def moments(pace: Pace, **known: Any) -> list[datetime]:
    found = [turn(asking(serial, **known), "RO-1", pace, NOW - timedelta(seconds=1)) for serial in UNITS]
    assert {hindered.by for hindered in found if hindered} == {Hindrance.PACE}
    return sorted(hindered.until for hindered in found if hindered and hindered.until)


def test_a_group_opens_on_a_ramp_at_its_pace() -> None:
    pace = Pace(units_per_hour=1_000)
    at = moments(pace, opening=Opening(NOW, len(UNITS)))
    assert at[0] >= NOW
    assert at[-1] <= NOW + 2 * HOUR
    for hours in (0.5, 1, 1.5):
        assert abs(sum(moment < NOW + hours * HOUR for moment in at) - hours * 1_000) < 100
    assert max(later - earlier for earlier, later in pairwise(at)) < timedelta(minutes=2)


def test_who_asks_twice_hears_the_same_and_at_that_time_may() -> None:
    pace, unit = Pace(units_per_hour=10), asking(opening=Opening(NOW, 1_000))
    first = turn(unit, "RO-1", pace, NOW)
    assert first is not None
    assert first.until is not None
    assert turn(unit, "RO-1", pace, first.until - timedelta(microseconds=1)) == first
    assert turn(unit, "RO-1", pace, first.until) is None
    assert turn(unit, "RO-2", pace, NOW) != first


def test_the_place_in_the_ramp_has_nothing_to_do_with_the_place_in_the_rollout() -> None:
    pace, opening = Pace(units_per_hour=1_000), Opening(NOW, len(UNITS))
    canaries = [serial for serial in UNITS if point_of(serial, "RO-1") < 0.1]
    found = [turn(asking(serial, opening=opening), "RO-1", pace, NOW) for serial in canaries]
    late = sum(
        hindered is not None and hindered.until is not None and hindered.until > NOW + HOUR for hindered in found
    )
    assert 0.35 < late / len(canaries) < 0.65


def test_units_that_started_together_do_not_load_together() -> None:
    at = moments(Pace(download_slots=5), registered_at=NOW, opening=Opening(NOW - 9 * DAY))
    assert at[-1] < NOW + JITTER
    seconds = [int((moment - NOW).total_seconds()) for moment in at]
    assert max(seconds.count(second) for second in set(seconds)) < 15  # of 2,000


def test_without_a_pace_nobody_waits() -> None:
    assert turn(asking(registered_at=NOW, opening=Opening(NOW, 10_000)), "RO-1", None, NOW) is None
    assert turn(asking(), "RO-1", Pace(units_per_hour=1), NOW) is None
    assert slot(None, 10_000) is None
    assert slot(Pace(units_per_hour=1), 10_000) is None


@pytest.mark.parametrize(("taken", "full"), [(0, False), (4, False), (5, True), (6, True)])
def test_slots_are_bounded(taken: int, full: bool) -> None:
    assert slot(Pace(download_slots=5), taken) == (Hindered(Hindrance.NO_SLOT, None) if full else None)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, "pace limits nothing: give units_per_hour"),
        ({"units_per_hour": 0}, "units_per_hour is 0, allowed is 1 to 10000000"),
        ({"download_slots": 1_000_001}, "download_slots is 1000001, allowed is 1 to 1000000"),
        ({"download_slots": 1, "slot": timedelta(0)}, "slot_minutes is 0, allowed is more than 0, at most 1440"),
        ({"download_slots": 1, "slot": 2 * DAY}, "slot_minutes is 2880, "),
    ],
)
def test_what_no_pace_can_be_is_refused(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        Pace(**limits)


def test_a_group_that_cannot_have_its_minimum_in_time_is_refused() -> None:
    group = Group("wide", minimum=1_000, deadline=10 * HOUR)
    Pace(units_per_hour=101).check(group)
    Pace(download_slots=1).check(group)
    said = "group 'wide' wants 1000 units within 10 h, and at 100 an hour 1000 have begun; raise units_per_hour"
    with pytest.raises(InvalidError, match=said):
        Pace(units_per_hour=100).check(group)
