"""A maintenance window as instants over nights of every length, and what each change of a configuration keeps."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.configuration import Channel, Configuration, Window, parse_window
from fleet.domain.errors import InvalidError
from fleet.domain.line_allowance import LineLevel

NEW_YORK = ZoneInfo("America/New_York")
NIGHT, ACROSS = parse_window("02:00", "05:00"), parse_window("22:30", "04:00")
SET = Configuration("PT000000018", 4, Channel.BETA, NIGHT, LineLevel.FULL)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("window", "now", "begins", "ends"),
    [
        (NIGHT, "2025-06-10T01:59", "2025-06-10T02:00", "2025-06-10T05:00"),
        (NIGHT, "2025-06-10T04:59", "2025-06-10T02:00", "2025-06-10T05:00"),
        (NIGHT, "2025-06-10T05:00", "2025-06-11T02:00", "2025-06-11T05:00"),
        (ACROSS, "2025-06-10T12:00", "2025-06-10T22:30", "2025-06-11T04:00"),
        (ACROSS, "2025-06-11T03:59", "2025-06-10T22:30", "2025-06-11T04:00"),
        (ACROSS, "2025-06-11T04:00", "2025-06-11T22:30", "2025-06-12T04:00"),
        (ACROSS, "2025-12-31T23:00", "2025-12-31T22:30", "2026-01-01T04:00"),
    ],
)
def test_the_window_that_is_open_or_opens_next(window: Window, now: str, begins: str, ends: str) -> None:
    assert window.around(local(now), NEW_YORK) == (local(begins), local(ends))


@pytest.mark.parametrize(("night", "hours"), [("2025-03-08", 4.5), ("2025-11-01", 6.5), ("2025-06-10", 5.5)])
def test_a_window_across_the_change_of_clocks_is_an_hour_shorter_or_longer(night: str, hours: float) -> None:
    begins, ends = ACROSS.around(local(f"{night}T22:00"), NEW_YORK)
    assert (ends.astimezone(UTC) - begins.astimezone(UTC)).total_seconds() == hours * 3600


def test_equal_ends_mean_any_time() -> None:
    now = local("2025-06-10T12:00")
    assert parse_window("03:00", "03:00").around(now, NEW_YORK) == (now, now)


def test_times_of_day_are_read_to_the_minute() -> None:
    assert parse_window("00:00", "23:59") == Window(time(0), time(23, 59))


@pytest.mark.parametrize("text", ["24:00", "2:00", "02:60", "02.00", "", "02:00:00"])
def test_what_is_no_time_of_day_is_refused_with_the_value_seen(text: str) -> None:
    with pytest.raises(InvalidError, match=f"got '{text}'"):
        parse_window("02:00", text)


def test_every_change_is_a_version_and_touches_only_what_it_names() -> None:
    assert SET.changed(Channel.STABLE, None) == Configuration("PT000000018", 5, Channel.STABLE, None, LineLevel.FULL)
    assert SET.with_line(LineLevel.NONE) == Configuration("PT000000018", 5, Channel.BETA, NIGHT, LineLevel.NONE)
    assert SET.with_line(LineLevel.FULL) is SET


def test_a_replacement_takes_over_all_but_the_line_and_counts_on_from_its_own_version() -> None:
    new = Configuration("PT000000026", 9, line_level=LineLevel.EMERGENCY_ONLY)
    assert new.taking_over(SET) == Configuration("PT000000026", 10, Channel.BETA, NIGHT, LineLevel.EMERGENCY_ONLY)


def test_a_reset_leaves_nothing_an_account_chose() -> None:
    assert SET.reset() == Configuration("PT000000018", 5, Channel.STABLE, None, LineLevel.NONE)
