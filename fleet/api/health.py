"""Whether the service answers from its database, and what the API is, for programs."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import BaseModel

from fleet.api.routing import PUBLIC, PermittedRouter, ServicesDep

router = PermittedRouter(tags=["service"])


class HealthOut(BaseModel):
    """`set_up` is whether somebody can sign in as admin."""

    status: str
    set_up: bool


@router.get("/healthz", permission=PUBLIC)
async def health(services: ServicesDep) -> HealthOut:
    """200 while the database answers."""
    return HealthOut(status="ok", set_up=services.people.has_admin())


@router.get("/v1/openapi.json", permission=PUBLIC, response_model=None)
async def openapi(request: Request) -> dict[str, Any]:
    """This API as an OpenAPI document; each operation's `x-permission` says what it demands."""
    document: dict[str, Any] = request.app.openapi()
    return document
