"""Terms and fee quotes over HTTP, each with its reason in words."""

from __future__ import annotations

import datetime

from pydantic import BaseModel

from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.money import ZERO
from fleet.domain.quote import QuoteLine, TermState
from fleet.domain.references import Noun, number_of, refer

router = PermittedRouter(tags=["terms"])


class QuoteLineOut(BaseModel):
    """`term_until` is the first day after the term. `warning` may be empty."""

    serial: str
    fee_cents: int
    reason: str
    warning: str
    term_from: datetime.date | None
    term_until: datetime.date | None
    state: TermState


class TermOut(QuoteLineOut):
    shipped_on: datetime.date
    months: int
    received_on: datetime.date | None
    receipt_assumed: bool


class QuoteOut(BaseModel):
    """What ending the account's service on `date` would cost, for the facts known now."""

    account: str
    date: datetime.date
    total_cents: int
    units: list[QuoteLineOut]


def present_line(line: QuoteLine) -> QuoteLineOut:
    """One unit's fee as the API shows it."""
    return QuoteLineOut(
        serial=line.unit,
        fee_cents=line.fee.cents,
        reason=line.reason,
        warning=line.warning,
        term_from=line.term_from,
        term_until=line.term_until,
        state=line.state,
    )


@router.get("/v1/units/{serial}/term", permission=Permission.TERM_READ)
def get_term(serial: str, actor: ActorDep, services: ServicesDep) -> TermOut:
    """The unit's minimum equipment term, and its fee should its service end today."""
    term, line = services.terms.of_unit(actor, serial)
    return TermOut(
        **present_line(line).model_dump(),
        shipped_on=term.shipped_on,
        months=term.months,
        received_on=None if term.receipt is None else term.receipt.on,
        receipt_assumed=term.receipt is not None and term.receipt.assumed,
    )


@router.get("/v1/accounts/{account}/quote", permission=Permission.TERM_READ)
def get_quote(account: str, actor: ActorDep, services: ServicesDep, date: datetime.date | None = None) -> QuoteOut:
    """The fee for each unit should the account's service end on `date` (default: today)."""
    day, lines = services.terms.quote(actor, number_of(Noun.ACCOUNT, account), date)
    return QuoteOut(
        account=refer(Noun.ACCOUNT, number_of(Noun.ACCOUNT, account)),
        date=day,
        total_cents=sum((line.fee for line in lines), ZERO).cents,
        units=[present_line(line) for line in lines],
    )
