"""People over HTTP: invite, list, give roles, disable."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel, Field

from fleet.api.pages import IfMatchDep, Page, PageDep, etag, make_page
from fleet.api.references import account_number, present_account
from fleet.api.routing import SECRET, ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission, Role
from fleet.domain.people import Person, PersonState
from fleet.domain.references import Noun, number_of

router = PermittedRouter(tags=["people"])

RolesField = Field(min_length=1, max_length=len(Role))


class PersonOut(BaseModel):
    id: str
    name: str
    email: str
    roles: list[Role]
    state: PersonState
    account: str | None
    version: int
    created_at: datetime


class InvitationIn(BaseModel):
    name: str = Field(max_length=120)
    email: str = Field(max_length=254)
    roles: list[Role] = RolesField
    account: str | None = Field(default=None, max_length=32)


class RolesIn(BaseModel):
    roles: list[Role] = RolesField


class LinkOut(BaseModel):
    """A link to hand over; it works once."""

    link: str


def present_person(person: Person) -> PersonOut:
    """A person as the API shows them."""
    return PersonOut(
        id=person.reference,
        name=person.name,
        email=person.email,
        roles=sorted(person.roles),
        state=person.state,
        account=present_account(person.account_id),
        version=person.version,
        created_at=person.created_at,
    )


def _tagged(person: Person, response: Response) -> PersonOut:
    response.headers["ETag"] = etag(person.version)
    return present_person(person)


@router.post("/v1/people", permission=Permission.PEOPLE_MANAGE, status_code=201)
def invite(body: InvitationIn, response: Response, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Invite a person; their link goes out by mail."""
    account_id = account_number(body.account)
    person = services.people.invite(actor, body.name, body.email, frozenset(body.roles), account_id)
    return _tagged(person, response)


@router.get("/v1/people", permission=Permission.PEOPLE_MANAGE)
def list_people(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[PersonOut]:
    """The people in one's scope."""
    people = services.people.list(actor, page.limit + 1, page.after_id)
    return make_page(people, page.limit, lambda person: person.id, present_person)


@router.get("/v1/people/{person}", permission=Permission.PEOPLE_MANAGE)
def get_person(person: str, response: Response, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """One person."""
    return _tagged(services.people.get(actor, number_of(Noun.PERSON, person)), response)


@router.put("/v1/people/{person}/roles", permission=Permission.PEOPLE_MANAGE)
def change_roles(
    person: str, body: RolesIn, *, response: Response, version: IfMatchDep, actor: ActorDep, services: ServicesDep
) -> PersonOut:
    """Give a person exactly these roles."""
    number = number_of(Noun.PERSON, person)
    return _tagged(services.people.change_roles(actor, number, frozenset(body.roles), version), response)


@router.post("/v1/people/{person}/disable", permission=Permission.PEOPLE_MANAGE)
def disable(
    person: str, *, response: Response, version: IfMatchDep, actor: ActorDep, services: ServicesDep
) -> PersonOut:
    """End a person's access at once."""
    return _tagged(services.people.disable(actor, number_of(Noun.PERSON, person), version), response)


@router.post("/v1/people/{person}/enable", permission=Permission.PEOPLE_MANAGE)
def enable(
    person: str, *, response: Response, version: IfMatchDep, actor: ActorDep, services: ServicesDep
) -> PersonOut:
    """Invite a disabled person again."""
    return _tagged(services.people.enable(actor, number_of(Noun.PERSON, person), version), response)


@router.post(
    "/v1/people/{person}/link", permission=Permission.PEOPLE_MANAGE, status_code=201, openapi_extra={SECRET: True}
)
def make_link(person: str, actor: ActorDep, services: ServicesDep) -> LinkOut:
    """A link for choosing a password, to hand over by another way than mail."""
    return LinkOut(link=services.people.password_link(actor, number_of(Noun.PERSON, person)))
