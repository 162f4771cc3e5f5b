"""What becomes of returned units: repaired, wiped, graded into stock or scrapped, step by step (equipment rules 2, 4).

Wiping comes with the chip's own proof. A new epoch, its certificate and the self-test are the station's steps
(`fleet.services.provisioning`), and take the unit along its round as they happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boards import catalogue
from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.inspection import Inspection
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.domain.refurbishing import (
    Grade,
    Refurbishing,
    RefurbishingEvent,
    Round,
    RoundStep,
    WipeProof,
    check_may_restock,
)
from fleet.domain.unit import CustodyEvent, Unit, after
from fleet.services.refurbishing_track import open_round, required_round, take_step
from fleet.services.scrapping import scrap as scrap_unit
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

Step = Callable[[UnitOfWork, Unit, Round], Round]


@dataclass(frozen=True, slots=True)
class RoundDetail:
    """A round with the unit it is of, and its steps, oldest first."""

    unit: Unit
    round: Round
    steps: Sequence[RoundStep]


class Refurbishings:
    """The bench's use cases beside the station's."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(self, actor: Actor, limit: int, after_id: int | None, state: Refurbishing | None = None) -> list[Round]:
        """At most `limit` rounds with an id above `after_id`: those in `state`, or all that are not over."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            return RefurbishingRepository(uow).page(limit, after_id, state)

    def of_unit(self, actor: Actor, serial: str) -> RoundDetail:
        """The unit's present round or its last; NotFoundError if it never came back."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            unit, rounds = UnitRepository(uow).get(serial), RefurbishingRepository(uow)
            latest = rounds.latest_of(serial)
            if latest is None:
                raise NotFoundError(f"{serial} was never refurbished")
            return RoundDetail(unit, latest, rounds.steps(latest.id))

    def take_in(self, actor: Actor, serial: str, found: Inspection) -> RoundDetail:
        """Inspect a unit that came back by no RMA and is no account's; those of an RMA are inspected there."""
        actor.require(Permission.UNIT_PROVISION)
        with self._transactions.begin(actor) as uow:
            unit = UnitRepository(uow).hold(serial)
            waiting = RmaRepository(uow).uninspected_of(serial)
            if waiting is not None:
                raise ConflictError(f"{serial} came back for {refer(Noun.RMA, waiting.id)}: inspect it there")
            opened = open_round(uow, unit, found)
            detail = RoundDetail(unit, opened, RefurbishingRepository(uow).steps(opened.id))
            uow.audit(AuditAction.REFURBISHING_OPEN, serial, ["code"])
            uow.commit()
            return detail

    def repair(self, actor: Actor, serial: str, why: str) -> RoundDetail:
        """The unit was mended."""
        return self._step(actor, serial, why, AuditAction.REFURBISHING_REPAIR, RefurbishingEvent.REPAIR)

    def fail(self, actor: Actor, serial: str, why: str) -> RoundDetail:
        """The unit cannot be flashed, does not pass its self-test or is not fit to be sold: mend or scrap it."""
        return self._step(actor, serial, why, AuditAction.REFURBISHING_FAIL, RefurbishingEvent.FAIL)

    def wipe(self, actor: Actor, serial: str, proof: WipeProof) -> RoundDetail:
        """Nothing of what was in the unit's flash is left, by the chip's own proof."""

        def step(uow: UnitOfWork, unit: Unit, current: Round) -> Round:
            proof.check(unit, catalogue.load(unit.board).flash.bytes)
            return take_step(uow, current, RefurbishingEvent.WIPE, "erased at the station", proof.evidence)

        return self._carry_out(actor, serial, AuditAction.REFURBISHING_WIPE, ["wipe"], step)

    def grade(self, actor: Actor, serial: str, grade: Grade, why: str) -> RoundDetail:
        """The unit passed its self-test and looks like `grade`: it is stock again."""
        check_why(why)

        def step(uow: UnitOfWork, unit: Unit, current: Round) -> Round:
            check_may_restock(unit)
            UnitRepository(uow).save(after(unit, CustodyEvent.STOCK))
            return take_step(uow, current, RefurbishingEvent.GRADE, why, grade=grade)

        return self._carry_out(actor, serial, AuditAction.REFURBISHING_GRADE, ["grade", "custody"], step)

    def scrap(self, actor: Actor, serial: str, why: str) -> RoundDetail:
        """The unit is not worth it: its identity is revoked, its MAC retired."""
        check_why(why)

        def step(uow: UnitOfWork, unit: Unit, current: Round) -> Round:
            units = UnitRepository(uow)
            units.save(scrap_unit(uow, unit, why))
            units.note(serial, AuditAction.UNIT_SCRAP, why)
            return current.after(RefurbishingEvent.SCRAP)

        return self._carry_out(actor, serial, AuditAction.UNIT_SCRAP, ["trust", "custody"], step)

    def _step(self, actor: Actor, serial: str, why: str, action: AuditAction, event: RefurbishingEvent) -> RoundDetail:
        check_why(why)
        return self._carry_out(
            actor, serial, action, ["refurbishing"], lambda uow, _unit, current: take_step(uow, current, event, why)
        )

    def _carry_out(
        self, actor: Actor, serial: str, action: AuditAction, fields: Sequence[str], step: Step
    ) -> RoundDetail:
        actor.require(Permission.UNIT_PROVISION)
        with self._transactions.begin(actor) as uow:
            units, rounds = UnitRepository(uow), RefurbishingRepository(uow)
            unit = units.hold(serial)
            done = step(uow, unit, required_round(uow, unit))
            detail = RoundDetail(units.get(serial), done, rounds.steps(done.id))
            uow.audit(action, serial, fields)
            uow.commit()
            return detail
