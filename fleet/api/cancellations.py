"""Cancellations over HTTP: noted as they came by phone or distributor, withdrawn, and what they cost."""

from __future__ import annotations

import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import InstantField, ReferenceField, SerialField
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.api.terms import QuoteLineOut, present_line
from fleet.domain.access import Permission
from fleet.domain.cancellation import CancellationState
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.money import ZERO
from fleet.domain.proof_of_identity import ProofMethod
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.waiver import EndCause
from fleet.services.cancellations import MAX_DISTRIBUTOR_CHARACTERS, Asked
from fleet.services.waivers import Claim
from fleet.store.cancellations import KeptCancellation

router = PermittedRouter(tags=["cancellations"])

MAX_UNITS = 1000
PERSON = Field(pattern=r"^PE-[0-9]{1,12}$", max_length=16)


class CancellationIn(BaseModel):
    """`at`: when the call began, or when we received what the distributor passed on.

    `passed_on_by`: that distributor, as DI-1 or by name. `proof`: how the caller was verified, by who sends this.
    `units`: those whose service ends; all if not given.
    """

    at: InstantField
    channel: NoticeChannel
    administrator: str = PERSON
    asked_for: datetime.date | None = None
    units: list[SerialField] | None = Field(default=None, min_length=1, max_length=MAX_UNITS)
    proof: ProofMethod | None = None
    passed_on_by: str = Field(default="", max_length=MAX_DISTRIBUTOR_CHARACTERS)


class WaiverIn(BaseModel):
    """A change the account was told of, as CH-1, or `since`: the day on which force majeure began.

    `at`: when the account said that it ends its service over it.
    """

    at: InstantField
    change_notice: ReferenceField | None = None
    since: datetime.date | None = None


class WithdrawalIn(BaseModel):
    """The Administrator who takes it back."""

    administrator: str = PERSON


class CancellationOut(BaseModel):
    """Service ends at the first instant of `ends_on`, by the operator's clock.

    `avoids_bill_of`: the first bill that is not due; `renewed_until`: the end of the period a late notice could not
    stop. `cause`: the account's wish, or the waiver that was claimed. `units`: what ending them costs, for the facts
    known when it was quoted last.
    """

    id: str
    account: str
    state: CancellationState
    noticed_at: datetime.datetime
    channel: NoticeChannel
    administrator: str
    proof: ProofMethod | None
    verified_by: str | None
    passed_on_by: str
    asked_for: datetime.date | None
    whole_account: bool
    cause: EndCause
    ends_on: datetime.date
    ends_at: datetime.datetime
    avoids_bill_of: datetime.date | None
    renewed_until: datetime.date | None
    rule: str
    reason: str
    total_cents: int
    units: list[QuoteLineOut]
    version: int


def present_cancellation(kept: KeptCancellation) -> CancellationOut:
    """A cancellation as the API shows it."""
    cancellation = kept.cancellation
    notice, effect = cancellation.notice, cancellation.effect
    return CancellationOut(
        id=refer(Noun.CANCELLATION, cancellation.id),
        account=refer(Noun.ACCOUNT, kept.account_id),
        state=cancellation.state,
        noticed_at=notice.at,
        channel=notice.channel,
        administrator=notice.administrator,
        proof=None if notice.verification is None else notice.verification.method,
        verified_by=None if notice.verification is None else notice.verification.verified_by,
        passed_on_by=notice.passed_on_by,
        asked_for=notice.asked_for,
        whole_account=cancellation.scope.everything,
        cause=kept.cause,
        ends_on=effect.on,
        ends_at=effect.at,
        avoids_bill_of=effect.avoids,
        renewed_until=None if effect.renewed is None else effect.renewed.ends,
        rule=effect.reason.rule,
        reason=effect.reason.text,
        total_cents=sum((line.fee for line in kept.quote), ZERO).cents,
        units=[present_line(line) for line in kept.quote],
        version=kept.version,
    )


@router.post("/v1/accounts/{account}/cancellations", permission=Permission.CANCELLATION_MANAGE, status_code=201)
def request_cancellation(account: str, body: CancellationIn, actor: ActorDep, services: ServicesDep) -> CancellationOut:
    """Note a cancellation; it replaces those that wait."""
    asked = Asked(body.at, body.channel, body.administrator, body.asked_for, body.units, body.proof, body.passed_on_by)
    return present_cancellation(services.cancellations.request(actor, number_of(Noun.ACCOUNT, account), asked))


@router.get("/v1/accounts/{account}/cancellations", permission=Permission.CANCELLATION_READ)
def list_cancellations(account: str, page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[CancellationOut]:
    """The cancellations of an account, oldest first."""
    number = number_of(Noun.ACCOUNT, account)
    found = services.cancellations.page(actor, number, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda kept: kept.cancellation.id, present_cancellation)


@router.get("/v1/cancellations/{cancellation}", permission=Permission.CANCELLATION_READ)
def get_cancellation(cancellation: str, actor: ActorDep, services: ServicesDep) -> CancellationOut:
    """One cancellation."""
    return present_cancellation(services.cancellations.get(actor, number_of(Noun.CANCELLATION, cancellation)))


@router.post("/v1/cancellations/{cancellation}/withdraw", permission=Permission.CANCELLATION_MANAGE)
def withdraw_cancellation(
    cancellation: str, body: WithdrawalIn, actor: ActorDep, services: ServicesDep
) -> CancellationOut:
    """The Administrator takes it back before it takes effect."""
    number = number_of(Noun.CANCELLATION, cancellation)
    return present_cancellation(services.cancellations.withdraw(actor, number, body.administrator))


@router.post("/v1/cancellations/{cancellation}/claim-waiver", permission=Permission.CANCELLATION_MANAGE)
def claim_waiver(cancellation: str, body: WaiverIn, actor: ActorDep, services: ServicesDep) -> CancellationOut:
    """The account ends its service over a change that harms it, or over force majeure: without a fee."""
    number = number_of(Noun.CANCELLATION, cancellation)
    change = None if body.change_notice is None else number_of(Noun.CHANGE_NOTICE, body.change_notice)
    return present_cancellation(services.waivers.claim(actor, number, Claim(body.at, change, body.since)))
