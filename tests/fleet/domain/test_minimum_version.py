"""Who is out of support, and who refuses a mandatory security update, by cases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.minimum_version import (
    MinimumState,
    MinimumVersion,
    Requirement,
    Support,
    Tally,
    check_begin,
    support,
)

BEGINS, TOLD = date(2026, 6, 1), date(2026, 5, 1)
NOTICE_DAYS, REFUSAL_DAYS = 30, 7


@pytest.mark.parametrize(
    ("what", "security", "told_on", "counter", "days", "stands", "today", "found"),
    [
        ("enough", True, TOLD, 5, 9, True, BEGINS, Support.SUFFICIENT),
        ("newer", True, TOLD, 6, 9, True, BEGINS, Support.SUFFICIENT),
        ("the day before", True, TOLD, 4, 9, True, date(2026, 5, 31), Support.ENDS),
        ("the day", True, TOLD, 4, 7, True, BEGINS, Support.REFUSES),
        ("a day too few", True, TOLD, 4, 6, True, BEGINS, Support.ENDED),
        ("nothing was ever offered", True, TOLD, 4, 0, False, date(2027, 1, 1), Support.ENDED),
        ("the offer was taken back, or it tried and failed", True, TOLD, 4, 30, False, BEGINS, Support.ENDED),
        ("no security fix", False, TOLD, 4, 30, True, BEGINS, Support.ENDED),
        ("nobody was told", True, None, 4, 30, True, date(2027, 1, 1), Support.ENDS),
        ("told late", True, date(2026, 5, 20), 4, 30, True, date(2026, 6, 18), Support.ENDS),
        ("told late, and time is up", True, date(2026, 5, 20), 4, 30, True, date(2026, 6, 19), Support.REFUSES),
    ],
)
def test_how_a_unit_stands(
    what: str, security: bool, told_on: date | None, counter: int, days: int, stands: bool, today: date, found: Support
) -> None:
    requirement = Requirement(5, security, BEGINS, told_on, NOTICE_DAYS)
    assert support(requirement, counter, Tally(days), stands, today, REFUSAL_DAYS) is found, what


def test_a_day_counts_once_however_often_the_unit_is_heard() -> None:
    tally = Tally()
    for day in (1, 1, 2, 2, 1, 5):
        tally = tally.heard(date(2026, 6, day))
    assert tally == Tally(3, date(2026, 6, 5))


def test_a_minimum_leaves_time_to_tell() -> None:
    today = date(2026, 5, 1)
    check_begin(today + timedelta(30), today, 30)
    with pytest.raises(InvalidError, match="told 30 days before: 2026-05-31 is the earliest day, got 2026-05-30"):
        check_begin(today + timedelta(29), today, 30)


def test_people_know_a_minimum_by_its_reference() -> None:
    assert MinimumVersion(7, "3.0.0", None, BEGINS, MinimumState.PROPOSED, "PE-1", None, "", 1).reference == "MV-7"
