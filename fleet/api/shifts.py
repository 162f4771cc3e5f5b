"""A shift at a station: an operator signs in by their badge, which goes with the station's acts from then on."""

from __future__ import annotations

from pydantic import BaseModel

from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission

router = PermittedRouter(tags=["provisioning"])


class ShiftOut(BaseModel):
    """`station` is what its token is called; `actor` and `operator` are what the audit keeps of their acts."""

    station: str
    actor: str
    operator: str


@router.post("/v1/shifts", permission=Permission.UNIT_PROVISION, status_code=201)
def begin_shift(actor: ActorDep, services: ServicesDep) -> ShiftOut:
    """Begin to work: the badge is in the header Plugtone-Operator."""
    shift = services.access.begin_shift(actor)
    return ShiftOut(station=shift.station, actor=shift.actor, operator=shift.operator)
