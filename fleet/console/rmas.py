"""RMAs: the list with its three tracks, and one RMA step by step."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from fleet.console.templates import render
from fleet.console.visit import Visit
from fleet.domain.references import Noun, number_of, refer

PAGE_ROWS: Final = 25


def show_rmas(visit: Visit) -> Response:
    """The list, oldest first."""
    after = visit.query("after")
    after_id = None if after is None else number_of(Noun.RMA, after)
    rows = visit.services.rmas.page(visit.person, PAGE_ROWS + 1, after_id)
    following = None
    if len(rows) > PAGE_ROWS:
        rows = rows[:PAGE_ROWS]
        following = "?" + urlencode({"after": refer(Noun.RMA, rows[-1].id)})
    return render(visit, "rmas.html", rows=rows, following=following)


def show_rma(visit: Visit) -> Response:
    """One RMA: what was decided, what was sent, what came back, and who did it when."""
    number = number_of(Noun.RMA, visit.request.path_params["rma"])
    rma, steps = visit.services.rmas.get(visit.person, number)
    return render(visit, "rma.html", rma=rma, steps=steps)
