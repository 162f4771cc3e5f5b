"""Coming in by a one-time link: the first admin, and everybody who chooses a password."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field, SecretStr

from fleet.api.people import PersonOut, present_person
from fleet.api.routing import PUBLIC, PermittedRouter, ServicesDep

router = PermittedRouter(tags=["access"])

SECRET = Field(min_length=1, max_length=128)
PASSWORD = Field(min_length=1, max_length=256)


class SetupIn(BaseModel):
    """`secret` is what stands behind the # of the link `plugtone serve` printed."""

    secret: SecretStr = SECRET
    name: str = Field(max_length=120)
    email: str = Field(max_length=254)
    password: SecretStr = PASSWORD


class PasswordIn(BaseModel):
    """`secret` is what stands behind the # of the mailed link."""

    secret: SecretStr = SECRET
    password: SecretStr = PASSWORD


@router.post("/v1/setup", permission=PUBLIC, status_code=201)
def set_up(body: SetupIn, services: ServicesDep) -> PersonOut:
    """Become the first admin."""
    person = services.people.setup(
        body.secret.get_secret_value(), body.name, body.email, body.password.get_secret_value()
    )
    return present_person(person)


@router.post("/v1/passwords", permission=PUBLIC, status_code=204)
def choose_password(body: PasswordIn, services: ServicesDep) -> Response:
    """Choose a password with an invitation's link."""
    services.people.choose_password(body.secret.get_secret_value(), body.password.get_secret_value())
    return Response(status_code=204)
