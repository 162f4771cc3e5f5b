"""Call records over HTTP: an account's calls, a unit's, what they come to, and how they sounded. Every read is kept."""

from __future__ import annotations

import datetime
from typing import Annotated, Final

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fleet.api.charges import CSV
from fleet.api.fields import SerialField
from fleet.api.pages import Page, PageDep, PageRequest, make_page
from fleet.api.references import account_number
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.call_metering import MINUTE_MS, MeteredCalls, MinutePrice
from fleet.domain.call_quality import Quality, verdict_of
from fleet.domain.call_record import CallCodec, CallDirection, CallEnd, StartTakenFrom
from fleet.domain.references import Noun, number_of
from fleet.services.call_table import call_facts, parse_place, place_text
from fleet.services.calls import MAX_QUALITY_DAYS, MAX_USAGE_MONTHS, CallsWanted, MonthOfUse
from fleet.store.call_records import Call, Place

router = PermittedRouter(tags=["calls"])

DEFAULT_USAGE_MONTHS: Final = 12
DEFAULT_QUALITY_DAYS: Final = 30


class CallOut(BaseModel):
    """`start_taken_from`: unit, or age or receipt where the unit's clock was wrong or unset.

    `duration_ms` 0: never answered. `mos_tenths` 0: nothing was measured. `metered_by`: the prefix of the table;
    `charge`: the key of the charge event the call went into.
    """

    id: str
    account: str | None
    unit: str
    line: str | None
    started_at: datetime.datetime
    start_taken_from: StartTakenFrom
    received_at: datetime.datetime
    direction: CallDirection
    number: str
    emergency: bool
    setup_ms: int
    duration_ms: int
    ended_by: CallEnd
    status: int | None
    codec: CallCodec
    secured: bool
    metered_by: str | None
    metered_minutes: int
    charge: str | None
    packets_sent: int
    packets_received: int
    packets_lost: int
    packets_discarded: int
    burst_loss_permille: int
    jitter_ms: int
    jitter_max_ms: int
    buffer_ms: int
    round_trip_ms: int
    r_factor: int
    mos_tenths: int


class MeteredOut(BaseModel):
    """Calls of one destination; `price` in dollars a minute, `cost` in dollars, before it is rounded to be charged."""

    prefix: str
    name: str
    price: str
    effective_from: datetime.date
    calls: int
    minutes: int
    cost: str


class UsageOut(BaseModel):
    """An account's answered calls of a month, without emergency calls; `metered_minutes`: full minutes begun."""

    month: str
    calls: int
    outgoing_minutes: float
    incoming_minutes: float
    metered_minutes: int
    metered: list[MeteredOut]


class UsagesOut(BaseModel):
    items: list[UsageOut]


class QualityOut(BaseModel):
    """`measured`: of how many calls the figures are means. `loss_percent`: lost, or too late to be heard."""

    calls: int
    answered: int
    measured: int
    mos_mean: float | None
    mos_worst: float | None
    loss_percent: float
    jitter_ms: int
    jitter_max_ms: int
    round_trip_ms: int
    words: str


class DayQualityOut(QualityOut):
    day: datetime.date


class UnitQualityOut(QualityOut):
    """All days together; `days`: those with a call, the latest first."""

    unit: str
    since: datetime.date
    days: list[DayQualityOut]


class Wanted(BaseModel):
    """The filters of the query string; `since` and `until` are the first and the last day at the operator's."""

    since: datetime.date | None = None
    until: datetime.date | None = None
    direction: CallDirection | None = None


def wanted_calls(
    since: datetime.date | None = None, until: datetime.date | None = None, direction: CallDirection | None = None
) -> Wanted:
    """The filters that all lists of calls take."""
    return Wanted(since=since, until=until, direction=direction)


WantedDep = Annotated[Wanted, Depends(wanted_calls)]
AccountQuery = Annotated[str | None, Query(max_length=32)]


def present_call(call: Call) -> CallOut:
    """A call as the API shows it."""
    return CallOut.model_validate(call_facts(call))


def present_usage(usage: MonthOfUse) -> UsageOut:
    """A month of an account's calls."""
    totals = usage.totals
    return UsageOut(
        month=f"{usage.month:%Y-%m}",
        calls=totals.calls,
        outgoing_minutes=minutes_of(totals.outgoing_ms),
        incoming_minutes=minutes_of(totals.incoming_ms),
        metered_minutes=sum(each.minutes for each in usage.metered),
        metered=[_present_metered(each) for each in usage.metered],
    )


