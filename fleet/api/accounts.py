"""Accounts over HTTP: open, look, and close."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.account import Account
from fleet.domain.references import Noun, number_of, refer

router = PermittedRouter(tags=["accounts"])


class AccountIn(BaseModel):
    """An account and its first Administrator, who is invited by mail."""

    name: str = Field(min_length=1, max_length=120)
    administrator_name: str = Field(min_length=1, max_length=120)
    administrator_email: str = Field(max_length=254)


class AccountOut(BaseModel):
    id: str
    name: str
    service_available: bool
    created_at: datetime
    closed_at: datetime | None


def present_account(account: Account) -> AccountOut:
    """An account as the API shows it."""
    return AccountOut(
        id=refer(Noun.ACCOUNT, account.id),
        name=account.name,
        service_available=account.service_available,
        created_at=account.created_at,
        closed_at=account.closed_at,
    )


@router.post("/v1/accounts", permission=Permission.ACCOUNT_MANAGE, status_code=201)
def create(body: AccountIn, actor: ActorDep, services: ServicesDep) -> AccountOut:
    """Open an account."""
    return present_account(
        services.accounts.create(actor, body.name, body.administrator_name, body.administrator_email)
    )


@router.get("/v1/accounts", permission=Permission.ACCOUNT_READ)
def list_accounts(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[AccountOut]:
    """The accounts in one's scope."""
    accounts = services.accounts.page(actor, page.limit + 1, page.after_id)
    return make_page(accounts, page.limit, lambda account: account.id, present_account)


@router.get("/v1/accounts/{account}", permission=Permission.ACCOUNT_READ)
def get_account(account: str, actor: ActorDep, services: ServicesDep) -> AccountOut:
    """One account."""
    return present_account(services.accounts.get(actor, number_of(Noun.ACCOUNT, account)))


@router.post("/v1/accounts/{account}/close", permission=Permission.ACCOUNT_CLOSE)
def close(account: str, actor: ActorDep, services: ServicesDep) -> AccountOut:
    """Close an account without services, for good; its personal data goes when the period is over."""
    return present_account(services.accounts.close(actor, number_of(Noun.ACCOUNT, account)))
