"""Ends of service by the operator over HTTP: notices of breach, cure, termination, and an end without a breach."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from fleet.api.fields import WhyField, WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.references import account_number
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.api.suspensions import StandingOut, present_standing
from fleet.domain.access import Permission
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.termination import Breach, BreachState
from fleet.services.build import Services
from fleet.store.breach_notices import KeptBreachNotice

router = PermittedRouter(tags=["accounts"])


class BreachNoticeIn(BaseModel):
    """`reason`: what the account did, in the words it is told."""

    breach: Breach
    reason: WhyField


class BreachNoticeOut(BaseModel):
    """The account has the whole of `last_day`. `due`: it is over, and somebody decides whether service ends."""

    id: str
    account: str
    breach: Breach
    state: BreachState
    due: bool
    why: str
    noticed_at: datetime
    noticed_by: str
    last_day: date
    rule: str
    reason: str
    settled_at: datetime | None
    settled_by: str | None
    settled_why: str | None


def present_notice(kept: KeptBreachNotice, services: Services) -> BreachNoticeOut:
    """A notice as the API shows it."""
    notice = kept.notice
    return BreachNoticeOut(
        id=kept.reference,
        account=refer(Noun.ACCOUNT, kept.account_id),
        breach=notice.breach,
        state=notice.state,
        due=notice.is_due(services.terminations.now),
        why=kept.why,
        noticed_at=notice.noticed_at,
        noticed_by=kept.noticed_by,
        last_day=notice.last_day,
        rule=notice.reason.rule,
        reason=notice.reason.text,
        settled_at=kept.settled_at,
        settled_by=kept.settled_by,
        settled_why=kept.settled_why,
    )


@router.post("/v1/accounts/{account}/breach-notices", permission=Permission.SERVICE_END, status_code=201)
def give_notice(account: str, body: BreachNoticeIn, actor: ActorDep, services: ServicesDep) -> BreachNoticeOut:
    """Write to the account's Administrators what it did, and by when to put it right."""
    number = number_of(Noun.ACCOUNT, account)
    return present_notice(services.terminations.give_notice(actor, number, body.breach, body.reason), services)


@router.get("/v1/breach-notices", permission=Permission.ACCOUNT_READ)
def list_notices(
    page: PageDep, actor: ActorDep, services: ServicesDep, account: str | None = None, due: bool = False
) -> Page[BreachNoticeOut]:
    """The notices of one account or of all; with `due` those whose last day is over."""
    found = services.terminations.page(actor, account_number(account), due, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda kept: kept.id, lambda kept: present_notice(kept, services))


@router.get("/v1/breach-notices/{breach_notice}", permission=Permission.ACCOUNT_READ)
def get_notice(breach_notice: str, actor: ActorDep, services: ServicesDep) -> BreachNoticeOut:
    """One notice."""
    number = number_of(Noun.BREACH_NOTICE, breach_notice)
    return present_notice(services.terminations.get(actor, number), services)


@router.post("/v1/breach-notices/{breach_notice}/cure", permission=Permission.SERVICE_END)
def cure(breach_notice: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> BreachNoticeOut:
    """The breach is put right: service goes on."""
    number = number_of(Noun.BREACH_NOTICE, breach_notice)
    return present_notice(services.terminations.cure(actor, number, body.reason), services)


@router.post("/v1/breach-notices/{breach_notice}/terminate", permission=Permission.SERVICE_END)
def terminate(breach_notice: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> BreachNoticeOut:
    """End all service of the account for the breach, after the last day."""
    number = number_of(Noun.BREACH_NOTICE, breach_notice)
    return present_notice(services.terminations.terminate(actor, number, body.reason), services)


@router.post("/v1/accounts/{account}/end", permission=Permission.SERVICE_END)
def end(account: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> StandingOut:
    """End all service of the account without a breach by it: no fee is due."""
    return present_standing(services.terminations.end(actor, number_of(Noun.ACCOUNT, account), body.reason))
