"""Every error leaves the API as application/problem+json (RFC 9457) with a stable code."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from fleet.domain.access import ForbiddenError
from fleet.domain.errors import FleetError, TooManyAttemptsError

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
MAX_FIELD_ERRORS: Final = 20

# The most special code first; a code not named here takes the status of the nearest class of its error that is.
STATUS_OF_CODE: Final = {
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "not_found": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "illegal_transition": HTTPStatus.CONFLICT,
    "stale_version": HTTPStatus.PRECONDITION_FAILED,
    "too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "fleet_error": HTTPStatus.BAD_REQUEST,
}


def status_of(error: FleetError) -> HTTPStatus:
    """The HTTP status of an error's class: its own code's, or that of its nearest ancestor with one."""
    for kind in type(error).__mro__:
        status = STATUS_OF_CODE.get(getattr(kind, "code", ""))
        if status is not None:
            return status
    return HTTPStatus.BAD_REQUEST


def problem(request: Request, status: int, code: str, detail: str, **members: Any) -> JSONResponse:
    """One problem document; `members` are added to it as they are."""
    return problem_of(request.scope.get("plugtone.request_id", ""), status, code, detail, **members)


def problem_of(request_id: str, status: int, code: str, detail: str, **members: Any) -> JSONResponse:
    """The same where there is no request any more."""
    content = {
        "type": f"urn:plugtone:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **members,
    }
    return JSONResponse(content, status, media_type=MEDIA_TYPE)


def _fleet_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FleetError)  # noqa: S101 - registered for this class
    response = problem(request, status_of(error), error.code, str(error))
    if isinstance(error, TooManyAttemptsError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _forbidden(request: Request, error: Exception) -> JSONResponse:
    return problem(request, HTTPStatus.FORBIDDEN, "forbidden", str(error))


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    found = [
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors()[:MAX_FIELD_ERRORS]
    ]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in found)
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors=found)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    status = HTTPStatus(error.status_code)
    response = problem(request, status, status.name.lower(), str(error.detail))
    response.headers.update(error.headers or {})
    return response


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request %s failed: %r", request.scope.get("plugtone.request_id"), error)
    detail = "the service failed; its log has the reason beside the request id"
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail)


def add_problem_handlers(app: FastAPI) -> None:
    """Make `app` answer every error as a problem."""
    app.add_exception_handler(FleetError, _fleet_error)
    app.add_exception_handler(ForbiddenError, _forbidden)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
