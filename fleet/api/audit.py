"""The audit log over HTTP, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.audit import AuditEntry

router = PermittedRouter(tags=["audit"])


class AuditOut(BaseModel):
    """`fields` names what changed, never the values; `operator`: who worked at the station that did it."""

    id: int
    at: datetime
    actor_kind: str
    actor: str
    operator: str
    action: str
    subject: str
    fields: list[str]


def present_entry(entry: AuditEntry) -> AuditOut:
    """An entry as the API shows it."""
    return AuditOut(
        id=entry.id,
        at=entry.at,
        actor_kind=entry.actor_kind,
        actor=entry.actor,
        operator=entry.operator,
        action=entry.action,
        subject=entry.subject,
        fields=list(entry.fields),
    )


@router.get("/v1/audit", permission=Permission.AUDIT_READ)
def list_audit(
    page: PageDep,
    actor: ActorDep,
    services: ServicesDep,
    subject: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[AuditOut]:
    """What was done, by whom, to what."""
    entries = services.audit.page(actor, page.limit + 1, page.after_id, subject)
    return make_page(entries, page.limit, lambda entry: entry.id, present_entry)
