"""Returned units on their way to stock over HTTP: triage, repair, wipe with its proof, grade or scrap."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import SerialField, WhyField, WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.returns import InspectionIn
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.references import Noun, refer
from fleet.domain.refurbishing import Grade, Refurbishing, Round, WipeProof
from fleet.domain.unit import Custody, check_board_uid
from fleet.services.refurbishings import RoundDetail

router = PermittedRouter(tags=["refurbishing"])

MAX_FLASH_BYTES = 1 << 30


class WipeIn(BaseModel):
    """What the chip's own loader said after the whole flash was erased: its id, the bytes it has, their SHA-256."""

    board_uid: str = Field(max_length=16)
    erased_bytes: int = Field(ge=1, le=MAX_FLASH_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class GradeIn(BaseModel):
    grade: Grade
    reason: WhyField


class RoundOut(BaseModel):
    """A unit's `round`th way through refurbishing. `code`: what the inspection found; `rma` null: it came by none."""

    unit: SerialField
    round: int
    state: Refurbishing
    code: InspectionCode
    rma: str | None
    grade: Grade | None
    opened_at: datetime


class RoundStepOut(BaseModel):
    event: str
    state: Refurbishing
    at: datetime
    actor: str
    why: str
    evidence: str


class RoundDetailOut(RoundOut):
    """`board_uid`: the board the label's serial number belongs to, for whoever wipes it."""

    custody: Custody
    epoch: int
    board_uid: str
    steps: list[RoundStepOut]


def present_round(current: Round) -> RoundOut:
    """A round as lists show it."""
    return RoundOut(
        unit=current.serial,
        round=current.number,
        state=current.state,
        code=current.code,
        rma=None if current.rma_id is None else refer(Noun.RMA, current.rma_id),
        grade=current.grade,
        opened_at=current.opened_at,
    )


def present_detail(detail: RoundDetail) -> RoundDetailOut:
    """A round with its unit and its steps."""
    steps = [
        RoundStepOut(event=s.event, state=s.state, at=s.at, actor=s.actor, why=s.why, evidence=s.evidence)
        for s in detail.steps
    ]
    unit = detail.unit
    return RoundDetailOut(
        **present_round(detail.round).model_dump(),
        custody=unit.custody,
        epoch=unit.epoch,
        board_uid=unit.board_uid.hex(),
        steps=steps,
    )


@router.get("/v1/refurbishings", permission=Permission.UNIT_READ)
def list_rounds(
    page: PageDep, actor: ActorDep, services: ServicesDep, state: Refurbishing | None = None
) -> Page[RoundOut]:
    """The units being refurbished, or the rounds in one state."""
    rounds = services.refurbishings.page(actor, page.limit + 1, page.after_id, state)
    return make_page(rounds, page.limit, lambda each: each.id, present_round)


@router.get("/v1/units/{serial}/refurbishing", permission=Permission.UNIT_READ)
def get_round(serial: str, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """The unit's present round, or its last, with every step."""
    return present_detail(services.refurbishings.of_unit(actor, serial))


@router.post("/v1/units/{serial}/refurbishing", permission=Permission.UNIT_PROVISION, status_code=201)
def take_in(serial: str, body: InspectionIn, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """Inspect a unit that came back by no RMA; those of an RMA are inspected there."""
    found = Inspection(body.code, body.photo, body.note)
    return present_detail(services.refurbishings.take_in(actor, serial, found))


@router.post("/v1/units/{serial}/refurbishing/repair", permission=Permission.UNIT_PROVISION)
def repair(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """Record that the unit was mended."""
    return present_detail(services.refurbishings.repair(actor, serial, body.reason))


@router.post("/v1/units/{serial}/refurbishing/wipe", permission=Permission.UNIT_PROVISION)
def wipe(serial: str, body: WipeIn, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """Record that the unit's flash is blank, with the proof; from then on it may get a new epoch."""
    proof = WipeProof(check_board_uid(body.board_uid), body.erased_bytes, body.sha256)
    return present_detail(services.refurbishings.wipe(actor, serial, proof))


@router.post("/v1/units/{serial}/refurbishing/fail", permission=Permission.UNIT_PROVISION)
def fail(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """Give up on the unit as it is: it is repaired or scrapped next."""
    return present_detail(services.refurbishings.fail(actor, serial, body.reason))


@router.post("/v1/units/{serial}/refurbishing/grade", permission=Permission.UNIT_PROVISION)
def grade(serial: str, body: GradeIn, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """Put a unit that passed its self-test into stock, with how it looks."""
    return present_detail(services.refurbishings.grade(actor, serial, body.grade, body.reason))


@router.post("/v1/units/{serial}/refurbishing/scrap", permission=Permission.UNIT_PROVISION)
def scrap(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> RoundDetailOut:
    """The end of the unit: its identity is revoked, its MAC retired."""
    return present_detail(services.refurbishings.scrap(actor, serial, body.reason))
