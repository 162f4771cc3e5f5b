"""People over HTTP: invite, list, give roles, disable; and what is held of a person: see, correct, erase."""

from __future__ import annotations

from datetime import datetime

from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from fleet.api.pages import Page, PageDep, make_page
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


class PersonIn(BaseModel):
    """What to put right; null: as it is. The e-mail address is the name one signs in with."""

    name: str | None = Field(default=None, max_length=120)
    email: str | None = Field(default=None, max_length=254)


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


@router.post("/v1/people", permission=Permission.PEOPLE_MANAGE, status_code=201)
def invite(body: InvitationIn, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Invite a person; their link goes out by mail."""
    account_id = account_number(body.account)
    person = services.people.invite(actor, body.name, body.email, frozenset(body.roles), account_id)
    return present_person(person)


@router.get("/v1/people", permission=Permission.PEOPLE_MANAGE)
def list_people(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[PersonOut]:
    """The people in one's scope."""
    people = services.people.list(actor, page.limit + 1, page.after_id)
    return make_page(people, page.limit, lambda person: person.id, present_person)


@router.get("/v1/people/{person}", permission=Permission.PERSON_OWN)
def get_person(person: str, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """One person: oneself, or somebody one manages."""
    return present_person(services.subjects.get(actor, number_of(Noun.PERSON, person)))


@router.put("/v1/people/{person}/roles", permission=Permission.PEOPLE_MANAGE)
def change_roles(person: str, body: RolesIn, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Give a person exactly these roles."""
    number = number_of(Noun.PERSON, person)
    return present_person(services.people.change_roles(actor, number, frozenset(body.roles)))


@router.post("/v1/people/{person}/disable", permission=Permission.PEOPLE_MANAGE)
def disable(person: str, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """End a person's access at once."""
    return present_person(services.people.disable(actor, number_of(Noun.PERSON, person)))


@router.post("/v1/people/{person}/enable", permission=Permission.PEOPLE_MANAGE)
def enable(person: str, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Invite a disabled person again."""
    return present_person(services.people.enable(actor, number_of(Noun.PERSON, person)))


@router.post(
    "/v1/people/{person}/link", permission=Permission.PEOPLE_MANAGE, status_code=201, openapi_extra={SECRET: True}
)
def make_link(person: str, actor: ActorDep, services: ServicesDep) -> LinkOut:
    """A link for choosing a password, to hand over by another way than mail."""
    return LinkOut(link=services.people.password_link(actor, number_of(Noun.PERSON, person)))


@router.get(
    "/v1/people/{person}/export",
    permission=Permission.PERSON_OWN,
    response_class=StreamingResponse,
    responses={200: {"content": {"application/json": {}}, "description": "Rows by table."}},
)
def export_person(person: str, actor: ActorDep, services: ServicesDep) -> StreamingResponse:
    """All that is held of a person: one's own, or of somebody one manages. The read is audited."""
    pieces = services.subjects.export(actor, number_of(Noun.PERSON, person))
    headers = {"Content-Disposition": f'attachment; filename="{person}.json"'}
    return StreamingResponse(pieces, media_type="application/json", headers=headers)


@router.patch("/v1/people/{person}", permission=Permission.PERSON_OWN)
def correct_person(person: str, body: PersonIn, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Put a name and an e-mail address right: one's own, or of somebody one manages."""
    return present_person(services.subjects.correct(actor, number_of(Noun.PERSON, person), body.name, body.email))


@router.post("/v1/people/{person}/erase", permission=Permission.PERSON_OWN)
def erase_person(person: str, actor: ActorDep, services: ServicesDep) -> PersonOut:
    """Delete name, e-mail address and credentials; what the person did stays, without them."""
    return present_person(services.subjects.erase(actor, number_of(Noun.PERSON, person)))
