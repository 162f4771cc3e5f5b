"""MAC blocks over HTTP: load and list."""

from __future__ import annotations

from pydantic import BaseModel, Field

from fleet.api.fields import MacField, parse_mac
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.mac_block import MacBlock, Registry
from fleet.domain.references import Noun, refer

router = PermittedRouter(tags=["mac blocks"])


class MacBlockIn(BaseModel):
    """Either `prefix_bits` or `last`."""

    first: MacField
    prefix_bits: int | None = Field(default=None, ge=1, le=48)
    last: MacField | None = None
    registry: Registry
    note: str = Field(default="", max_length=200)


class MacBlockOut(BaseModel):
    id: str
    registry: Registry
    first: str
    last: str
    size: int
    taken: int
    note: str


def present_block(block: MacBlock) -> MacBlockOut:
    """A block as the API shows it."""
    return MacBlockOut(
        id=refer(Noun.MAC_BLOCK, block.id),
        registry=block.registry,
        first=str(block.first),
        last=str(block.last),
        size=block.size,
        taken=block.taken,
        note=block.note,
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
    """The blocks, and how much of each is taken."""
    blocks = services.mac_blocks.page(actor, page.limit + 1, page.after_id)
    return make_page(blocks, page.limit, lambda block: block.id, present_block)
