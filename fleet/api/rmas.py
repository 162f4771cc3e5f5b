"""RMAs over HTTP: each step of a track is a route of its own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from fleet.api.fields import InstantField, ParcelIn, SerialField, WhyField, WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.reason import MAX_WHY_CHARACTERS
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.rma import Condition, Decision, Replacement, ReplacementMode, Return, Rma, RmaKind, RmaStep
from fleet.services.shipping import Parcel

router = PermittedRouter(tags=["rmas"])


class RmaIn(BaseModel):
    unit: SerialField
    kind: RmaKind
    mode: ReplacementMode = ReplacementMode.ADVANCE
    reason: WhyField


class ApprovalIn(BaseModel):
    reason: str = Field(default="", max_length=MAX_WHY_CHARACTERS)


class ReservationIn(BaseModel):
    """Without a serial number the first unit of the same board in stock is taken."""

    serial: SerialField | None = None


class DeliveryIn(BaseModel):
    delivered_at: InstantField


class LossIn(BaseModel):
    outcome: Literal["lost", "refused", "returned"]


class ReceiptIn(BaseModel):
    """`received_at`: when it came, if that is noted later; now if not given."""

    serial: SerialField
    condition: Condition
    received_at: InstantField | None = None


class RmaOut(BaseModel):
    """`due_on`: the last day the unit may be handed to the carrier; set by the approval."""

    id: str
    account: str
    unit: str
    kind: RmaKind
    mode: ReplacementMode
    reason: str
    opened_at: datetime
    decision: Decision
    replacement: Replacement
    returning: Return = Field(serialization_alias="return")
    replacement_unit: str | None
    approved_at: datetime | None
    due_on: date | None
    condition: Condition | None
    version: int


class StepOut(BaseModel):
    track: str
    event: str
    state: str
    at: datetime
    actor: str
    why: str


class RmaDetailOut(RmaOut):
    steps: list[StepOut]


def present_rma(rma: Rma) -> RmaOut:
    """An RMA as the API shows it."""
    return RmaOut(
        id=refer(Noun.RMA, rma.id),
        account=refer(Noun.ACCOUNT, rma.account_id),
        unit=rma.serial,
        kind=rma.kind,
        mode=rma.mode,
        reason=rma.reason,
        opened_at=rma.opened_at,
        decision=rma.decision,
        replacement=rma.replacement,
        returning=rma.returning,
        replacement_unit=rma.replacement_serial,
        approved_at=rma.approved_at,
        due_on=rma.due_on,
        condition=rma.condition,
        version=rma.version,
    )


def present_step(step: RmaStep) -> StepOut:
    """One step: who, when and why."""
    return StepOut(track=step.track, event=step.event, state=step.state, at=step.at, actor=step.actor, why=step.why)


@router.post("/v1/rmas", permission=Permission.RMA_MANAGE, status_code=201)
def open_rma(body: RmaIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Ask for a return of a unit that is at an account."""
    return present_rma(services.rmas.open(actor, body.unit, body.kind, body.mode, body.reason))


@router.get("/v1/rmas", permission=Permission.RMA_READ)
def list_rmas(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[RmaOut]:
    """The RMAs in one's scope."""
    rmas = services.rmas.page(actor, page.limit + 1, page.after_id)
    return make_page(rmas, page.limit, lambda rma: rma.id, present_rma)


@router.get("/v1/rmas/{rma}", permission=Permission.RMA_READ)
def get_rma(rma: str, actor: ActorDep, services: ServicesDep) -> RmaDetailOut:
    """One RMA and the steps of its tracks, oldest first."""
    found, steps = services.rmas.get(actor, number_of(Noun.RMA, rma))
    return RmaDetailOut(**present_rma(found).model_dump(), steps=[present_step(step) for step in steps])


@router.post("/v1/rmas/{rma}/approve", permission=Permission.RMA_MANAGE)
def approve(rma: str, actor: ActorDep, services: ServicesDep, body: ApprovalIn | None = None) -> RmaOut:
    """Grant it: the deadline of the return counts from now."""
    why = "" if body is None else body.reason
    return present_rma(services.rmas.approve(actor, number_of(Noun.RMA, rma), why))


@router.post("/v1/rmas/{rma}/deny", permission=Permission.RMA_MANAGE)
def deny(rma: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Refuse it."""
    return present_rma(services.rmas.deny(actor, number_of(Noun.RMA, rma), body.reason))


@router.post("/v1/rmas/{rma}/cancel", permission=Permission.RMA_MANAGE)
def cancel(rma: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Withdraw it before anything was sent."""
    return present_rma(services.rmas.cancel(actor, number_of(Noun.RMA, rma), body.reason))


@router.post("/v1/rmas/{rma}/reserve", permission=Permission.RMA_MANAGE)
def reserve(rma: str, actor: ActorDep, services: ServicesDep, body: ReservationIn | None = None) -> RmaOut:
    """Set a replacement aside."""
    serial = None if body is None else body.serial
    return present_rma(services.rmas.reserve(actor, number_of(Noun.RMA, rma), serial))


@router.post("/v1/rmas/{rma}/release", permission=Permission.RMA_MANAGE)
def release(rma: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Put what was set aside back to stock."""
    return present_rma(services.rmas.release(actor, number_of(Noun.RMA, rma), body.reason))


@router.post("/v1/rmas/{rma}/ship", permission=Permission.SHIPMENT_MANAGE)
def ship(rma: str, body: ParcelIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Send the replacement; its first registration swaps it in."""
    parcel = Parcel(body.carrier, body.tracking)
    return present_rma(services.rmas.ship(actor, number_of(Noun.RMA, rma), parcel))


@router.post("/v1/rmas/{rma}/deliver", permission=Permission.SHIPMENT_MANAGE)
def deliver(rma: str, body: DeliveryIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Record the carrier's proof of delivery, whenever it turns up."""
    return present_rma(services.rmas.deliver(actor, number_of(Noun.RMA, rma), body.delivered_at))


@router.post("/v1/rmas/{rma}/lose", permission=Permission.SHIPMENT_MANAGE)
def lose(rma: str, body: LossIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Record that the carrier reports the replacement lost, refused or returned."""
    return present_rma(services.rmas.lose(actor, number_of(Noun.RMA, rma), body.outcome))


@router.post("/v1/rmas/{rma}/receive", permission=Permission.RETURN_RECEIVE)
def receive(rma: str, body: ReceiptIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """Take the returned unit in."""
    number = number_of(Noun.RMA, rma)
    return present_rma(services.rmas.receive(actor, number, body.serial, body.condition, body.received_at))
