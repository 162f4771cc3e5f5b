"""What was purged of the data this system keeps, over HTTP: the proofs."""

from __future__ import annotations

import datetime

from pydantic import BaseModel

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.retention import RetentionClass
from fleet.store.purge import KeptProof

router = PermittedRouter(tags=["data"])


class ProofOut(BaseModel):
    """`sha256`: over the names of the purged rows in their order, each with a line feed; `first`, `last` of them."""

    id: int
    data: RetentionClass
    rows_of: str
    purged_on: datetime.date
    count: int
    first: str
    last: str
    sha256: str
    recorded_at: datetime.datetime


def present_proof(kept: KeptProof) -> ProofOut:
    """A proof as the API shows it."""
    proof = kept.proof
    return ProofOut(
        id=kept.id,
        data=proof.data,
        rows_of=kept.rows_of,
        purged_on=proof.on,
        count=proof.count,
        first=proof.first,
        last=proof.last,
        sha256=proof.sha256,
        recorded_at=kept.recorded_at,
    )


@router.get("/v1/purge-proofs", permission=Permission.AUDIT_READ)
def list_proofs(
    page: PageDep, actor: ActorDep, services: ServicesDep, data: RetentionClass | None = None
) -> Page[ProofOut]:
    """What was purged, day by day, oldest first."""
    proofs = services.retention.proofs(actor, data, page.limit + 1, page.after_id)
    return make_page(proofs, page.limit, lambda kept: kept.id, present_proof)
