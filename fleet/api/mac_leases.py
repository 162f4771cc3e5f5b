"""Leases over HTTP: a station takes slots along, reports what it used, settles; each request may be repeated."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from fleet.api.fields import InstantField, MacField, SerialField, WhyIn, parse_mac
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.lease import MAX_LEASE_DAYS, MAX_LEASE_UNITS, MAX_USES_PER_REPORT, Lease, LeaseState, Outcome, Use
from fleet.domain.references import Noun, number_of
from fleet.domain.unit import check_board_uid
from fleet.services.mac_leases import LeaseDetail

router = PermittedRouter(tags=["mac leases"])


class LeaseIn(BaseModel):
    """`request`: the station's own name for this lease, chosen before it asks; asked again it gets the same lease."""

    request: str = Field(pattern=r"^[A-Za-z0-9_.-]{8,64}$")
    station: str = Field(min_length=1, max_length=64)
    board: str = Field(pattern=r"^[a-z0-9_-]{1,16}$")
    units: int = Field(ge=1, le=MAX_LEASE_UNITS)
    days: int = Field(ge=1, le=MAX_LEASE_DAYS)


class LeaseOut(BaseModel):
    id: str
    station: str
    holder: str
    board: str
    macs_per_unit: int
    units: int
    taken_at: datetime
    expires_at: datetime
    state: LeaseState
    version: int
    ended_at: datetime | None
    why: str


class SlotOut(BaseModel):
    """`mac` is the base MAC; the unit's further ones follow it."""

    serial: str
    mac: str


class LeaseDetailOut(LeaseOut):
    """`slots`: those that were not given back, of which `used` are units."""

    used: int
    slots: list[SlotOut]


class UseIn(BaseModel):
    serial: SerialField
    mac: MacField
    board_uid: str = Field(max_length=16)
    hardware_revision: int = Field(ge=0, le=255)
    used_at: InstantField


class UsesIn(BaseModel):
    uses: list[UseIn] = Field(min_length=1, max_length=MAX_USES_PER_REPORT)


class UseOut(BaseModel):
    serial: str
    outcome: Outcome
    reason: str


class SettlementIn(BaseModel):
    """`used`: how many slots the station used in all, by its own journal; `refused`: those whose use was refused."""

    used: int = Field(ge=0, le=MAX_LEASE_UNITS)
    refused: list[SerialField] = Field(default_factory=list, max_length=MAX_LEASE_UNITS)


def present_lease(lease: Lease) -> LeaseOut:
    """A lease as lists show it."""
    return LeaseOut(
        id=lease.reference,
        station=lease.station,
        holder=lease.holder,
        board=lease.board,
        macs_per_unit=lease.macs_per_unit,
        units=lease.units,
        taken_at=lease.taken_at,
        expires_at=lease.expires_at,
        state=lease.state,
        version=lease.version,
        ended_at=lease.ended_at,
        why=lease.why,
    )


def present_detail(detail: LeaseDetail) -> LeaseDetailOut:
    """A lease with its slots, under its version."""
    slots = [SlotOut(serial=slot.serial, mac=str(slot.mac)) for slot in detail.slots]
    return LeaseDetailOut(**present_lease(detail.lease).model_dump(), used=detail.used, slots=slots)


@router.post("/v1/mac-leases", permission=Permission.UNIT_PROVISION, status_code=201)
def take(body: LeaseIn, actor: ActorDep, services: ServicesDep) -> LeaseDetailOut:
    """Take serial numbers and addresses along, to work without network for some days."""
    period = timedelta(days=body.days)
    detail = services.mac_leases.take(actor, body.request, body.station, body.board, body.units, period)
    return present_detail(detail)


@router.get("/v1/mac-leases", permission=Permission.UNIT_PROVISION)
def list_leases(
    page: PageDep,
    actor: ActorDep,
    services: ServicesDep,
    state: LeaseState | None = None,
    expired: Annotated[bool, Query()] = False,
) -> Page[LeaseOut]:
    """One's own leases, or all for who manages the inventory; `expired`: those that should have been settled."""
    leases = services.mac_leases.page(actor, page.limit + 1, page.after_id, state, expired)
    return make_page(leases, page.limit, lambda lease: lease.id, present_lease)


@router.get("/v1/mac-leases/{lease}", permission=Permission.UNIT_PROVISION)
def get_lease(lease: str, actor: ActorDep, services: ServicesDep) -> LeaseDetailOut:
    """One lease with its slots."""
    return present_detail(services.mac_leases.get(actor, number_of(Noun.MAC_LEASE, lease)))


@router.post("/v1/mac-leases/{lease}/uses", permission=Permission.UNIT_PROVISION)
def report_uses(lease: str, body: UsesIn, actor: ActorDep, services: ServicesDep) -> list[UseOut]:
    """What slots were used for, in parts and any order; each line is accepted, unchanged (known) or refused."""
    uses = [
        Use(use.serial, parse_mac(use.mac), check_board_uid(use.board_uid), use.hardware_revision, use.used_at)
        for use in body.uses
    ]
    reports = services.mac_leases.report(actor, number_of(Noun.MAC_LEASE, lease), uses)
    return [UseOut(serial=each.serial, outcome=each.outcome, reason=each.reason) for each in reports]


@router.post("/v1/mac-leases/{lease}/settle", permission=Permission.UNIT_PROVISION)
def settle(lease: str, body: SettlementIn, actor: ActorDep, services: ServicesDep) -> LeaseDetailOut:
    """Give back what was not used, once every use is reported; what was refused is given to nobody again."""
    number = number_of(Noun.MAC_LEASE, lease)
    return present_detail(services.mac_leases.settle(actor, number, body.used, body.refused))


@router.post("/v1/mac-leases/{lease}/write-off", permission=Permission.MAC_MANAGE)
def write_off(lease: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> LeaseDetailOut:
    """Give up on a lost station: what it did not report is given to nobody, unless it reports after all."""
    number = number_of(Noun.MAC_LEASE, lease)
    return present_detail(services.mac_leases.write_off(actor, number, body.reason))
