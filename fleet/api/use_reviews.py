"""Reviews of use over HTTP: who is out of pattern, on what evidence, and what a person found."""

from __future__ import annotations

import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from fleet.api.calls import minutes_of
from fleet.api.fields import WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.order import Plan
from fleet.domain.reasonable_use import Outcome, UseReview, parse_month
from fleet.domain.references import Noun, number_of, refer

router = PermittedRouter(tags=["calls"])


class CountryMinutesOut(BaseModel):
    """`country`: ISO 3166, or other."""

    country: str
    minutes: float


class EvidenceOut(BaseModel):
    """`minutes` against `limit_minutes`, what `percent` of the `accounts` on the plan do not exceed; `rank` 1 has most.

    `countries`: of the calls out, those with the most minutes.
    """

    minutes: float
    limit_minutes: float
    percent: int
    accounts: int
    rank: int
    minutes_the_month_before: float
    calls: int
    outgoing_minutes: float
    longest_minutes: float
    countries: list[CountryMinutesOut]


class UseReviewOut(BaseModel):
    """`outcome` null: nobody has decided yet."""

    id: str
    account: str
    month: str
    plan: Plan
    evidence: EvidenceOut
    measured_at: datetime.datetime
    outcome: Outcome | None
    why: str
    decided_by: str | None
    decided_at: datetime.datetime | None
    version: int


class OutcomeIn(WhyIn):
    """What a person found, and why; it does nothing by itself."""

    outcome: Outcome


def present_review(review: UseReview) -> UseReviewOut:
    """A review as the API shows it."""
    seen, use = review.evidence, review.evidence.use
    evidence = EvidenceOut(
        minutes=minutes_of(use.total_ms),
        limit_minutes=minutes_of(seen.limit_ms),
        percent=seen.percent,
        accounts=seen.accounts,
        rank=seen.rank,
        minutes_the_month_before=minutes_of(seen.before_ms),
        calls=use.calls,
        outgoing_minutes=minutes_of(use.outgoing_ms),
        longest_minutes=minutes_of(use.longest_ms),
        countries=[CountryMinutesOut(country=name, minutes=minutes_of(ms)) for name, ms in use.outgoing_ms_by_country],
    )
    return UseReviewOut(
        id=review.reference,
        account=refer(Noun.ACCOUNT, review.account_id),
        month=f"{review.month:%Y-%m}",
        plan=review.plan,
        evidence=evidence,
        measured_at=review.measured_at,
        outcome=review.outcome,
        why=review.why,
        decided_by=review.decided_by,
        decided_at=review.decided_at,
        version=review.version,
    )


@router.get("/v1/use-reviews", permission=Permission.USE_READ)
def list_reviews(
    page: PageDep,
    actor: ActorDep,
    services: ServicesDep,
    month: Annotated[str | None, Query(max_length=7)] = None,
    open_only: bool = False,
) -> Page[UseReviewOut]:
    """The accounts that are or were out of pattern; `month` as 2026-03, `open_only` without those decided on."""
    wanted = None if month is None else parse_month(month)
    reviews = services.use_reviews.page(actor, page.limit + 1, page.after_id, wanted, open_only)
    return make_page(reviews, page.limit, lambda review: review.id, present_review)


@router.get("/v1/use-reviews/{review}", permission=Permission.USE_READ)
def get_review(review: str, actor: ActorDep, services: ServicesDep) -> UseReviewOut:
    """One review."""
    return present_review(services.use_reviews.get(actor, number_of(Noun.USE_REVIEW, review)))


@router.post("/v1/use-reviews/{review}/decide", permission=Permission.USE_REVIEW)
def decide(review: str, body: OutcomeIn, actor: ActorDep, services: ServicesDep) -> UseReviewOut:
    """Keep what a person found, once; If-Match takes the version of the review."""
    number = number_of(Noun.USE_REVIEW, review)
    return present_review(services.use_reviews.decide(actor, number, body.outcome, body.reason))
