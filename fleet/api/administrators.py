"""An account's Administrators over HTTP: who they are, appointing and removing them, and recovering the account."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from fleet.api.fields import ReferenceField
from fleet.api.people import PersonOut, present_person
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.proof_of_identity import ProofMethod
from fleet.domain.references import Noun, number_of
from fleet.services.administrators import Recovery

router = PermittedRouter(tags=["accounts"])

MAX_GONE = 100


class AppointmentIn(BaseModel):
    name: str = Field(max_length=120)
    email: str = Field(max_length=254)


class RecoveryIn(AppointmentIn):
    """`proof`: how the sender proved to speak for the account. `gone`: every Administrator who no longer does."""

    proof: ProofMethod
    gone: Annotated[list[ReferenceField], Field(max_length=MAX_GONE)]


class AdministratorsOut(BaseModel):
    items: list[PersonOut]


@router.get("/v1/accounts/{account}/administrators", permission=Permission.ACCOUNT_READ)
def list_administrators(account: str, actor: ActorDep, services: ServicesDep) -> AdministratorsOut:
    """An account's Administrators, invited ones too."""
    found = services.administrators.of_account(actor, number_of(Noun.ACCOUNT, account))
    return AdministratorsOut(items=[present_person(person) for person in found])


@router.post("/v1/accounts/{account}/administrators", permission=Permission.ADMINISTRATOR_APPOINT, status_code=201)
def appoint(account: str, body: AppointmentIn, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Appoint another Administrator of one's own account; they are invited by mail."""
    number = number_of(Noun.ACCOUNT, account)
    return present_person(services.administrators.appoint(actor, number, body.name, body.email))


@router.post("/v1/accounts/{account}/administrators/{person}/remove", permission=Permission.ADMINISTRATOR_APPOINT)
def remove(account: str, person: str, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """End an Administrator's access to one's own account; the last one stays."""
    number, whom = number_of(Noun.ACCOUNT, account), number_of(Noun.PERSON, person)
    return present_person(services.administrators.remove(actor, number, whom))


@router.post("/v1/accounts/{account}/recover", permission=Permission.ACCOUNT_MANAGE, status_code=201)
def recover(account: str, body: RecoveryIn, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Appoint an Administrator of an account whose own are gone, on proof."""
    gone = [number_of(Noun.PERSON, reference) for reference in body.gone]
    recovery = Recovery(body.proof, gone, body.name, body.email)
    return present_person(services.administrators.recover(actor, number_of(Noun.ACCOUNT, account), recovery))
