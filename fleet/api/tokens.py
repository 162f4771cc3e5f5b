"""Tokens over HTTP: make one (its secret is shown once), list, revoke."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel, Field

from fleet.api.fields import InstantField
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.references import present_account
from fleet.api.routing import SECRET, ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.people import Token
from fleet.domain.references import Noun, number_of

router = PermittedRouter(tags=["access"])


class TokenIn(BaseModel):
    """`permissions` are some of one's own; without `expires_at` it lives until revoked."""

    name: str = Field(max_length=120)
    permissions: list[Permission] = Field(min_length=1, max_length=len(Permission))
    expires_at: InstantField | None = None


class TokenOut(BaseModel):
    """`hint` is the end of the secret, to tell tokens apart."""

    id: str
    name: str
    hint: str
    permissions: list[Permission]
    account: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewTokenOut(TokenOut):
    """`secret` is shown this once."""

    secret: str


def present_token(token: Token) -> TokenOut:
    """A token as the API shows it."""
    return TokenOut(
        id=token.reference,
        name=token.name,
        hint=token.hint,
        permissions=sorted(token.permissions),
        account=present_account(token.account_id),
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


@router.post("/v1/tokens", permission=Permission.TOKEN_OWN, status_code=201, openapi_extra={SECRET: True})
def create_token(body: TokenIn, actor: ActorDep, services: ServicesDep) -> NewTokenOut:
    """Make a token of one's own."""
    made = services.access.create_token(actor, body.name, frozenset(body.permissions), body.expires_at)
    return NewTokenOut(secret=made.secret, **present_token(made.token).model_dump())


@router.get("/v1/tokens", permission=Permission.TOKEN_OWN)
def list_tokens(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[TokenOut]:
    """One's own tokens; for who manages people, all in their scope."""
    tokens = services.access.list_tokens(actor, page.limit + 1, page.after_id)
    return make_page(tokens, page.limit, lambda token: token.id, present_token)


@router.delete("/v1/tokens/{token}", permission=Permission.TOKEN_OWN, status_code=204)
def revoke_token(token: str, actor: ActorDep, services: ServicesDep) -> Response:
    """End a token for good."""
    services.access.revoke_token(actor, number_of(Noun.TOKEN, token))
    return Response(status_code=204)
