"""Networks over HTTP: the operator's table of prefixes, and the countries whose units get no service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import File, UploadFile
from pydantic import BaseModel

from fleet.api.fields import WhyIn
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission

router = PermittedRouter(tags=["networks"])

MAX_FILE_BYTES = 64 * 1024 * 1024


class LoadOut(BaseModel):
    """`refused`: the first lines that are wrong; with any, or in a dry run, the table is as it was."""

    prefixes: int
    refused: list[str]


class ExportBlockOut(BaseModel):
    country: str
    why: str
    actor: str
    at: datetime


class ExportBlocksOut(BaseModel):
    items: list[ExportBlockOut]


@router.post("/v1/network-imports", permission=Permission.NETWORK_MANAGE, max_body_size=MAX_FILE_BYTES)
def load(actor: ActorDep, services: ServicesDep, file: Annotated[UploadFile, File()], dry_run: bool = False) -> LoadOut:
    """Replace the table: a CSV file with the columns prefix, country and network."""
    loaded = services.networks.load(actor, file.file, dry_run)
    return LoadOut(prefixes=loaded.prefixes, refused=list(loaded.refused))


@router.get("/v1/export-blocks", permission=Permission.NETWORK_MANAGE)
def list_blocks(actor: ActorDep, services: ServicesDep) -> ExportBlocksOut:
    """The countries on the export block list, which is short."""
    found = services.networks.blocks(actor)
    items = [ExportBlockOut(country=each.country, why=each.why, actor=each.actor, at=each.at) for each in found]
    return ExportBlocksOut(items=items)


@router.put("/v1/export-blocks/{country}", permission=Permission.NETWORK_MANAGE, status_code=204)
def block(country: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> None:
    """Take service from units in that country."""
    services.networks.block(actor, country, body.reason)


@router.delete("/v1/export-blocks/{country}", permission=Permission.NETWORK_MANAGE, status_code=204)
def unblock(country: str, actor: ActorDep, services: ServicesDep) -> None:
    """Give service to units in that country again."""
    services.networks.unblock(actor, country)