def present_quality(quality: Quality) -> QualityOut:
    """Figures, and what they mean in words."""
    return QualityOut(
        calls=quality.calls,
        answered=quality.answered,
        measured=quality.measured,
        mos_mean=quality.mos_mean_tenths / 10 or None,
        mos_worst=quality.mos_worst_tenths / 10 or None,
        loss_percent=quality.loss_permille / 10,
        jitter_ms=quality.jitter_ms,
        jitter_max_ms=quality.jitter_max_ms,
        round_trip_ms=quality.round_trip_ms,
        words=verdict_of(quality)[1],
    )


def _present_metered(metered: MeteredCalls) -> MeteredOut:
    row = metered.destination
    return MeteredOut(
        prefix=row.prefix,
        name=row.name,
        price=row.price.dollars,
        effective_from=row.effective_from,
        calls=metered.calls,
        minutes=metered.minutes,
        cost=MinutePrice(metered.cost_hundredths).dollars,
    )


def minutes_of(ms: int) -> float:
    """A time as people add it up, to the hundredth of a minute."""
    return round(ms / MINUTE_MS, 2)


def _place(page: PageRequest) -> Place | None:
    return None if page.after is None else parse_place(page.after)


@router.get("/v1/calls", permission=Permission.CALL_READ)
def list_calls(
    page: PageDep,
    wanted: WantedDep,
    actor: ActorDep,
    services: ServicesDep,
    account: AccountQuery = None,
    unit: SerialField | None = None,
) -> Page[CallOut]:
    """The calls of an account, the latest first. Whoever acts for the operator names the account."""
    asked = CallsWanted(account_number(account), unit, wanted.since, wanted.until, wanted.direction)
    return make_page(
        services.calls.page(actor, asked, page.limit + 1, _place(page)), page.limit, place_text, present_call
    )


@router.get("/v1/calls/{call}", permission=Permission.CALL_READ)
def get_call(call: str, actor: ActorDep, services: ServicesDep) -> CallOut:
    """One call."""
    return present_call(services.calls.get(actor, number_of(Noun.CALL, call)))


@router.get(
    "/v1/call-export",
    permission=Permission.CALL_READ,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "A line a call."}},
)
def export_calls(
    wanted: WantedDep,
    actor: ActorDep,
    services: ServicesDep,
    account: AccountQuery = None,
    unit: SerialField | None = None,
) -> StreamingResponse:
    """The calls of an account as CSV, the latest first."""
    asked = CallsWanted(account_number(account), unit, wanted.since, wanted.until, wanted.direction)
    headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    return StreamingResponse(services.calls.export(actor, asked), media_type=CSV, headers=headers)


@router.get("/v1/accounts/{account}/call-usage", permission=Permission.CALL_READ)
def get_usage(
    account: str,
    actor: ActorDep,
    services: ServicesDep,
    months: Annotated[int, Query(ge=1, le=MAX_USAGE_MONTHS)] = DEFAULT_USAGE_MONTHS,
) -> UsagesOut:
    """What an account's calls come to by month, the latest first; of months that have any, the metered ones too."""
    found = services.calls.usage(actor, number_of(Noun.ACCOUNT, account), months)
    return UsagesOut(items=[present_usage(each) for each in found])


@router.get("/v1/units/{serial}/calls", permission=Permission.CALL_READ)
def list_calls_of_unit(
    serial: str, page: PageDep, wanted: WantedDep, actor: ActorDep, services: ServicesDep
) -> Page[CallOut]:
    """The calls of a unit at the account it is at now, the latest first."""
    asked = CallsWanted(since=wanted.since, until=wanted.until, direction=wanted.direction)
    found = services.calls.page_of_unit(actor, serial, asked, page.limit + 1, _place(page))
    return make_page(found, page.limit, place_text, present_call)


@router.get("/v1/units/{serial}/call-quality", permission=Permission.CALL_READ)
def get_quality(
    serial: str,
    actor: ActorDep,
    services: ServicesDep,
    days: Annotated[int, Query(ge=1, le=MAX_QUALITY_DAYS)] = DEFAULT_QUALITY_DAYS,
) -> UnitQualityOut:
    """How the unit's calls sounded, day by day and in words."""
    found = services.calls.quality(actor, serial, days)
    by_day = [DayQualityOut(**present_quality(each.quality).model_dump(), day=each.day) for each in found.days]
    together = present_quality(found.together).model_dump()
    return UnitQualityOut(**together, unit=serial, since=found.since, days=by_day)
