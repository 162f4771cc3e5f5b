"""Units: a list to search and filter, and all about one of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeVar
from urllib.parse import urlencode

from starlette.responses import Response

from fleet.console.templates import render
from fleet.console.visit import Visit
from fleet.domain.access import Permission
from fleet.domain.errors import InvalidError, NotFoundError
from fleet.domain.heartbeat import MISSED_HEARTBEATS
from fleet.domain.quote import QuoteLine
from fleet.domain.references import Noun, number_of
from fleet.domain.unit import Custody, Trust
from fleet.services.unit_views import UnitFilter
from protocol.wire.enumerations import EVENTS, LINE_STATES, UNIT_STATES, UPDATE_STATES
from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress

PAGE_ROWS: Final = 25
MAX_SEARCH_CHARACTERS: Final = 64
CARRIED: Final = ("q", "custody", "trust", "account")

Choice = TypeVar("Choice", Custody, Trust)


def show_units(visit: Visit) -> Response:
    """The list; a search for one whole MAC or serial number leads to what it names."""
    error = ""
    try:
        wanted = _wanted(visit)
    except (InvalidError, NotFoundError) as refused:
        wanted, error = None, str(refused)
    rows = []
    if wanted is not None:
        rows = visit.services.unit_views.page(visit.person, wanted, PAGE_ROWS + 1, visit.query("after"))
    following = None
    if len(rows) > PAGE_ROWS:
        rows = rows[:PAGE_ROWS]
        carried = {name: value for name in CARRIED if (value := visit.query(name))}
        following = "?" + urlencode({**carried, "after": rows[-1].serial})
    return render(
        visit,
        "units.html",
        422 if error else 200,
        rows=rows,
        following=following,
        custodies=list(Custody),
        trusts=list(Trust),
        unit_states=UNIT_STATES,
        online_since=_online_since(visit),
        error=error,
    )


def show_unit(visit: Visit) -> Response:
    """One unit: identity, state, placement, term, update, events."""
    serial = visit.request.path_params["serial"]
    detail = visit.services.units.get(visit.person, serial)
    history = visit.services.unit_views.history(visit.person, serial)
    explained = visit.services.update_explanations.explain(visit.person, serial)
    return render(
        visit,
        "unit.html",
        detail=detail,
        unit=detail.unit,
        heartbeat=detail.heartbeat,
        history=history,
        explained=explained,
        quote=_quote(visit, serial),
        calls_shown=visit.may(Permission.CALL_READ) and detail.unit.account_id is not None,
        online_since=_online_since(visit),
        names={"unit": UNIT_STATES, "line": LINE_STATES, "update": UPDATE_STATES, "event": EVENTS},
    )


def _online_since(visit: Visit) -> object:
    """The earliest last heartbeat of a unit that counts as online."""
    missed = timedelta(seconds=visit.services.settings.heartbeat_s * MISSED_HEARTBEATS)
    return visit.services.transactions.clock() - missed


def _wanted(visit: Visit) -> UnitFilter:
    account = visit.query("account")
    serial, mac = _search(visit.query("q"))
    return UnitFilter(
        serial=serial,
        mac=mac,
        custody=_choice(Custody, visit.query("custody")),
        trust=_choice(Trust, visit.query("trust")),
        account_id=None if account is None else number_of(Noun.ACCOUNT, account.upper()),
    )


def _search(text: str | None) -> tuple[str | None, MacAddress | None]:
    """What was typed, as the beginning of a serial number or as a MAC address."""
    if text is None:
        return None, None
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise InvalidError(f"search for a serial number or a MAC address, got {len(text)} characters")
    try:
        return None, MacAddress.parse(text)
    except WireError:
        return text.upper(), None


def _choice(kind: type[Choice], text: str | None) -> Choice | None:
    if text is None:
        return None
    if text not in set(kind):
        raise InvalidError(f"{text!r} is none of {', '.join(kind)}")
    return kind(text)


def _quote(visit: Visit, serial: str) -> QuoteLine | None:
    """The unit's term and today's fee, None where it has no placement or the visitor may not see it."""
    if not visit.may(Permission.TERM_READ):
        return None
    try:
        return visit.services.terms.of_unit(visit.person, serial)[1]
    except NotFoundError:
        return None
