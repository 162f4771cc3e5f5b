"""Destinations over HTTP: which are metered and at what price, and which an account may not call."""

from __future__ import annotations

import datetime
from typing import Annotated

from fastapi import File, Query, UploadFile
from pydantic import BaseModel, Field

from fleet.api.fields import WhyIn
from fleet.api.pages import Page, PageDep, PageRequest, encode_cursor, make_page
from fleet.api.references import account_number
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.call_metering import MeteredDestination
from fleet.domain.destination_block import BlockedBy, DestinationBlock
from fleet.domain.errors import InvalidError
from fleet.domain.references import Noun, number_of, refer

router = PermittedRouter(tags=["calls"])

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_DESTINATION_CHARACTERS = 20


class MeteredDestinationOut(BaseModel):
    """Numbers under `prefix` cost `price` dollars a minute begun, from that day on; 0: not metered from then on."""

    prefix: str
    name: str
    price: str
    effective_from: datetime.date


class LoadOut(BaseModel):
    """`refused`: the first lines that are wrong; with any, or in a dry run, nothing was added."""

    new: int
    refused: list[str]


class BlockIn(WhyIn):
    """`destination`: the beginning of numbers, as +8821, or a country, as CU."""

    destination: str = Field(min_length=1, max_length=MAX_DESTINATION_CHARACTERS)


class BlockOut(BaseModel):
    """`lifted_at` null: in force."""

    id: str
    account: str
    destination: str
    by: BlockedBy
    why: str
    blocked_by: str
    blocked_at: datetime.datetime
    lifted_why: str
    lifted_by: str | None
    lifted_at: datetime.datetime | None
    version: int


def present_destination(row: MeteredDestination) -> MeteredDestinationOut:
    """A row of the table."""
    return MeteredDestinationOut(
        prefix=row.prefix, name=row.name, price=row.price.dollars, effective_from=row.effective_from
    )


def present_block(block: DestinationBlock) -> BlockOut:
    """A block as the API shows it."""
    return BlockOut(
        id=block.reference,
        account=refer(Noun.ACCOUNT, block.account_id),
        destination=block.destination.name,
        by=block.destination.by,
        why=block.why,
        blocked_by=block.blocked_by,
        blocked_at=block.blocked_at,
        lifted_why=block.lifted_why,
        lifted_by=block.lifted_by,
        lifted_at=block.lifted_at,
        version=block.version,
    )


def _key(row: MeteredDestination) -> str:
    return f"{row.prefix} {row.effective_from}"


def _place(page: PageRequest) -> tuple[str, datetime.date] | None:
    if page.after is None:
        return None
    prefix, _, day = page.after.partition(" ")
    try:
        return prefix, datetime.date.fromisoformat(day)
    except ValueError:
        raise InvalidError(f"this cursor belongs to another list: {encode_cursor(page.after)!r}") from None


@router.get("/v1/metered-destinations", permission=Permission.METERING_READ)
def list_destinations(
    page: PageDep, actor: ActorDep, services: ServicesDep, on: datetime.date | None = None
) -> Page[MeteredDestinationOut]:
    """The operator's table by prefix; `on`: without what takes effect after that day."""
    rows = services.metered_destinations.page(actor, page.limit + 1, _place(page), on)
    return make_page(rows, page.limit, _key, present_destination)


@router.post("/v1/metered-destination-imports", permission=Permission.METERING_MANAGE, max_body_size=MAX_FILE_BYTES)
def load(actor: ActorDep, services: ServicesDep, file: Annotated[UploadFile, File()], dry_run: bool = False) -> LoadOut:
    """Add rows: a CSV file with the columns prefix, name, price (dollars a minute) and effective_from."""
    loaded = services.metered_destinations.load(actor, file.file, dry_run)
    return LoadOut(new=loaded.new, refused=list(loaded.refused))


@router.get("/v1/destination-blocks", permission=Permission.DESTINATION_READ)
def list_blocks(
    page: PageDep,
    actor: ActorDep,
    services: ServicesDep,
    account: Annotated[str | None, Query(max_length=32)] = None,
    in_force: bool = True,
) -> Page[BlockOut]:
    """What the accounts in one's scope may not call; `in_force=false` has also what was lifted."""
    found = services.destination_blocks.page(actor, page.limit + 1, page.after_id, account_number(account), in_force)
    return make_page(found, page.limit, lambda block: block.id, present_block)


@router.get("/v1/destination-blocks/{destination_block}", permission=Permission.DESTINATION_READ)
def get_block(destination_block: str, actor: ActorDep, services: ServicesDep) -> BlockOut:
    """One block."""
    return present_block(services.destination_blocks.get(actor, number_of(Noun.DESTINATION_BLOCK, destination_block)))


@router.post("/v1/accounts/{account}/destination-blocks", permission=Permission.DESTINATION_BLOCK, status_code=201)
def block_destination(account: str, body: BlockIn, actor: ActorDep, services: ServicesDep) -> BlockOut:
    """Block a destination or a country for an account at once; emergency calls go through whatever is blocked."""
    number = number_of(Noun.ACCOUNT, account)
    return present_block(services.destination_blocks.block(actor, number, body.destination, body.reason))


@router.post("/v1/destination-blocks/{destination_block}/unblock", permission=Permission.DESTINATION_BLOCK)
def unblock_destination(destination_block: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> BlockOut:
    """End a block at once; If-Match takes its version."""
    number = number_of(Noun.DESTINATION_BLOCK, destination_block)
    return present_block(services.destination_blocks.unblock(actor, number, body.reason))
