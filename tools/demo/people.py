"""Who acts in the story: an admin by the one-time link, then one person a role, so that no rule is bypassed."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import Any

from tools.client import FleetClient, RefusedError

ROLES = ("admin", "warehouse", "support", "release_manager", "approver", "registrar")


@dataclass(frozen=True, slots=True)
class Member:
    """A person signed in: their client, and the secret of their session for commands of their own."""

    client: FleetClient
    secret: str
    email: str
    password: str


class Cast:
    """One member a role, by attribute."""

    admin: Member
    warehouse: Member
    support: Member
    release_manager: Member
    approver: Member
    registrar: Member  # a machine: the voice network's

    def __init__(self, members: dict[str, Member]) -> None:
        for role in ROLES:
            setattr(self, role, members[role])


def admit(url: str, setup_link: str) -> Cast:
    """Use the setup link, then invite one person a role; each chooses a password and signs in."""
    mail, password = _credentials("admin")
    stranger = FleetClient(url)
    setup = {"secret": _secret_of(setup_link), "name": "First Admin", "email": mail, "password": password}
    # A service killed between the deed and its answer leaves the link used: signing in then tells.
    with contextlib.suppress(RefusedError):
        stranger.post("/v1/setup", setup)
    members = {"admin": _signed_in(stranger, mail, password)}
    for role in ROLES[1:]:
        members[role] = _person(stranger, members["admin"].client, role)
    return Cast(members)


def _person(stranger: FleetClient, admin: FleetClient, role: str) -> Member:
    mail, password = _credentials(role)
    name = role.replace("_", " ").title()
    invitation = {"name": name, "email": mail, "roles": [role]}
    person: dict[str, Any] = admin.post_or_read("/v1/people", invitation, lambda: admin.newest("/v1/people"))
    path = f"/v1/people/{person['id']}/link"
    link = admin.post_or_read(path, None, lambda: admin.post(path))["link"]
    with contextlib.suppress(RefusedError):
        stranger.post("/v1/passwords", {"secret": _secret_of(link), "password": password})
    return _signed_in(stranger, mail, password)


def _signed_in(stranger: FleetClient, mail: str, password: str) -> Member:
    session = stranger.post("/v1/sessions", {"email": mail, "password": password})
    return Member(FleetClient(stranger.url, session["secret"]), session["secret"], mail, password)


def _credentials(role: str) -> tuple[str, str]:
    return f"{role}@operator.example", secrets.token_urlsafe(16)


def _secret_of(link: str) -> str:
    return link.split("#", 1)[1]
