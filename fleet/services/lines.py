"""Which line each unit of an account serves: one a unit, passed on to whatever replaces it.

A line is named by the first placement of its chain, so that the replaced unit and its replacement, on its way or
there, end together; its number and registered location hang on that name, and so move with it at a swap (ER 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope, part_of_account
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.placement import Placement
from fleet.domain.unit import Unit
from fleet.store.placements import PlacementRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository


def lines_of_placements(placements: Iterable[Placement]) -> dict[str, frozenset[str]]:
    """The lines of each placement of an account, of all it ever had, by the placement's number."""
    first: dict[int, int] = {}
    for placement in sorted(placements, key=lambda placement: placement.id):
        replaced = placement.opened.replaces
        first[placement.id] = placement.id if replaced is None else first[replaced]
    return {str(number): frozenset({f"line-{root}"}) for number, root in first.items()}


def scope_of(serials: Sequence[str] | None, placements: Sequence[Placement]) -> Scope:
    """The scope that ends the lines of those units, None: all; InvalidError for a unit the account never had.

    A unit that is back, or was replaced, stands for its line, which whatever replaces it serves.
    """
    if serials is None:
        return WHOLE_ACCOUNT
    lines, last = lines_of_placements(placements), {p.opened.serial: p for p in placements}
    missing = sorted(set(serials) - set(last))
    if missing:
        raise InvalidError(f"the account has no unit {', '.join(missing)}; name units it has, or all")
    return part_of_account(*(line for serial in serials for line in lines[str(last[serial].id)]))


def placements_ended(scope: Scope, placements: Sequence[Placement]) -> list[Placement]:
    """The open placements whose last line `scope` ends."""
    return [placement for placement in stays_ended(scope, placements) if placement.until is None]


def stays_ended(scope: Scope, placements: Sequence[Placement]) -> list[Placement]:
    """All placements whose last line `scope` ends, also those that are over: a line ends without a unit, too."""
    known = {str(placement.id): placement for placement in placements}
    return [known[number] for number in scope.units_ended(lines_of_placements(placements))]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an account and the units it has: the one that serves it, and one on its way to replace that."""

    id: int
    account_id: int
    units: tuple[Unit, ...] = ()


def line_of_unit(uow: UnitOfWork, serial: str) -> Line:
    """The line the unit serves, not held; ConflictError for a unit that no account has."""
    UnitRepository(uow).get(serial)
    placements = PlacementRepository(uow)
    placement = placements.open_of(serial)
    if placement is None:
        raise ConflictError(f"{serial} is at no account: it has no line")
    return Line(placements.line_of(placement), placement.opened.account_id)


def hold_line(uow: UnitOfWork, line: int) -> Line:
    """The line with its units, in nobody else's hands until the transaction ends: all that changes it holds them."""
    placements, units = PlacementRepository(uow), UnitRepository(uow)
    here = _serials(placements, line)
    units.hold_all(here)
    held = tuple(units.get(serial) for serial in sorted(here))
    if _serials(placements, line) != here:
        raise ConflictError("a unit of this line came or went just now; try again")
    return Line(line, placements.get(line).opened.account_id, held)


def _serials(placements: PlacementRepository, line: int) -> set[str]:
    return {placement.opened.serial for placement in placements.on_line(line) if placement.until is None}
