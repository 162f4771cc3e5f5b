"""Why a unit runs what it runs, over HTTP."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.update_advice import Who
from fleet.domain.update_cause import Cause
from fleet.domain.update_explanation import UpdateState

router = PermittedRouter(tags=["units"])


class ExplanationOut(BaseModel):
    """`cause`: what keeps the unit from where it is wanted; null: nothing, and there is no `remedy` for `who` to do.

    `reason` is the unit's own, a name of the wire's UPDATE_REASONS; `since` of the state and `until`, when the cause
    ends by itself, are null if not known.
    """

    serial: str
    state: UpdateState
    cause: Cause | None
    reason: str | None
    sentence: str
    remedy: str | None
    who: Who | None
    since: datetime | None
    until: datetime | None
    offline_since: datetime | None


@router.get("/v1/units/{serial}/update", permission=Permission.UNIT_READ)
def explain(serial: str, actor: ActorDep, services: ServicesDep) -> ExplanationOut:
    """Where the unit stands with its updates, and why, in one sentence and as data."""
    found = services.update_explanations.explain(actor, serial)
    return ExplanationOut(
        serial=serial,
        state=found.state,
        cause=found.cause,
        reason=found.reason,
        sentence=found.sentence,
        remedy=found.remedy,
        who=found.who,
        since=found.since,
        until=found.until,
        offline_since=found.offline_since,
    )
