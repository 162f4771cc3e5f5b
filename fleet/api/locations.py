"""Registered locations over HTTP: where 911 sends help, and that an Administrator knows what 911 does there."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import OnRecordIn
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.registered_location import MAX_ADDRESS_CHARACTERS, LocationState
from fleet.services.locations import KnownLocation, LocationSaid

router = PermittedRouter(tags=["locations"])


class LocationIn(OnRecordIn):
    """`disclosure_acknowledged`: the Administrator was told what 911 can and cannot do there."""

    address: str = Field(min_length=1, max_length=MAX_ADDRESS_CHARACTERS)
    disclosure_acknowledged: bool = False


class LocationOut(BaseModel):
    """`state` current: voice is not withheld for it. `network`: the one the unit is on now, empty if unknown."""

    state: LocationState
    address: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    registered_on: str | None
    network: str


def said(body: LocationIn) -> LocationSaid:
    """What the body says, as the services take it."""
    return LocationSaid(body.address, body.disclosure_acknowledged, body.administrator)


def _present(known: KnownLocation) -> LocationOut:
    location = known.location
    return LocationOut(
        state=known.state,
        address=None if location is None else location.address,
        acknowledged_at=None if location is None else location.acknowledged_at,
        acknowledged_by=None if location is None else location.acknowledged_by or None,
        registered_on=None if location is None else location.network,
        network=known.network,
    )


@router.get("/v1/units/{serial}/location", permission=Permission.LOCATION_READ)
def get_location(serial: str, actor: ActorDep, services: ServicesDep) -> LocationOut:
    """Where the unit's line is registered; the read is kept."""
    return _present(services.locations.of_unit(actor, serial))


@router.put("/v1/units/{serial}/location", permission=Permission.LOCATION_MANAGE)
def register(serial: str, body: LocationIn, actor: ActorDep, services: ServicesDep) -> LocationOut:
    """Say where the unit is."""
    return _present(services.locations.register(actor, serial, said(body)))


@router.post("/v1/units/{serial}/confirm-location", permission=Permission.LOCATION_MANAGE)
def confirm(serial: str, body: OnRecordIn, actor: ActorDep, services: ServicesDep) -> LocationOut:
    """The address still holds on the network the unit is on now; it was told what 911 does there."""
    return _present(services.locations.confirm(actor, serial, body.administrator))
