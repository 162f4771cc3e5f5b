"""How the calls of a unit sounded, a day and in words a person understands (equipment rules 7).

What a person heard is judged by MOS where it was measured, and by each impairment on its own: the worse counts, and is
named. Figures are of the media the unit received. The bounds: R 80 and 70 are MOS 4.0 and 3.6 (ITU-T G.107 annex B),
150 ms one way (G.114) is 300 there and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Final

from fleet.domain.call_record import CallRecord, Figures
from fleet.domain.local_dates import local_date

PERMILLE: Final = 1000
GOOD_MOS_TENTHS: Final = 40
FAIR_MOS_TENTHS: Final = 36


class Verdict(StrEnum):
    """The worse, the later."""

    UNKNOWN = "unknown"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


_SEVERITY: Final = {verdict: number for number, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Quality:
    """What several calls come to. Means are over the calls that were measured, weighed alike; 0: none was."""

    calls: int = 0
    answered: int = 0
    measured: int = 0
    mos_mean_tenths: int = 0
    mos_worst_tenths: int = 0
    loss_permille: int = 0  # of all packets: lost, or too late to be heard
    jitter_ms: int = 0
    jitter_max_ms: int = 0
    round_trip_ms: int = 0


@dataclass(frozen=True, slots=True)
class DayQuality:
    """A local day at the operator's."""

    day: date
    quality: Quality


@dataclass(frozen=True, slots=True)
class _Impairment:
    """What people hear: from `fair` on it is named, from `poor` on the connection is."""

    measure: Callable[[Quality], int]
    fair: int
    poor: int
    words: Callable[[int], str]


_IMPAIRMENTS: Final = (
    _Impairment(lambda q: q.loss_permille, 10, 30, lambda permille: f"{percent_text(permille)} of packets lost"),
    _Impairment(lambda q: q.jitter_ms, 30, 60, lambda ms: f"packets come unevenly, by {ms} ms"),
    _Impairment(lambda q: q.round_trip_ms, 300, 600, lambda ms: f"{ms} ms there and back"),
)


def quality_of(records: Iterable[CallRecord]) -> Quality:
    """What `records` come to."""
    found = list(records)
    heard = [record.figures for record in found if record.answered and record.figures.packets_received]
    scores = [figures.mos_tenths for figures in heard if figures.mos_tenths]
    trips = [figures.round_trip_ms for figures in heard if figures.round_trip_ms]
    return Quality(
        calls=len(found),
        answered=sum(record.answered for record in found),
        measured=len(heard),
        mos_mean_tenths=_mean(scores),
        mos_worst_tenths=min(scores, default=0),
        loss_permille=_loss_permille(heard),
        jitter_ms=_mean([figures.jitter_ms for figures in heard]),
        jitter_max_ms=max((figures.jitter_max_ms for figures in heard), default=0),
        round_trip_ms=_mean(trips),
    )


def quality_by_day(calls: Iterable[tuple[datetime, CallRecord]], zone: tzinfo) -> list[DayQuality]:
    """The quality of each local day that has a call, the latest first; `calls` with the start of each."""
    days: dict[date, list[CallRecord]] = {}
    for started_at, record in calls:
        days.setdefault(local_date(started_at, zone), []).append(record)
    return [DayQuality(day, quality_of(days[day])) for day in sorted(days, reverse=True)]


def verdict_of(quality: Quality) -> tuple[Verdict, str]:
    """The verdict, and a sentence with what is to blame for it: `poor: 4 % of packets lost`."""
    if not quality.measured:
        return Verdict.UNKNOWN, "unknown: no call was measured"
    verdict, causes = _by_score(quality.mos_mean_tenths), []
    for impairment in _IMPAIRMENTS:
        value = impairment.measure(quality)
        if value >= impairment.fair:
            causes.append(impairment.words(value))
            grade = Verdict.POOR if value >= impairment.poor else Verdict.FAIR
            verdict = max(verdict, grade, key=_SEVERITY.__getitem__)
    return verdict, f"{verdict}: {', '.join(causes)}" if causes else str(verdict)


def percent_text(permille: int) -> str:
    """As people write it: 4 %, 0.4 %."""
    whole, tenths = divmod(permille, 10)
    return f"{whole}.{tenths} %" if tenths else f"{whole} %"


def _by_score(mos_tenths: int) -> Verdict:
    if not mos_tenths or mos_tenths >= GOOD_MOS_TENTHS:
        return Verdict.GOOD
    return Verdict.FAIR if mos_tenths >= FAIR_MOS_TENTHS else Verdict.POOR


def _loss_permille(heard: Iterable[Figures]) -> int:
    figures = list(heard)
    expected = sum(each.packets_received + each.packets_lost for each in figures)
    missed = sum(each.packets_lost + each.packets_discarded for each in figures)
    return _rounded(PERMILLE * missed, expected) if expected else 0


def _mean(values: list[int]) -> int:
    return _rounded(sum(values), len(values)) if values else 0


def _rounded(part: int, whole: int) -> int:
    """`part` / `whole`, half up."""
    return (2 * part + whole) // (2 * whole)
