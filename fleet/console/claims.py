"""The page behind a label's QR: who holds a unit that is nobody's takes it into their account.

Serial number and code stand behind # in the address: no browser sends them, and claim.js takes them from there.
"""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from fleet.console.templates import render
from fleet.console.visit import Visit, find_actor
from fleet.domain.access import Permission
from fleet.domain.claim import MAX_CODE_CHARACTERS
from fleet.domain.errors import ConflictError, InvalidError, TooManyAttemptsError, UnauthenticatedError


def show_claim(visit: Visit) -> Response:
    """The form for an Administrator; for anybody else, who may do it."""
    try:
        actor = find_actor(visit.request, visit.services)
    except UnauthenticatedError:
        return _form(visit, 200, is_known=False, may=False)
    may = actor.account_id is not None and Permission.UNIT_CLAIM in actor.permissions
    return _form(visit, 200, is_known=True, may=may)


def claim(visit: Visit) -> Response:
    """Claim it, and show it; one answer for whatever was wrong."""
    serial, code = visit.form.get("serial", "").strip().upper(), visit.form.get("code", "")
    try:
        visit.services.claims.claim(visit.person, serial, code[:MAX_CODE_CHARACTERS])
    except (ConflictError, InvalidError) as error:
        return _form(visit, 409, is_known=True, may=True, serial=serial, error=str(error))
    except TooManyAttemptsError as error:
        response = _form(visit, 429, is_known=True, may=True, serial=serial, error=str(error))
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    return RedirectResponse(f"/console/units/{serial}", 303)


def _form(visit: Visit, status: int, *, is_known: bool, may: bool, serial: str = "", error: str = "") -> Response:
    values = {"is_known": is_known, "may": may, "serial": serial, "error": error, "max_code": MAX_CODE_CHARACTERS}
    return render(visit, "claim.html", status, **values)
