"""Rollouts over HTTP: create, approve, start, pause, resume, stop, and how each unit is doing."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import BaseModel, Field, JsonValue

from fleet.api.fields import InstantField
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.references import Noun, number_of
from fleet.domain.rollout import Rollout, RolloutEvent, RolloutState, UnitProgress, UnitState
from fleet.domain.rollout_course import Standing, due
from fleet.domain.rollout_plan import write_course
from fleet.domain.treatment import Mode, Treatment

router = PermittedRouter(tags=["rollouts"])

MAX_LISTED_UNITS = 10_000


class RolloutIn(BaseModel):
    """`plan`: the rollout by groups, as docs/rollout-plan.toml; what stops it stands there then.

    `mode`: soft if it is left out, and forced where it is `urgent`, which takes a release signed as a security fix.
    """

    release: str = Field(max_length=16)
    targets: Literal["all"] | list[str] = Field(max_length=MAX_LISTED_UNITS)
    pause_after_failures: int = Field(default=1, ge=1, le=1_000_000)
    draft: bool = False
    mode: Mode | None = None
    urgent: bool = False
    not_before: InstantField | None = None
    deadline: InstantField | None = None
    plan: dict[str, JsonValue] | None = None


class ReasonIn(BaseModel):
    reason: str = Field(default="", max_length=500)


ReasonBody = Annotated[ReasonIn, Body(default_factory=ReasonIn)]


class RolloutOut(BaseModel):
    """`counts` of the units that have a state; those of `expected` that have none yet did not check in."""

    id: str
    release: str
    beta: bool
    targets: Literal["all", "listed"]
    state: RolloutState
    reason: str
    pause_after_failures: int
    expected: int
    counts: dict[UnitState, int]
    author: str
    approver: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    mode: Mode
    urgent: bool
    not_before: datetime | None
    deadline: datetime | None
    version: int


class UnitOut(BaseModel):
    serial: str
    state: UnitState
    reason: str
    updated_at: datetime


class GroupOut(BaseModel):
    """A group of the plan; `opened_at` is null before its turn, `assigned` counts units since then.

    `minimum`: so many of its units have to settle; `soaks_until`: when it is judged, once they have.
    """

    name: str
    opened_at: datetime | None
    assigned: int
    confirmed: int
    failed: int
    minimum: int
    soaks_until: datetime | None


class RevisionOut(BaseModel):
    """What was seen of a hardware revision; `excess_percent` of the units with the release beyond those without."""

    name: str
    treated: int
    treated_failed: int
    held_back: int
    held_back_failed: int
    excess_percent: float


class DueOut(BaseModel):
    """When the state it is in is left at the latest, by which step, and why."""

    at: datetime
    event: RolloutEvent
    reason: str


class CourseOut(BaseModel):
    """How a rollout by groups goes."""

    plan: dict[str, Any]
    groups: list[GroupOut]
    revisions: list[RevisionOut]
    due: DueOut | None


class RolloutDetailOut(RolloutOut):
    """`course` is null for a rollout to all its units at once."""

    units: Page[UnitOut]
    course: CourseOut | None


class GroupForecastOut(BaseModel):
    """`units`: about how many it has; `enough_at`: its minimum has settled; `ends_at`: the next group opens."""

    name: str
    units: int
    opens_at: datetime
    enough_at: datetime
    ends_at: datetime
    waits_for_person: bool


class ForecastOut(BaseModel):
    """`ends_at` is null if the rollout will pause before its end, for `reason`, after the groups that are told."""

    groups: list[GroupForecastOut]
    ends_at: datetime | None
    reason: str


def present_rollout(rollout: Rollout) -> RolloutOut:
    """A rollout as the API shows it."""
    return RolloutOut(
        id=rollout.reference,
        release=rollout.release,
        beta=rollout.beta,
        targets="all" if rollout.everyone else "listed",
        state=rollout.state,
        reason=rollout.reason,
        pause_after_failures=rollout.pause_after_failures,
        expected=rollout.expected,
        counts=dict(rollout.counts),
        author=rollout.author,
        approver=rollout.approver,
        created_at=rollout.created_at,
        started_at=rollout.started_at,
        ended_at=rollout.ended_at,
        mode=rollout.treatment.mode,
        urgent=rollout.treatment.urgent,
        not_before=rollout.treatment.not_before,
        deadline=rollout.treatment.deadline,
        version=rollout.version,
    )


def present_unit(unit: UnitProgress) -> UnitOut:
    """A unit's part in a rollout as the API shows it."""
    return UnitOut(serial=unit.serial, state=unit.state, reason=unit.reason, updated_at=unit.updated_at)


