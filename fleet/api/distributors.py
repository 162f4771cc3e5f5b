"""The register of Authorized Distributors over HTTP; none of them can sign in."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.account import MAX_NAME_CHARACTERS
from fleet.domain.distributor import Distributor, DistributorState
from fleet.domain.references import Noun, number_of

router = PermittedRouter(tags=["orders"])


class DistributorIn(BaseModel):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)


class DistributorOut(BaseModel):
    id: str
    name: str
    state: DistributorState
    registered_at: datetime
    ended_at: datetime | None


def present_distributor(distributor: Distributor) -> DistributorOut:
    """A distributor as the API shows it."""
    return DistributorOut(
        id=distributor.reference,
        name=distributor.name,
        state=distributor.state,
        registered_at=distributor.registered_at,
        ended_at=distributor.ended_at,
    )


@router.post("/v1/distributors", permission=Permission.ORDER_MANAGE, status_code=201)
def register(body: DistributorIn, actor: ActorDep, services: ServicesDep) -> DistributorOut:
    """Register a distributor: it may sell, and pass a cancellation on."""
    return present_distributor(services.distributors.register(actor, body.name))


@router.get("/v1/distributors", permission=Permission.ORDER_MANAGE)
def list_distributors(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[DistributorOut]:
    """All that ever were authorized."""
    found = services.distributors.page(actor, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda distributor: distributor.id, present_distributor)


@router.post("/v1/distributors/{distributor}/end", permission=Permission.ORDER_MANAGE)
def end(distributor: str, actor: ActorDep, services: ServicesDep) -> DistributorOut:
    """End an authorization; what was sold and passed on stands."""
    return present_distributor(services.distributors.end(actor, number_of(Noun.DISTRIBUTOR, distributor)))
