"""Pages are templates; values are shown in the operator's time zone, states as labelled pills."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from fleet.console.visit import Visit
from fleet.domain.access import Permission
from fleet.domain.references import Noun, refer

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
TEMPLATES: Final = HERE / "templates"

# The tone of a state's pill; what is not named here is neutral.
_STATES_BY_TONE: Final = {
    "good": "active good staged confirmed finished approved delivered ready registered full",
    "busy": "running assigned downloading trial placed shipped in_transit registering in_call",
    "warn": "paused quarantined reverted overdue waiting_for_approval stopping emergency_only outgoing_only "
    "unregistered fair",
    "bad": "revoked failed denied lost scrapped refused poor",
}
TONES: Final = {state: tone for tone, states in _STATES_BY_TONE.items() for state in states.split()}

NAVIGATION: Final = (
    ("/console/units", "Units", Permission.UNIT_READ),
    ("/console/rollouts", "Rollouts", Permission.ROLLOUT_READ),
    ("/console/rmas", "RMAs", Permission.RMA_READ),
)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        static=_static_address,
        span=span,
        navigation=NAVIGATION,
        tone=lambda state: TONES.get(str(state), "plain"),
        account=lambda number: refer(Noun.ACCOUNT, number),
        rma_reference=lambda number: refer(Noun.RMA, number),
    )
    environment.filters["words"] = lambda value: str(value).replace("_", " ")
    return environment


@cache
def _static_address(name: str) -> str:
    """A file's address, which changes with its contents, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/console/static/{name}?v={digest}"


def render(visit: Visit, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for this visit."""
    zone = ZoneInfo(visit.services.settings.time_zone)
    now = visit.services.transactions.clock()

    def local(instant: datetime) -> str:
        return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")

    def ago(instant: datetime) -> str:
        return span(max(0, int((now - instant).total_seconds())))

    text = (
        _environment()
        .get_template(template)
        .render(visit=visit, path=visit.request.url.path, zone=zone.key, local=local, ago=ago, **values)
    )
    return HTMLResponse(text, status)


def span(seconds: int) -> str:
    """A period in one unit: 40 s, 5 min, 3 h, 12 d."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
