"""The ways in and out: sign-in, sign-out, and the pages behind one-time links."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from fleet.console.templates import render
from fleet.console.visit import COOKIE, HOME, Visit, drop_cookie, local_target, set_cookie
from fleet.domain.errors import ConflictError, InvalidError, TooManyAttemptsError, UnauthenticatedError
from fleet.domain.people import MIN_PASSWORD_CHARACTERS


def home(_visit: Visit) -> Response:
    """The first page."""
    return RedirectResponse(HOME, 303)


def show_sign_in(visit: Visit) -> Response:
    """The form; and a hint on a service that has no admin yet."""
    return _sign_in_form(visit, 200, email="", target=local_target(visit.query("next")), error="")


def sign_in(visit: Visit) -> Response:
    """Check the password; the same answer for whatever was wrong."""
    email, target = visit.form.get("email", ""), local_target(visit.form.get("next"))
    try:
        return _let_in(visit, email, visit.form.get("password", ""), target)
    except UnauthenticatedError as error:
        return _sign_in_form(visit, 401, email=email, target=target, error=str(error))
    except TooManyAttemptsError as error:
        return _sign_in_form(visit, 429, email=email, target=target, error=str(error))


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.services.access.sign_out(visit.person, visit.request.cookies[COOKIE])
    response = RedirectResponse("/console/sign-in", 303)
    drop_cookie(response)
    return response


def show_setup(visit: Visit) -> Response:
    """The form for the first admin; its secret comes with the link's fragment."""
    return _setup_form(visit, 200, "")


def set_up(visit: Visit) -> Response:
    """Make the first admin and sign them in."""
    form = visit.form
    email, password = form.get("email", ""), form.get("password", "")
    try:
        visit.services.people.setup(form.get("secret", ""), form.get("name", ""), email, password)
    except (InvalidError, ConflictError) as error:
        return _setup_form(visit, 422, str(error))
    except UnauthenticatedError as error:
        return _setup_form(visit, 401, str(error))
    return _let_in(visit, email, password, HOME)


def show_password(visit: Visit) -> Response:
    """The form of an invitation."""
    return _password_form(visit, 200, "")


def choose_password(visit: Visit) -> Response:
    """Set the password of who holds the link and sign them in."""
    password = visit.form.get("password", "")
    try:
        person = visit.services.people.choose_password(visit.form.get("secret", ""), password)
    except (InvalidError, ConflictError) as error:
        return _password_form(visit, 422, str(error))
    except UnauthenticatedError as error:
        return _password_form(visit, 401, str(error))
    return _let_in(visit, person.email, password, HOME)


def _let_in(visit: Visit, email: str, password: str, target: str) -> Response:
    address = visit.request.client.host if visit.request.client else ""
    session = visit.services.access.sign_in(email, password, address)
    response = RedirectResponse(target, 303)
    set_cookie(response, visit.request, session)
    return response


def _sign_in_form(visit: Visit, status: int, *, email: str, target: str, error: str) -> Response:
    is_set_up = visit.services.people.has_admin()
    return render(visit, "sign_in.html", status, email=email, target=target, error=error, is_set_up=is_set_up)


def _setup_form(visit: Visit, status: int, error: str) -> Response:
    kept = {name: visit.form.get(name, "") for name in ("secret", "name", "email")}
    return render(visit, "setup.html", status, kept=kept, error=error, min_length=MIN_PASSWORD_CHARACTERS)


def _password_form(visit: Visit, status: int, error: str) -> Response:
    kept = {"secret": visit.form.get("secret", "")}
    return render(visit, "password.html", status, kept=kept, error=error, min_length=MIN_PASSWORD_CHARACTERS)
