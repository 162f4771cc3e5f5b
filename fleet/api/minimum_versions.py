"""Minimum versions over HTTP: propose, approve, list, withdraw."""

from __future__ import annotations

import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.minimum_version import MinimumState, MinimumVersion
from fleet.domain.references import Noun, number_of

router = PermittedRouter(tags=["rollouts"])


class MinimumVersionIn(BaseModel):
    """`board` null: every board the release has an image for. `begins_on`: by the operator's clock."""

    release: str = Field(max_length=16)
    board: str | None = Field(default=None, max_length=16)
    begins_on: datetime.date


class MinimumVersionOut(BaseModel):
    """`reason`: why it was withdrawn."""

    id: str
    release: str
    board: str | None
    begins_on: datetime.date
    state: MinimumState
    author: str
    approver: str | None
    reason: str
    version: int


def present_minimum(minimum: MinimumVersion) -> MinimumVersionOut:
    """A minimum version as the API shows it."""
    return MinimumVersionOut(
        id=minimum.reference,
        release=minimum.release,
        board=minimum.board,
        begins_on=minimum.begins_on,
        state=minimum.state,
        author=minimum.author,
        approver=minimum.approver,
        reason=minimum.reason,
        version=minimum.version,
    )


@router.get("/v1/minimum-versions", permission=Permission.ROLLOUT_READ)
def list_minima(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[MinimumVersionOut]:
    """Minimum versions, newest first."""
    found = services.minimum_versions.page(actor, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda minimum: minimum.id, present_minimum)


@router.post("/v1/minimum-versions", permission=Permission.ROLLOUT_MANAGE, status_code=201)
def propose(body: MinimumVersionIn, actor: ActorDep, services: ServicesDep) -> MinimumVersionOut:
    """From a day on units have to run a release or a newer one; somebody else has to approve it."""
    return present_minimum(services.minimum_versions.propose(actor, body.release, body.board, body.begins_on))


@router.post("/v1/minimum-versions/{minimum}/approve", permission=Permission.ROLLOUT_APPROVE)
def approve(minimum: str, actor: ActorDep, services: ServicesDep) -> MinimumVersionOut:
    """Let it be told to accounts and held to; not by its author."""
    return present_minimum(services.minimum_versions.approve(actor, number_of(Noun.MINIMUM_VERSION, minimum)))


@router.post("/v1/minimum-versions/{minimum}/withdraw", permission=Permission.ROLLOUT_MANAGE)
def withdraw(minimum: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> MinimumVersionOut:
    """It asks nothing any more; voice that was withheld over it comes back within a quarter of an hour."""
    number = number_of(Noun.MINIMUM_VERSION, minimum)
    return present_minimum(services.minimum_versions.withdraw(actor, number, body.reason))
