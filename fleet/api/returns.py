"""The way back of a unit over HTTP: the carrier's scan or report of a loss, the inspection, the end of the RMA."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import InstantField, WhyField, WhyIn
from fleet.api.rmas import RmaOut, present_rma
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.inspection import MAX_NOTE_CHARACTERS, Inspection, InspectionCode
from fleet.domain.references import Noun, number_of
from fleet.domain.rma import Condition
from fleet.services.returns import MAX_PHOTO_CHARACTERS

router = PermittedRouter(tags=["rmas"])


class ScanIn(BaseModel):
    at: InstantField


class LossReportIn(ScanIn):
    reason: WhyField


class InspectionIn(BaseModel):
    """A photo's reference, a note, or both."""

    code: InspectionCode
    photo: str = Field(default="", max_length=MAX_PHOTO_CHARACTERS)
    note: str = Field(default="", max_length=MAX_NOTE_CHARACTERS)


class InspectionOut(InspectionIn):
    """`caused_outside`: whether the account or another party caused what is wrong with it."""

    condition: Condition
    caused_outside: bool
    inspected_at: datetime
    inspected_by: str


@router.post("/v1/rmas/{rma}/hand-in", permission=Permission.SHIPMENT_MANAGE)
def hand_in(rma: str, body: ScanIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Record that the carrier accepted the unit, whenever that becomes known."""
    return present_rma(services.returns.hand_in(actor, number_of(Noun.RMA, rma), body.at))


@router.post("/v1/rmas/{rma}/report-loss", permission=Permission.SHIPMENT_MANAGE)
def report_loss(rma: str, body: LossReportIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Record that the carrier lost the unit on its way back."""
    return present_rma(services.returns.report_loss(actor, number_of(Noun.RMA, rma), body.at, body.reason))


@router.post("/v1/rmas/{rma}/hold", permission=Permission.RETURN_RECEIVE)
def hold(rma: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Set the received unit aside until it can be inspected."""
    return present_rma(services.returns.hold(actor, number_of(Noun.RMA, rma), body.reason))


@router.post("/v1/rmas/{rma}/inspect", permission=Permission.RETURN_RECEIVE)
def inspect(rma: str, body: InspectionIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Record what the inspection of the received unit found."""
    found = Inspection(body.code, body.photo, body.note)
    return present_rma(services.returns.inspect(actor, number_of(Noun.RMA, rma), found))


@router.get("/v1/rmas/{rma}/inspection", permission=Permission.RMA_READ)
def get_inspection(rma: str, actor: ActorDep, services: ServicesDep) -> InspectionOut:
    """What the inspection found."""
    kept = services.returns.inspection(actor, number_of(Noun.RMA, rma))
    found = kept.inspection
    return InspectionOut(
        code=found.code,
        photo=found.photo,
        note=found.note,
        condition=found.condition,
        caused_outside=found.caused_outside,
        inspected_at=kept.at,
        inspected_by=kept.by,
    )


@router.post("/v1/rmas/{rma}/close", permission=Permission.RMA_MANAGE)
def close(rma: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Close it: nothing more is expected."""
    return present_rma(services.returns.close(actor, number_of(Noun.RMA, rma), body.reason))
