"""Clone alarms over HTTP: which identities are quarantined as copies, on what evidence, and what was found."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from fleet.api.fields import WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.clone_alarm import CloneEvidence, Resolution
from fleet.domain.references import Noun, number_of
from fleet.store.clone_alarms import KeptAlarm

router = PermittedRouter(tags=["units"])


class ResolutionIn(WhyIn):
    """What somebody of the operator found, and why."""

    resolution: Resolution


class StartOut(BaseModel):
    """A start of the unit and when it was seen; each start draws a boot id of its own."""

    boot_id: int
    first_at: datetime
    last_at: datetime


class CloneAlarmOut(BaseModel):
    """`unit` is quarantined; `claimed` is the other unit involved, to be looked at. `resolution` null: open."""

    id: str
    unit: str
    claimed: str | None
    evidence: CloneEvidence
    rule: str
    reason: str
    mac: str
    boot_id: int
    raised_at: datetime
    starts: list[StartOut]
    resolution: Resolution | None
    resolved_at: datetime | None
    resolved_by: str | None
    why: str


def present_alarm(kept: KeptAlarm) -> CloneAlarmOut:
    """An alarm as the API shows it."""
    alarm, seen = kept.alarm, kept.seen
    return CloneAlarmOut(
        id=kept.reference,
        unit=alarm.quarantined,
        claimed=alarm.claimed or None,
        evidence=alarm.evidence,
        rule=alarm.reason.rule,
        reason=alarm.reason.text,
        mac=str(seen.mac),
        boot_id=seen.boot_id,
        raised_at=seen.at,
        starts=[StartOut(boot_id=s.boot_id, first_at=s.first_at, last_at=s.last_at) for s in kept.sightings],
        resolution=kept.resolution,
        resolved_at=kept.resolved_at,
        resolved_by=kept.resolved_by,
        why=kept.why,
    )


@router.get("/v1/clone-alarms", permission=Permission.CLONE_ALARM_RESOLVE)
def list_alarms(page: PageDep, actor: ActorDep, services: ServicesDep, open_only: bool = False) -> Page[CloneAlarmOut]:
    """The alarms, oldest first; `open_only` leaves out those that are resolved."""
    alarms = services.clone_alarms.page(actor, page.limit + 1, page.after_id, open_only)
    return make_page(alarms, page.limit, lambda kept: kept.id, present_alarm)


@router.get("/v1/clone-alarms/{alarm}", permission=Permission.CLONE_ALARM_RESOLVE)
def get_alarm(alarm: str, actor: ActorDep, services: ServicesDep) -> CloneAlarmOut:
    """One alarm."""
    return present_alarm(services.clone_alarms.get(actor, number_of(Noun.CLONE_ALARM, alarm)))


@router.post("/v1/clone-alarms/{alarm}/resolve", permission=Permission.CLONE_ALARM_RESOLVE)
def resolve(alarm: str, body: ResolutionIn, actor: ActorDep, services: ServicesDep) -> CloneAlarmOut:
    """End the quarantine as was found: a false alarm, a new epoch for a unit in our hands, or revoked."""
    number = number_of(Noun.CLONE_ALARM, alarm)
    return present_alarm(services.clone_alarms.resolve(actor, number, body.resolution, body.reason))
