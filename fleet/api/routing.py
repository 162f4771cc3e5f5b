"""Every route declares its permission; the guard checks it before the route's own code runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from fleet.api.idempotency import KEY_HEADER, WRITING_METHODS, errand_of, run_once
from fleet.api.pages import etag, version_of
from fleet.domain.access import Actor, Permission, Seen
from fleet.services.build import Services


class Openness(StrEnum):
    """The one value that stands for no permission at all."""

    PUBLIC = "public"


PUBLIC: Final = Openness.PUBLIC
Demand = Permission | Openness
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

EXTENSION = "x-permission"
OPERATOR_HEADER: Final = "Plugtone-Operator"  # the badge of who works at the station that asks
IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag that was read: the write is refused with 412 if there is another version by now.",
}
SECRET = "x-secret-answer"  # noqa: S105 - marks answers that show a secret once and must be kept nowhere


class UndeclaredPermissionError(TypeError):
    """A route was written without saying who may call it; raised at import."""


class PermittedRoute(APIRoute):
    """A route whose OpenAPI entry names its permission, and whose guard enforces exactly that."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        declared = (options.get("openapi_extra") or {}).get(EXTENSION)
        if declared is None:
            raise UndeclaredPermissionError(f"{path} declares no permission; give permission=Permission.X or PUBLIC")
        self.permission: Demand = PUBLIC if declared == PUBLIC else Permission(declared)
        self.secret_answer = bool((options.get("openapi_extra") or {}).get(SECRET))
        super().__init__(path, endpoint, **options)

    @property
    def versioned(self) -> bool:
        """Whether its answer shows the version of something: that is its ETag, and what `If-Match` takes."""
        fields = getattr(self.response_model, "model_fields", {})
        return "version" in fields and fields["version"].annotation is int

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        if self.versioned:
            handler = _tagging(handler)
            changes = WRITING_METHODS.intersection(self.methods or ()) and self.status_code != HTTPStatus.CREATED
            if changes and self.param_convertors:
                self.openapi_extra = {**(self.openapi_extra or {}), "parameters": [IF_MATCH]}
        permission, keeps_answer = self.permission, not self.secret_answer
        if isinstance(permission, Openness):
            return handler

        async def guarded(request: Request) -> Response:
            services = services_of(request)
            actor = services.access.authenticate(request.headers.get("authorization"))
            actor.require(permission)
            if OPERATOR_HEADER in request.headers:
                actor = services.access.operated(actor, request.headers[OPERATOR_HEADER])
            if request.method in WRITING_METHODS:
                actor = replace(actor, seen=_seen(request))
            if request.method in WRITING_METHODS and KEY_HEADER in request.headers:
                errand = await errand_of(request)
                request.state.actor = actor = replace(actor, errand=errand)
                return await run_once(services, actor, handler, request, keeps_answer)
            request.state.actor = actor
            response = await handler(request)
            if request.method == "GET" and response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                await run_in_threadpool(_record_read, services, actor, permission, request)
            return response

        return guarded


class PermittedRouter(APIRouter):
    """An APIRouter whose verbs demand `permission=`: `@router.get("/v1/units", permission=Permission.UNIT_READ)`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=PermittedRoute, **options)

    def get(self, path: str, *, permission: Demand, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        """Declare a read."""
        return self._declare("GET", path, permission, options)

    def post(self, path: str, *, permission: Demand, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        """Declare a creation or a step."""
        return self._declare("POST", path, permission, options)

    def put(self, path: str, *, permission: Demand, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        """Declare a replacement of the whole."""
        return self._declare("PUT", path, permission, options)

    def patch(self, path: str, *, permission: Demand, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        """Declare a change of some fields."""
        return self._declare("PATCH", path, permission, options)

    def delete(self, path: str, *, permission: Demand, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        """Declare an end."""
        return self._declare("DELETE", path, permission, options)

    def _declare(
        self, method: str, path: str, permission: Demand, options: dict[str, Any]
    ) -> Callable[[Endpoint], Endpoint]:
        extra = {**(options.pop("openapi_extra", None) or {}), EXTENSION: str(permission)}
        return self.api_route(path, methods=[method], openapi_extra=extra, **options)


def _tagging(handler: Handler) -> Handler:
    """The handler, its answers under the ETag of the version they show."""

    async def tagged(request: Request) -> Response:
        response = await handler(request)
        if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            response.headers["ETag"] = etag(json.loads(bytes(response.body))["version"])
        return response

    return tagged


def _record_read(services: Services, actor: Actor, permission: Permission, request: Request) -> None:
    """Keep the read if it is one of Account data."""
    subject, account = next(iter(request.path_params.values()), None), request.query_params.get("account")
    services.audit.record_read(actor, permission, request.scope["route"].path, subject, account)


def _seen(request: Request) -> Seen | None:
    """What the sender saw of the thing that the path names, by its `If-Match`; None if they did not say."""
    version = version_of(request.headers.get("if-match"))
    whole = request.url.path.rpartition("/")[2]  # of what has no number, as the policy
    return None if version is None else Seen(next(reversed(request.path_params.values()), whole), version)


def services_of(request: Request) -> Services:
    """The application's services, as create_app put them there."""
    return cast(Services, request.app.state.services)


def current_actor(request: Request) -> Actor:
    """Who the guard found behind this request; only on routes that declare a permission."""
    return cast(Actor, request.state.actor)


ActorDep = Annotated[Actor, Depends(current_actor)]
ServicesDep = Annotated[Services, Depends(services_of)]
