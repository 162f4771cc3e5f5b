"""Signing in and out, and who one is."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel, Field, SecretStr

from fleet.api.people import PersonOut, present_person
from fleet.api.references import present_account
from fleet.api.routing import PUBLIC, ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import ActorKind, Permission

router = PermittedRouter(tags=["access"])


class SignInIn(BaseModel):
    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=256)


class SessionOut(BaseModel):
    """`secret` goes into `Authorization: Bearer`; it is shown this once."""

    secret: str
    expires_at: datetime
    person: PersonOut


class ActorOut(BaseModel):
    """Who the credential of this request stands for."""

    kind: ActorKind
    reference: str
    permissions: list[Permission]
    account: str | None


@router.post("/v1/sessions", permission=PUBLIC, status_code=201)
def sign_in(body: SignInIn, request: Request, services: ServicesDep) -> SessionOut:
    """Sign in with e-mail address and password."""
    address = request.client.host if request.client else ""
    session = services.access.sign_in(body.email, body.password.get_secret_value(), address)
    return SessionOut(secret=session.secret, expires_at=session.expires_at, person=present_person(session.person))


@router.delete("/v1/sessions", permission=Permission.TOKEN_OWN, status_code=204)
def sign_out(request: Request, actor: ActorDep, services: ServicesDep) -> Response:
    """End the session this request carries."""
    services.access.sign_out(actor, request.headers["authorization"].partition(" ")[2].strip())
    return Response(status_code=204)


@router.get("/v1/me", permission=Permission.TOKEN_OWN)
async def me(actor: ActorDep) -> ActorOut:
    """Who one is, and what one may do."""
    return ActorOut(
        kind=actor.kind,
        reference=actor.reference,
        permissions=sorted(actor.permissions),
        account=present_account(actor.account_id),
    )
