"""Charge events over HTTP: the pages of an account, and a CSV file for the books."""

from __future__ import annotations

import datetime
from typing import Annotated, Final

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.charge import ChargeKind, ChargeRule
from fleet.domain.policy import PolicyName
from fleet.domain.references import Noun, number_of
from fleet.services.charge_facts import charge_facts
from fleet.store.charges import ChargeFilter, RecordedCharge

router = PermittedRouter(tags=["charges"])

CSV: Final = "text/csv; charset=utf-8"


class AppliedValueOut(BaseModel):
    """A policy value that was applied; `effective_from` null: the default."""

    name: PolicyName
    value: int
    effective_from: datetime.date | None


class ChargeOut(BaseModel):
    """`amount_cents` is more than zero whatever the kind. `credits`: the key of the charge a credit lowers."""

    key: str
    account: str
    kind: ChargeKind
    rule: ChargeRule
    subject: str
    amount_cents: int
    currency: str
    date: datetime.date
    credits: str | None
    reason_rule: str
    reason: str
    inputs: dict[str, str]
    policy: list[AppliedValueOut]
    recorded_at: datetime.datetime


def charge_filter(
    kind: ChargeKind | None = None,
    rule: ChargeRule | None = None,
    subject: Annotated[str | None, Query(max_length=64)] = None,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
) -> ChargeFilter:
    """The filters of the query string; `since` and `until` are the first and the last date."""
    return ChargeFilter(None, kind, rule, subject, since, until)


FilterDep = Annotated[ChargeFilter, Depends(charge_filter)]


def present_charge(charge: RecordedCharge) -> ChargeOut:
    """A charge event as the API shows it."""
    return ChargeOut.model_validate(charge_facts(charge.account_id, charge.event, charge.recorded_at))


def _of_account(wanted: ChargeFilter, account: str) -> ChargeFilter:
    number = number_of(Noun.ACCOUNT, account)
    return ChargeFilter(number, wanted.kind, wanted.rule, wanted.subject, wanted.since, wanted.until)


@router.get("/v1/accounts/{account}/charges", permission=Permission.CHARGE_READ)
def list_charges(
    account: str, page: PageDep, wanted: FilterDep, actor: ActorDep, services: ServicesDep
) -> Page[ChargeOut]:
    """What an account was charged, credited and refunded, oldest first. The read is audited."""
    charges = services.charges.page(actor, _of_account(wanted, account), page.limit + 1, page.after_id)
    return make_page(charges, page.limit, lambda charge: charge.id, present_charge)


@router.get(
    "/v1/charge-export",
    permission=Permission.CHARGE_READ,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "A line an event."}},
)
def export_charges(
    wanted: FilterDep, actor: ActorDep, services: ServicesDep, account: str | None = None
) -> StreamingResponse:
    """The events in one's scope as CSV, of one account or all. The read is audited."""
    if account is not None:
        wanted = _of_account(wanted, account)
    headers = {"Content-Disposition": 'attachment; filename="charges.csv"'}
    return StreamingResponse(services.charges.export(actor, wanted), media_type=CSV, headers=headers)
