"""What the carrier says of parcels to accounts, over HTTP: a parcel is named by its unit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from fleet.api.fields import InstantField
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.placement import Placement
from fleet.domain.references import Noun, refer

router = PermittedRouter(tags=["orders"])


class ProofIn(BaseModel):
    """`at` also says which of the unit's parcels is meant: the one that had left last by then."""

    at: InstantField


class FailureIn(ProofIn):
    outcome: Literal["lost", "refused", "returned"]


class ShipmentOut(BaseModel):
    unit: str
    account: str
    order: str
    shipped_at: datetime


def present_shipment(stay: Placement) -> ShipmentOut:
    """A parcel as the API shows it."""
    opened = stay.opened
    account, order = refer(Noun.ACCOUNT, opened.account_id), refer(Noun.ORDER, opened.order_id)
    return ShipmentOut(unit=opened.serial, account=account, order=order, shipped_at=opened.shipped_at)


@router.post("/v1/shipments/{serial}/deliver", permission=Permission.SHIPMENT_MANAGE)
def deliver(serial: str, body: ProofIn, actor: ActorDep, services: ServicesDep) -> ShipmentOut:
    """Record the carrier's proof of delivery, whenever it turns up."""
    return present_shipment(services.shipments.deliver(actor, serial, body.at))


@router.post("/v1/shipments/{serial}/lose", permission=Permission.SHIPMENT_MANAGE)
def lose(serial: str, body: FailureIn, actor: ActorDep, services: ServicesDep) -> ShipmentOut:
    """Record that the carrier reports the parcel lost, refused or returned; another unit may be sent."""
    return present_shipment(services.shipments.lose(actor, serial, body.outcome, body.at))
