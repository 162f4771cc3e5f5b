"""Which line each unit of an account serves: one a unit, passed on to whatever replaces it.

Ours, as long as numbers are not given out here: a line is named by the first placement of its chain, so that the
replaced unit and its replacement, on its way or there, end together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope, part_of_account
from fleet.domain.errors import InvalidError
from fleet.domain.placement import Placement


def lines_of_placements(placements: Iterable[Placement]) -> dict[str, frozenset[str]]:
    """The lines of each placement of an account, of all it ever had, by the placement's number."""
    first: dict[int, int] = {}
    for placement in sorted(placements, key=lambda placement: placement.id):
        replaced = placement.opened.replaces
        first[placement.id] = placement.id if replaced is None else first[replaced]
    return {str(number): frozenset({f"line-{root}"}) for number, root in first.items()}


def scope_of(serials: Sequence[str] | None, placements: Sequence[Placement]) -> Scope:
    """The scope that ends the lines of those units, None: all; InvalidError for a unit the account has not."""
    if serials is None:
        return WHOLE_ACCOUNT
    lines, here = lines_of_placements(placements), {p.opened.serial: p for p in placements if p.until is None}
    missing = sorted(set(serials) - set(here))
    if missing:
        raise InvalidError(f"the account has no unit {', '.join(missing)}; name units it has, or all")
    return part_of_account(*(line for serial in serials for line in lines[str(here[serial].id)]))


def placements_ended(scope: Scope, placements: Sequence[Placement]) -> list[Placement]:
    """The open placements whose last line `scope` ends."""
    lines = lines_of_placements(placements)
    here = {str(p.id): p for p in placements if p.until is None}
    return [here[number] for number in scope.units_ended({number: lines[number] for number in here})]
