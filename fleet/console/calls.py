"""A unit's calls: how they sounded in words and day by day, and each of them. Every look is kept."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from fleet.console.templates import render
from fleet.console.visit import Visit
from fleet.domain.call_quality import percent_text, verdict_of
from fleet.services.call_table import parse_place, place_text
from fleet.services.calls import CallsWanted

PAGE_ROWS: Final = 50
PERIODS_DAYS: Final = (7, 30, 90)
DEFAULT_DAYS: Final = 30


def show_calls(visit: Visit) -> Response:
    """The calls of a unit at the account it is at now, and their quality."""
    serial, services = visit.request.path_params["serial"], visit.services
    asked, days = visit.query("days"), DEFAULT_DAYS
    if asked is not None and asked in map(str, PERIODS_DAYS):
        days = int(asked)
    after = visit.query("after")
    place = None if after is None else parse_place(after)
    quality = services.calls.quality(visit.person, serial, days)
    rows = services.calls.page_of_unit(visit.person, serial, CallsWanted(), PAGE_ROWS + 1, place)
    following = None
    if len(rows) > PAGE_ROWS:
        rows = rows[:PAGE_ROWS]
        following = "?" + urlencode({"days": days, "after": place_text(rows[-1])})
    verdict, words = verdict_of(quality.together)
    return render(
        visit,
        "calls.html",
        unit=services.units.get(visit.person, serial).unit,
        rows=rows,
        following=following,
        quality=quality,
        verdict=verdict,
        words=words,
        days=days,
        periods=PERIODS_DAYS,
        percent=percent_text,
        judge=verdict_of,
        mos=_mos,
        lasted=_lasted,
    )


def _mos(tenths: int) -> str:
    """4.2, or a dash where nothing was measured."""
    return f"{tenths // 10}.{tenths % 10}" if tenths else "–"  # noqa: RUF001 - a dash, as in the other tables


def _lasted(ms: int) -> str:
    """1:05 or 1:02:05; half a second counts as one."""
    minutes, seconds = divmod((ms + 500) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
