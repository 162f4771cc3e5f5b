"""The outbox over HTTP: what waits, what failed, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.delivery import DeliveryState, OutboxEntry

router = PermittedRouter(tags=["outbox"])


class OutboxEntryOut(BaseModel):
    """The message itself is not shown; it may hold addresses."""

    id: int
    kind: str
    key: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    last_error: str | None


def present_entry(entry: OutboxEntry) -> OutboxEntryOut:
    """A message as the API shows it."""
    return OutboxEntryOut(
        id=entry.id,
        kind=entry.kind,
        key=entry.key,
        state=entry.state,
        attempts=entry.attempts,
        created_at=entry.created_at,
        due_at=entry.due_at,
        last_error=entry.last_error,
    )


@router.get("/v1/outbox", permission=Permission.OUTBOX_MANAGE)
def list_outbox(
    page: PageDep, actor: ActorDep, services: ServicesDep, state: DeliveryState | None = None
) -> Page[OutboxEntryOut]:
    """Messages of the outbox, by state."""
    entries = services.outbox.list(actor, state, page.limit + 1, page.after_id)
    return make_page(entries, page.limit, lambda entry: entry.id, present_entry)


@router.post("/v1/outbox/{entry}/redeliver", permission=Permission.OUTBOX_MANAGE, status_code=202)
def redeliver(entry: Annotated[int, Path(ge=1, le=2**53)], actor: ActorDep, services: ServicesDep) -> Response:
    """Send a message again, whatever came of it."""
    services.outbox.redeliver(actor, entry)
    return Response(status_code=202)
