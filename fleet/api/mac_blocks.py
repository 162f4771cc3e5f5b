"""MAC blocks over HTTP: load, list, how much is left, and what became of an address."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import MacField, parse_mac
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.errors import NotFoundError
from fleet.domain.mac_address import AddressEvent, AddressHistory, AddressState
from fleet.domain.mac_block import BlockCount, Registry
from fleet.domain.references import Noun, number_of, refer

router = PermittedRouter(tags=["mac blocks"])


class MacBlockIn(BaseModel):
    """Either `prefix_bits` or `last`."""

    first: MacField
    prefix_bits: int | None = Field(default=None, ge=1, le=48)
    last: MacField | None = None
    registry: Registry
    note: str = Field(default="", max_length=200)


class MacBlockOut(BaseModel):
    """`taken` are all that are not free; the other counts are of addresses in that state."""

    id: str
    registry: Registry
    first: str
    last: str
    size: int
    taken: int
    free: int
    leased: int
    reserved: int
    given: int
    retired: int
    written_off: int
    note: str


class SupplyOut(BaseModel):
    """`days_left`: at the rate of the last month, null where nothing was taken. `expired_leases`: to be settled."""

    free: int
    size: int
    taken_lately: int
    days_left: int | None
    low: bool
    expired_leases: list[str]


class AddressStepOut(BaseModel):
    at: datetime
    event: AddressEvent
    actor: str
    unit: str
    lease: str | None
    why: str


class AddressOut(BaseModel):
    """`unit`: the serial number it belongs to, or was leased with; `position` 0 is a unit's base MAC."""

    mac: str
    block: str | None
    state: AddressState
    unit: str | None
    position: int | None
    lease: str | None
    history: list[AddressStepOut]


def present_block(found: BlockCount) -> MacBlockOut:
    """A block as the API shows it."""
    block = found.block
    return MacBlockOut(
        id=refer(Noun.MAC_BLOCK, block.id),
        registry=block.registry,
        first=str(block.first),
        last=str(block.last),
        size=block.size,
        taken=found.taken,
        note=block.note,
        **{str(state): count for state, count in found.counts.items()},
    )


def present_address(found: AddressHistory) -> AddressOut:
    """An address and its history as the API shows them."""
    record = found.record
    return AddressOut(
        mac=str(found.mac),
        block=None if found.block_id is None else refer(Noun.MAC_BLOCK, found.block_id),
        state=found.state,
        unit=None if record is None else record.serial,
        position=None if record is None else record.position,
        lease=None if record is None else _lease(record.lease_id),
        history=[
            AddressStepOut(
                at=step.at,
                event=step.event,
                actor=step.actor,
                unit=step.serial,
                lease=_lease(step.lease_id),
                why=step.why,
            )
            for step in found.steps
        ],
    )


@router.post("/v1/mac-blocks", permission=Permission.MAC_MANAGE, status_code=201)
def add_block(body: MacBlockIn, actor: ActorDep, services: ServicesDep) -> MacBlockOut:
    """Load a block the operator owns; it may not overlap another."""
    last = None if body.last is None else parse_mac(body.last)
    first = parse_mac(body.first)
    block = services.mac_blocks.add(
        actor, body.registry, first, prefix_bits=body.prefix_bits, last=last, note=body.note
    )
    return present_block(block)


@router.get("/v1/mac-blocks", permission=Permission.MAC_MANAGE)
def list_blocks(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[MacBlockOut]:
    """The blocks, and how many addresses of each are in which state."""
    blocks = services.mac_blocks.page(actor, page.limit + 1, page.after_id)
    return make_page(blocks, page.limit, lambda found: found.block.id, present_block)


@router.get("/v1/mac-blocks/{block}", permission=Permission.MAC_MANAGE)
def get_block(block: str, actor: ActorDep, services: ServicesDep) -> MacBlockOut:
    """One block."""
    return present_block(services.mac_blocks.get(actor, number_of(Noun.MAC_BLOCK, block)))


@router.get("/v1/mac-supply", permission=Permission.MAC_MANAGE)
def get_supply(actor: ActorDep, services: ServicesDep) -> SupplyOut:
    """How many addresses are left and for how long."""
    supply, expired = services.mac_blocks.supply(actor)
    return SupplyOut(
        free=supply.free,
        size=supply.size,
        taken_lately=supply.taken_lately,
        days_left=supply.days_left,
        low=supply.is_low,
        expired_leases=[lease.reference for lease in expired],
    )


@router.get("/v1/mac-addresses/{mac}", permission=Permission.MAC_MANAGE)
def get_address(mac: str, actor: ActorDep, services: ServicesDep) -> AddressOut:
    """What became of one address, ever."""
    try:
        address = parse_mac(mac)
    except ValueError as error:
        raise NotFoundError(str(error)) from None
    return present_address(services.mac_blocks.history(actor, address))


def _lease(lease_id: int | None) -> str | None:
    return None if lease_id is None else refer(Noun.MAC_LEASE, lease_id)
