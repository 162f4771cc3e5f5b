"""What comes in at the warehouse, over HTTP: taken in by its label; without an RMA it is held, matched or sent back."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from fleet.api.fields import InstantField, ParcelIn, ReferenceField, SerialField, WhyField, WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.rmas import RmaOut, StepOut, present_rma, present_step
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.blind_return import OPEN, BlindCase, BlindReturn
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.rma import Condition
from fleet.domain.unit import Custody
from fleet.services.build import Services
from fleet.services.shipping import Parcel

router = PermittedRouter(tags=["returns"])


class TakeInIn(BaseModel):
    """`reason`: what the parcel says of itself; it is kept. `received_at`: when it came, now if not given."""

    serial: SerialField
    condition: Condition
    reason: WhyField
    received_at: InstantField | None = None


class MatchIn(BaseModel):
    rma: ReferenceField


class BackAgainIn(ParcelIn):
    reason: WhyField


class ArrivalIn(BaseModel):
    delivered_at: InstantField


class BlindReturnOut(BaseModel):
    """`waits_days`: since it first came in; null once it is settled."""

    id: str
    account: str
    unit: str
    state: BlindReturn
    condition: Condition
    received_at: datetime
    waits_days: int | None
    rma: str | None
    carrier: str
    tracking: str
    sent_at: datetime | None


class BlindReturnDetailOut(BlindReturnOut):
    """`matches`: the RMAs that wait for this unit."""

    steps: list[StepOut]
    matches: list[RmaOut]


class TakenInOut(BaseModel):
    """The RMA that waited for the unit, or the blind return that holds it; neither: a parcel of ours turned up."""

    unit: str
    custody: Custody
    rma: RmaOut | None
    blind_return: BlindReturnOut | None


def present_blind_return(case: BlindCase, services: Services) -> BlindReturnOut:
    """A blind return as the API shows it."""
    returns = services.blind_returns
    return BlindReturnOut(
        id=case.reference,
        account=refer(Noun.ACCOUNT, case.account_id),
        unit=case.serial,
        state=case.state,
        condition=case.condition,
        received_at=case.received_at,
        waits_days=case.waits_days(returns.today, returns.zone),
        rma=None if case.rma_id is None else refer(Noun.RMA, case.rma_id),
        carrier=case.carrier,
        tracking=case.tracking,
        sent_at=case.sent_at,
    )


@router.post("/v1/returns", permission=Permission.RETURN_RECEIVE)
def take_in(body: TakeInIn, actor: ActorDep, services: ServicesDep) -> TakenInOut:
    """Take in the unit of a label: under the RMA that waits for it, else blind."""
    taken = services.blind_returns.take_in(actor, body.serial, body.condition, body.reason, body.received_at)
    return TakenInOut(
        unit=taken.unit.serial,
        custody=Custody.RETURNED,
        rma=None if taken.rma is None else present_rma(taken.rma),
        blind_return=None if taken.blind is None else present_blind_return(taken.blind, services),
    )


@router.get("/v1/blind-returns", permission=Permission.RMA_READ)
def list_blind_returns(
    page: PageDep, actor: ActorDep, services: ServicesDep, settled: bool = False
) -> Page[BlindReturnOut]:
    """Those that still need an answer, the longest waiting first; with `settled` all."""
    states = list(BlindReturn) if settled else sorted(OPEN)
    found = services.blind_returns.page(actor, states, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda case: case.id, lambda case: present_blind_return(case, services))


@router.get("/v1/blind-returns/{blind_return}", permission=Permission.RMA_READ)
def get_blind_return(blind_return: str, actor: ActorDep, services: ServicesDep) -> BlindReturnDetailOut:
    """One blind return, its steps, and what it may be matched to."""
    case, steps, waiting = services.blind_returns.get(actor, number_of(Noun.BLIND_RETURN, blind_return))
    return BlindReturnDetailOut(
        **present_blind_return(case, services).model_dump(),
        steps=[present_step(step) for step in steps],
        matches=[present_rma(rma) for rma in waiting],
    )


@router.post("/v1/blind-returns/{blind_return}/match", permission=Permission.RETURN_RECEIVE)
def match(blind_return: str, body: MatchIn, actor: ActorDep, services: ServicesDep) -> RmaOut:
    """It belongs to that RMA, and was received on the day it first came in."""
    number = number_of(Noun.BLIND_RETURN, blind_return)
    return present_rma(services.blind_returns.match(actor, number, number_of(Noun.RMA, body.rma)))


@router.post("/v1/blind-returns/{blind_return}/send-back", permission=Permission.RETURN_RECEIVE)
def send_back(blind_return: str, body: BackAgainIn, actor: ActorDep, services: ServicesDep) -> BlindReturnOut:
    """Send it back to its account as it came."""
    number, parcel = number_of(Noun.BLIND_RETURN, blind_return), Parcel(body.carrier, body.tracking)
    return present_blind_return(services.blind_returns.send_back(actor, number, parcel, body.reason), services)


@router.post("/v1/blind-returns/{blind_return}/deliver", permission=Permission.RETURN_RECEIVE)
def deliver(blind_return: str, body: ArrivalIn, actor: ActorDep, services: ServicesDep) -> BlindReturnOut:
    """Record the carrier's proof that the account has it again."""
    number = number_of(Noun.BLIND_RETURN, blind_return)
    return present_blind_return(services.blind_returns.deliver(actor, number, body.delivered_at), services)


@router.post("/v1/blind-returns/{blind_return}/come-back", permission=Permission.RETURN_RECEIVE)
def come_back(blind_return: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> BlindReturnOut:
    """Record that the parcel was not delivered: the unit is here again."""
    number = number_of(Noun.BLIND_RETURN, blind_return)
    return present_blind_return(services.blind_returns.come_back(actor, number, body.reason), services)