def present_course(standing: Standing) -> CourseOut:
    """What a rollout by groups has come to, as the API shows it."""
    opened = [*standing.groups, *[None] * len(standing.course.plan.groups)]
    limit = due(standing)
    return CourseOut(
        plan=write_course(standing.course),
        groups=[
            GroupOut(
                name=group.name,
                opened_at=seen.opened_at if seen else None,
                assigned=seen.assigned if seen else 0,
                confirmed=seen.confirmed if seen else 0,
                failed=seen.failed if seen else 0,
                minimum=group.minimum,
                soaks_until=seen.ripe_at + group.soak if seen and seen.ripe_at else None,
            )
            for group, seen in zip(standing.course.plan.groups, opened, strict=False)
        ],
        revisions=[
            RevisionOut(
                name=name,
                treated=seen.treated.watched,
                treated_failed=seen.treated.failed,
                held_back=seen.held_back.watched,
                held_back_failed=seen.held_back.failed,
                excess_percent=round(seen.excess() * 100, 3),
            )
            for name, seen in sorted(standing.revisions.items())
        ],
        due=DueOut(at=limit.at, event=limit.event, reason=limit.reason) if limit else None,
    )


@router.post("/v1/rollouts", permission=Permission.ROLLOUT_MANAGE, status_code=201)
def create(body: RolloutIn, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """A rollout of a release to all units or to those listed; it waits for approval unless a draft."""
    serials = None if body.targets == "all" else body.targets
    treatment = Treatment.asked(body.mode, body.urgent, body.not_before, body.deadline)
    rollout = services.rollouts.create(
        actor, body.release, serials, body.pause_after_failures, body.draft, treatment, body.plan
    )
    return present_rollout(rollout)


@router.get("/v1/rollouts", permission=Permission.ROLLOUT_READ)
def list_rollouts(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[RolloutOut]:
    """Rollouts, newest first."""
    rollouts = services.rollouts.page(actor, page.limit + 1, page.after_id)
    return make_page(rollouts, page.limit, lambda rollout: rollout.id, present_rollout)


@router.get("/v1/rollouts/{rollout}", permission=Permission.ROLLOUT_READ)
def get_rollout(rollout: str, page: PageDep, actor: ActorDep, services: ServicesDep) -> RolloutDetailOut:
    """One rollout with a page of its units, by serial number."""
    number = number_of(Noun.ROLLOUT, rollout)
    rollout_found = services.rollouts.get(actor, number)
    course = present_course(services.rollouts.standing(actor, number)) if rollout_found.by_groups else None
    found = services.rollouts.units(actor, number, page.limit + 1, page.after)
    units = make_page(found, page.limit, lambda unit: unit.serial, present_unit)
    return RolloutDetailOut(**present_rollout(rollout_found).model_dump(), units=units, course=course)


@router.get("/v1/rollouts/{rollout}/forecast", permission=Permission.ROLLOUT_READ)
def get_forecast(rollout: str, actor: ActorDep, services: ServicesDep) -> ForecastOut:
    """When the groups of a rollout that has not ended will open and be over, from now on, if all goes well."""
    found = services.rollouts.forecast(actor, number_of(Noun.ROLLOUT, rollout))
    groups = [GroupForecastOut(**asdict(group)) for group in found.groups]
    return ForecastOut(groups=groups, ends_at=found.ends_at, reason=found.reason)


@router.post("/v1/rollouts/{rollout}/submit", permission=Permission.ROLLOUT_MANAGE)
def submit(rollout: str, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """Ask for approval of a draft."""
    return present_rollout(services.rollouts.submit(actor, number_of(Noun.ROLLOUT, rollout)))


@router.post("/v1/rollouts/{rollout}/approve", permission=Permission.ROLLOUT_APPROVE)
def approve(rollout: str, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """Let it be started; not by its author."""
    return present_rollout(services.rollouts.approve(actor, number_of(Noun.ROLLOUT, rollout)))


@router.post("/v1/rollouts/{rollout}/start", permission=Permission.ROLLOUT_MANAGE)
def start(rollout: str, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """Begin to assign; units learn of it as they check in."""
    return present_rollout(services.rollouts.start(actor, number_of(Noun.ROLLOUT, rollout)))


@router.post("/v1/rollouts/{rollout}/pause", permission=Permission.ROLLOUT_MANAGE)
def pause(rollout: str, body: ReasonBody, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """Assign no further unit; those under way go on."""
    number = number_of(Noun.ROLLOUT, rollout)
    return present_rollout(services.rollouts.pause(actor, number, body.reason))


@router.post("/v1/rollouts/{rollout}/resume", permission=Permission.ROLLOUT_MANAGE)
def resume(rollout: str, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """Go on; only new failures count toward the limit."""
    return present_rollout(services.rollouts.resume(actor, number_of(Noun.ROLLOUT, rollout)))


@router.post("/v1/rollouts/{rollout}/stop", permission=Permission.ROLLOUT_MANAGE)
def stop(rollout: str, body: ReasonBody, actor: ActorDep, services: ServicesDep) -> RolloutOut:
    """End it: units before their trial are recalled, those on trial finish it."""
    number = number_of(Noun.ROLLOUT, rollout)
    return present_rollout(services.rollouts.stop(actor, number, body.reason))


@router.delete("/v1/units/{serial}/failed-updates", permission=Permission.ROLLOUT_MANAGE, status_code=204)
def let_out(serial: str, actor: ActorDep, services: ServicesDep) -> None:
    """Forget a unit's failed updates, which keep rollouts from it for a while."""
    services.rollouts.let_out(actor, serial)
