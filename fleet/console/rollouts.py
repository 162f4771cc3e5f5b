"""Rollouts: the list, each unit's state in one, and the steps a person may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from fleet.console.templates import render
from fleet.console.visit import Visit
from fleet.domain.access import Actor, Permission, Seen
from fleet.domain.errors import InvalidError
from fleet.domain.references import Noun, number_of
from fleet.domain.rollout import ENDS, TRANSITIONS, Rollout, RolloutEvent, UnitState
from fleet.domain.rollout_course import due

PAGE_ROWS: Final = 25
UNIT_ROWS: Final = 50
MAX_WHY_CHARACTERS: Final = 300
LIVE_S: Final = 3  # a page of a rollout that goes on is looked at again after that

# The steps a person takes, what each demands, and whether it asks why.
STEPS: Final = (
    (RolloutEvent.APPROVE, Permission.ROLLOUT_APPROVE, False),
    (RolloutEvent.START, Permission.ROLLOUT_MANAGE, False),
    (RolloutEvent.RESUME, Permission.ROLLOUT_MANAGE, False),
    (RolloutEvent.PAUSE, Permission.ROLLOUT_MANAGE, True),
    (RolloutEvent.STOP, Permission.ROLLOUT_MANAGE, True),
)


def show_rollouts(visit: Visit) -> Response:
    """Newest first."""
    after = visit.query("after")
    after_id = None if after is None else number_of(Noun.ROLLOUT, after)
    rows = visit.services.rollouts.page(visit.person, PAGE_ROWS + 1, after_id)
    following = None
    if len(rows) > PAGE_ROWS:
        rows = rows[:PAGE_ROWS]
        following = "?" + urlencode({"after": rows[-1].reference})
    return render(visit, "rollouts.html", rows=rows, following=following, shares=_shares)


def show_rollout(visit: Visit) -> Response:
    """One rollout and the state of its units."""
    rollout = visit.services.rollouts.get(visit.person, _number(visit))
    units = visit.services.rollouts.units(visit.person, rollout.id, UNIT_ROWS + 1, visit.query("after"))
    following = None
    if len(units) > UNIT_ROWS:
        units = units[:UNIT_ROWS]
        following = "?" + urlencode({"after": units[-1].serial})
    steps = [
        (event, asks_why)
        for event, permission, asks_why in STEPS
        if visit.may(permission) and (rollout.state, event) in TRANSITIONS
    ]
    course = visit.services.rollouts.standing(visit.person, rollout.id) if rollout.by_groups else None
    return render(
        visit,
        "rollout.html",
        rollout=rollout,
        units=units,
        following=following,
        steps=steps,
        shares=_shares,
        course=course,
        limit=due(course) if course else None,
        live_s=None if rollout.state in ENDS else LIVE_S,
    )


def approve(visit: Visit) -> Response:
    """Let it be started."""
    return _take(visit, visit.services.rollouts.approve)


def start(visit: Visit) -> Response:
    """Begin to assign."""
    return _take(visit, visit.services.rollouts.start)


def resume(visit: Visit) -> Response:
    """Go on, knowing the failures."""
    return _take(visit, visit.services.rollouts.resume)


def pause(visit: Visit) -> Response:
    """Assign no further unit."""
    why = _why(visit)
    return _take(visit, lambda actor, number: visit.services.rollouts.pause(actor, number, why))


def stop(visit: Visit) -> Response:
    """End it."""
    why = _why(visit)
    return _take(visit, lambda actor, number: visit.services.rollouts.stop(actor, number, why))


def _take(visit: Visit, step: Callable[[Actor, int], Rollout]) -> Response:
    version = visit.form.get("version", "")
    if not version.isdecimal():
        raise InvalidError(f"the form has no version, got {version[:20]!r}; open the page again")
    seen = Seen(visit.request.path_params["rollout"], int(version))
    rollout = step(replace(visit.person, seen=seen), _number(visit))
    return RedirectResponse(f"/console/rollouts/{rollout.reference}", 303)


def _number(visit: Visit) -> int:
    return number_of(Noun.ROLLOUT, visit.request.path_params["rollout"])


def _why(visit: Visit) -> str:
    why = visit.form.get("why", "").strip()
    if not 1 <= len(why) <= MAX_WHY_CHARACTERS:
        raise InvalidError(f"say why in 1 to {MAX_WHY_CHARACTERS} characters")
    return why


def _shares(rollout: Rollout) -> list[tuple[UnitState, int]]:
    """How many units are in each state, without the empty ones, in the order of a unit's way."""
    return [(state, count) for state in UnitState if (count := rollout.counts.get(state, 0))]
