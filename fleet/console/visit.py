"""A person's visit to a page: who they are by their cookie, and the proof that a form came from our own page."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from fleet.domain.access import Actor, ForbiddenError, Permission
from fleet.domain.errors import UnauthenticatedError
from fleet.services.access import SESSION_HOURS, Session
from fleet.services.build import Services

COOKIE: Final = "plugtone_session"
COOKIE_PATH: Final = "/console"
CSRF_FIELD: Final = "csrf"
HOME: Final = "/console/units"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of the console. `actor` is None on the pages that are open to all."""

    request: Request
    services: Services
    actor: Actor | None = None
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def person(self) -> Actor:
        """Who is signed in; UnauthenticatedError on a page that is open to all."""
        if self.actor is None:
            raise UnauthenticatedError("sign in to see this page")
        return self.actor

    @property
    def csrf(self) -> str:
        """What this session's forms carry; nobody without the cookie can compute it."""
        secret = self.request.cookies.get(COOKIE, "")
        return hmac.new(secret.encode(), b"plugtone console form", hashlib.sha256).hexdigest() if secret else ""

    def may(self, permission: Permission) -> bool:
        """Whether the visitor has `permission`; decides what is shown, never what is allowed."""
        return self.actor is not None and permission in self.actor.permissions

    def query(self, name: str) -> str | None:
        """A parameter of the address, None if absent or empty."""
        return self.request.query_params.get(name, "").strip() or None


def find_actor(request: Request, services: Services) -> Actor:
    """Who the cookie stands for; UnauthenticatedError for none, or one that is over."""
    secret = request.cookies.get(COOKIE)
    if secret is None:
        raise UnauthenticatedError("sign in to see this page")
    return services.access.actor_of_secret(secret)


def check_same_origin(request: Request) -> None:
    """ForbiddenError for a form another site's page sent: browsers say where a form comes from."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = site == "same-origin" if site else origin is not None and urlsplit(origin).netloc == request.url.netloc
    if not same:
        raise ForbiddenError("this form was sent from another site; open the page here and send it again")


def check_form(visit: Visit) -> None:
    """ForbiddenError unless the form carries its session's token."""
    if not visit.csrf or not hmac.compare_digest(visit.form.get(CSRF_FIELD, ""), visit.csrf):
        raise ForbiddenError("this form is of another session; open the page again")


def set_cookie(response: Response, request: Request, session: Session) -> None:
    """Hand the session to the browser, out of reach of scripts and of other sites."""
    response.set_cookie(
        COOKIE,
        session.secret,
        max_age=SESSION_HOURS * 3600,
        path=COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def drop_cookie(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")


def local_target(text: str | None) -> str:
    """Where to go after signing in: a page of this console, or its first one."""
    plain = text is not None and text.startswith(f"{COOKIE_PATH}/") and "\\" not in text and text.isprintable()
    return text if text is not None and plain else HOME
