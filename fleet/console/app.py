"""The console: pages for people, each with its permission in one table, behind one guard."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from fleet.console import calls, claims, doors, rmas, rollouts, units
from fleet.console.templates import STATIC, render
from fleet.console.visit import Visit, check_form, check_same_origin, drop_cookie, find_actor
from fleet.domain.access import ForbiddenError, Permission
from fleet.domain.errors import ConflictError, FleetError, NotFoundError, UnauthenticatedError
from fleet.services.build import Services

log = logging.getLogger(__name__)

CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STATIC_AGE: Final = "public, max-age=86400"
MAX_FORM_FIELDS: Final = 20
MAX_FORM_BYTES: Final = 16 * 1024

Handler = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """One address. `permission` None: open to all, as the doors must be.

    `shows`: whose Account data it shows to those who have that permission, too (equipment rules 8).
    """

    method: str
    path: str
    permission: Permission | None
    handler: Handler
    shows: Permission | None = None


P = Permission
PAGES: Final = (
    Page("GET", "/", P.TOKEN_OWN, doors.home),
    Page("GET", "/sign-in", None, doors.show_sign_in),
    Page("POST", "/sign-in", None, doors.sign_in),
    Page("POST", "/sign-out", P.TOKEN_OWN, doors.sign_out),
    Page("GET", "/setup", None, doors.show_setup),
    Page("POST", "/setup", None, doors.set_up),
    Page("GET", "/password", None, doors.show_password),
    Page("POST", "/password", None, doors.choose_password),
    Page("GET", "/claim", None, claims.show_claim),
    Page("POST", "/claim", P.UNIT_CLAIM, claims.claim),
    Page("GET", "/units", P.UNIT_READ, units.show_units),
    Page("GET", "/units/{serial}", P.UNIT_READ, units.show_unit, P.TERM_READ),
    Page("GET", "/units/{serial}/calls", P.CALL_READ, calls.show_calls),
    Page("GET", "/rollouts", P.ROLLOUT_READ, rollouts.show_rollouts),
    Page("GET", "/rollouts/{rollout}", P.ROLLOUT_READ, rollouts.show_rollout),
    Page("POST", "/rollouts/{rollout}/approve", P.ROLLOUT_APPROVE, rollouts.approve),
    Page("POST", "/rollouts/{rollout}/start", P.ROLLOUT_MANAGE, rollouts.start),
    Page("POST", "/rollouts/{rollout}/pause", P.ROLLOUT_MANAGE, rollouts.pause),
    Page("POST", "/rollouts/{rollout}/resume", P.ROLLOUT_MANAGE, rollouts.resume),
    Page("POST", "/rollouts/{rollout}/stop", P.ROLLOUT_MANAGE, rollouts.stop),
    Page("GET", "/rmas", P.RMA_READ, rmas.show_rmas),
    Page("GET", "/rmas/{rma}", P.RMA_READ, rmas.show_rma),
)


def create_console(services: Services) -> ContentPolicy:
    """The console as an ASGI application, to be mounted at /console."""
    routes = [Route(page.path, _guarded(page, services), methods=[page.method]) for page in PAGES]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        exception_handlers={HTTPException: _http_error(services), Exception: _unexpected_error(services)},
        middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_FORM_BYTES)],
    )
    return ContentPolicy(app)


def create_claim_door() -> Starlette:
    """What a label's QR names, to be mounted at /claim: browsers carry what stands behind # to where it leads."""
    return Starlette(routes=[Route("/", lambda _request: RedirectResponse("/console/claim", 303))])


class ContentPolicy:
    """Lets pages load nothing but our own style and script, and send forms nowhere else."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(b"content-security-policy", CONTENT_POLICY.encode())]
                if "/static/" in scope["path"]:
                    headers.append((b"cache-control", STATIC_AGE.encode()))
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, send_with_policy)


def _guarded(page: Page, services: Services) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> Response:
        visit = Visit(request, services)
        if request.method == "POST":
            async with request.form(max_files=0, max_fields=MAX_FORM_FIELDS) as form:
                fields = {name: value for name, value in form.items() if isinstance(value, str)}
            visit = replace(visit, form=fields)
        return await run_in_threadpool(_answer, page, visit)

    return endpoint


def _answer(page: Page, visit: Visit) -> Response:
    request = visit.request
    try:
        if request.method == "POST":
            check_same_origin(request)
        if page.permission is not None:
            visit = replace(visit, actor=find_actor(request, visit.services))
            visit.person.require(page.permission)
            if request.method == "POST":
                check_form(visit)
        response = page.handler(visit)
        if request.method == "GET" and response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            _record_read(page, visit)
        return response
    except UnauthenticatedError:
        wanted = request.url.path if request.method == "GET" else ""
        response = RedirectResponse(f"/console/sign-in?next={quote(wanted)}", 303)
        drop_cookie(response)
        return response
    except ForbiddenError as error:
        return render(visit, "error.html", 403, title="Not allowed", text=str(error))
    except NotFoundError as error:
        return render(visit, "error.html", 404, title="Not found", text=str(error))
    except ConflictError as error:
        return render(visit, "error.html", 409, title="Not possible now", text=str(error))
    except FleetError as error:
        return render(visit, "error.html", 422, title="Not possible", text=str(error))


def _record_read(page: Page, visit: Visit) -> None:
    """Keep the read if it is one of Account data, or shows some to who may see it."""
    subject = next(iter(visit.request.path_params.values()), None)
    for permission in (page.permission, page.shows if page.shows and visit.may(page.shows) else None):
        if permission is not None:
            what = f"/console{page.path}"
            visit.services.audit.record_read(visit.person, permission, what, subject, visit.query("account"))


def _http_error(services: Services) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = error.detail if isinstance(error, HTTPException) else ""
        title = "Not found" if status == 404 else "Not possible"
        return render(Visit(request, services), "error.html", status, title=title, text=f"{detail}.")

    return handle


def _unexpected_error(services: Services) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        request_id = request.scope.get("plugtone.request_id", "")
        log.error("request %s failed: %r", request_id, error)
        text = f"The service failed. Its log has the reason beside request {request_id}."
        return render(Visit(request, services), "error.html", 500, title="That went wrong", text=text)

    return handle
