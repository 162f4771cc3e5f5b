"""One step of a unit's round through refurbishing: the rules decide, and who, when and why are kept.

The caller holds the unit, moves it along, and commits.
"""

from __future__ import annotations

from fleet.domain.errors import ConflictError
from fleet.domain.inspection import Inspection
from fleet.domain.refurbishing import Grade, RefurbishingEvent, Round, RoundStep, check_may_take_in
from fleet.domain.unit import Custody, Unit
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.unit_of_work import UnitOfWork

TRIAGE = "triage"  # the first line of a round, before any event of its table


def open_round(uow: UnitOfWork, unit: Unit, found: Inspection, rma_id: int | None = None) -> Round:
    """The unit's next round, which waits for whoever refurbishes, repairs or scraps it."""
    rounds = RefurbishingRepository(uow)
    check_may_take_in(unit)
    if rounds.open_of(unit.serial) is not None:
        raise ConflictError(f"{unit.serial} is being refurbished already")
    opened = rounds.add(unit.serial, found.code, rma_id)
    why = f"{found.code}: {found.note or found.photo}"
    rounds.record(opened.id, RoundStep(TRIAGE, opened.state, uow.now, uow.actor.reference, why))
    return opened


def round_of(uow: UnitOfWork, unit: Unit) -> Round | None:
    """The round the unit is in; None for one on no such way. ConflictError for one that came back uninspected."""
    current = RefurbishingRepository(uow).open_of(unit.serial)
    if current is None and unit.custody is Custody.RETURNED:
        raise ConflictError(f"{unit.serial} came back and nobody has looked at it: inspect it first")
    return current


def required_round(uow: UnitOfWork, unit: Unit) -> Round:
    """The round the unit is in; ConflictError if it is in none."""
    current = round_of(uow, unit)
    if current is None:
        raise ConflictError(f"{unit.serial} is {unit.custody} and not being refurbished")
    return current


def take_step(
    uow: UnitOfWork,
    current: Round,
    event: RefurbishingEvent,
    why: str = "",
    evidence: str = "",
    grade: Grade | None = None,
) -> Round:
    """The round after `event`, stored with its step."""
    after = current.after(event) if grade is None else current.graded(grade)
    rounds = RefurbishingRepository(uow)
    rounds.record(current.id, RoundStep(event, after.state, uow.now, uow.actor.reference, why, evidence))
    return rounds.save(after)
