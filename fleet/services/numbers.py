"""The operator's phone numbers: taken in, given to lines, ported in and out, released (ER 7, ToS 22).

- The porting itself is another system's; here is noted what came of it.
- A number hangs on a line, so that it moves with the line at a swap. Units are held first, then the number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.phone_number import (
    HELD,
    MAX_IMPORTED_NUMBERS,
    NumberEvent,
    NumberState,
    PhoneNumber,
    after,
    check_number,
    given_to,
    numbers_between,
)
from fleet.domain.reason import check_why
from fleet.services.csv_table import csv_rows
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.lines import Line, hold_line, line_of_unit
from fleet.services.mac_blocks import require_inventory
from fleet.services.on_record import administrator_on_record
from fleet.store.numbers import NumberRepository, NumberStep
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

ACTIONS = {
    NumberEvent.ASSIGN: AuditAction.NUMBER_ASSIGN,
    NumberEvent.PORT_IN: AuditAction.NUMBER_PORT_IN,
    NumberEvent.TAKE_EFFECT: AuditAction.NUMBER_TAKE_EFFECT,
    NumberEvent.FAIL_PORT: AuditAction.NUMBER_FAIL_PORT,
    NumberEvent.PORT_OUT: AuditAction.NUMBER_PORT_OUT,
    NumberEvent.RELEASE: AuditAction.NUMBER_RELEASE,
    NumberEvent.RESTOCK: AuditAction.NUMBER_RESTOCK,
}
COLUMNS: Final = ("first", "last")


@dataclass(frozen=True, slots=True)
class RangeReport:
    """A line of an import: the numbers of it that are new, or why it is refused."""

    line: int
    range: str
    new: int = 0
    reason: str = ""


class Numbers:
    """Numbers in the actor's scope."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def page(
        self,
        actor: Actor,
        limit: int,
        after_number: str | None,
        state: NumberState | None = None,
        account_id: int | None = None,
    ) -> list[PhoneNumber]:
        """At most `limit` numbers above `after_number`."""
        actor.require(Permission.NUMBER_READ)
        with self._transactions.read(actor) as uow:
            return NumberRepository(uow).page(limit, after_number, state, account_id)

    def find(self, actor: Actor, number: str) -> list[PhoneNumber]:
        """The number that is written so: one, or none."""
        actor.require(Permission.NUMBER_READ)
        with self._transactions.read(actor) as uow:
            found = NumberRepository(uow).find(check_number(number))
            return [] if found is None else [found]

    def get(self, actor: Actor, number_id: int) -> tuple[PhoneNumber, list[NumberStep]]:
        """One number and its history."""
        actor.require(Permission.NUMBER_READ)
        with self._transactions.read(actor) as uow:
            return NumberRepository(uow).get(number_id), NumberRepository(uow).history(number_id)

    def take_in(self, actor: Actor, file: BinaryIO, dry_run: bool) -> list[RangeReport]:
        """The file's ranges of the operator's own, as inventory: all or, if one is refused, none; a report for each.

        A number that is known already stays as it is.
        """
        require_inventory(actor, Permission.NUMBER_MANAGE)
        with self._transactions.begin(actor) as uow:
            reports, new = _judge(uow, csv_rows(file, COLUMNS))
            if new and not dry_run and not any(report.reason for report in reports):
                NumberRepository(uow).add([PhoneNumber(number, NumberState.INVENTORY, own=True) for number in new])
                uow.audit(AuditAction.NUMBER_IMPORT, f"{new[0]}+{len(new) - 1}", ["number"])
                uow.commit()
            return reports

    def assign(self, actor: Actor, serial: str, number: str | None = None) -> PhoneNumber:
        """Give the unit's line a number of the inventory: the one named, else the first."""

        def change(uow: UnitOfWork, line: Line) -> PhoneNumber:
            _check_free(uow, line, NumberState.ASSIGNED)
            if number is None:
                given = assign_next(uow, line.id, line.account_id)
                if given is None:
                    raise ConflictError("the inventory has no number left; take some in")
                return given
            named = NumberRepository(uow).find(check_number(number))
            if named is None:
                raise NotFoundError(f"the inventory has no number {number}; take it in first")
            chosen = NumberRepository(uow).hold(named.id)
            return _keep(uow, given_to(chosen, NumberEvent.ASSIGN, line.id, line.account_id), NumberEvent.ASSIGN)

        return self._on_line(actor, serial, change)

    def port_in(self, actor: Actor, serial: str, number: str, administrator: str | None) -> PhoneNumber:
        """An Administrator brings a number along: outgoing calls only until the port is effective (ToS 22.a)."""

        def change(uow: UnitOfWork, line: Line) -> PhoneNumber:
            _check_free(uow, line, NumberState.PORTING_IN)
            who = administrator_on_record(uow, line.account_id, administrator)
            return _keep(uow, _ported(uow, check_number(number), line), NumberEvent.PORT_IN, f"asked for by {who}")

        return self._on_line(actor, serial, change)

    def take_effect(self, actor: Actor, number_id: int) -> PhoneNumber:
        """The port is effective; a number the line had meanwhile is released."""

        def change(uow: UnitOfWork, ported: PhoneNumber) -> PhoneNumber:
            ported = after(ported, NumberEvent.TAKE_EFFECT)
            for other in NumberRepository(uow).of_line(ported.line or 0):
                if other.state is NumberState.ASSIGNED:
                    _keep(
                        uow,
                        after(other, NumberEvent.RELEASE),
                        NumberEvent.RELEASE,
                        f"{ported.reference} took its place",
                    )
            return _keep(uow, ported, NumberEvent.TAKE_EFFECT)

        return self._on_number(actor, number_id, change)

    def port_out(self, actor: Actor, number_id: int, administrator: str | None) -> PhoneNumber:
        """The number went to another carrier: that ends nothing, the account stays and owes (ToS 22.b, 22.c)."""

        def change(uow: UnitOfWork, held: PhoneNumber) -> PhoneNumber:
            gone = after(held, NumberEvent.PORT_OUT)
            who = administrator_on_record(uow, gone.account_id or 0, administrator)
            return _keep(uow, gone, NumberEvent.PORT_OUT, f"asked for by {who}")

        return self._on_number(actor, number_id, change)

    def move(self, actor: Actor, number_id: int, event: NumberEvent, why: str) -> PhoneNumber:
        """A port that failed, a number released, or one that goes back into the inventory; people say why."""
        check_why(why)
        return self._on_number(actor, number_id, lambda uow, held: _keep(uow, after(held, event), event, why))

    def _on_line(self, actor: Actor, serial: str, change: Callable[[UnitOfWork, Line], PhoneNumber]) -> PhoneNumber:
        actor.require(Permission.NUMBER_MANAGE)
        with self._transactions.begin(actor) as uow:
            line = hold_line(uow, line_of_unit(uow, serial).id)
            if TermEventRepository(uow).has_ended(line.id):
                raise ConflictError(f"the service of {serial} has ended: its line gets no number any more")
            number = change(uow, line)
            self._set_lines(uow, line)
            uow.commit()
            return number

    def _on_number(
        self, actor: Actor, number_id: int, change: Callable[[UnitOfWork, PhoneNumber], PhoneNumber]
    ) -> PhoneNumber:
        actor.require(Permission.NUMBER_MANAGE)
        with self._transactions.begin(actor) as uow:
            repository = NumberRepository(uow)
            before = repository.get(number_id)
            line = None if before.line is None else hold_line(uow, before.line)
            held = repository.hold(number_id)
            if held.line != before.line:
                raise ConflictError(f"{held.reference} went to another line just now; try again")
            changed = change(uow, held)
            if line is not None:
                self._set_lines(uow, line)
            uow.commit()
            return changed

    def _set_lines(self, uow: UnitOfWork, line: Line) -> None:
        for unit in line.units:
            set_line(uow, unit, self._downlinks)


def assign_next(uow: UnitOfWork, line: int, account_id: int) -> PhoneNumber | None:
    """Give the line the first number of the inventory; None if that is empty. The caller commits."""
    free = NumberRepository(uow).first_free()
    if free is None:
        return None
    return _keep(uow, given_to(free, NumberEvent.ASSIGN, line, account_id), NumberEvent.ASSIGN)


def release_numbers(uow: UnitOfWork, line: int, why: str) -> None:
    """The line's service ended: its numbers are the account's no more (ER 7). The caller commits."""
    for number in NumberRepository(uow).of_line(line):
        if number.state in HELD:
            _keep(uow, after(number, NumberEvent.RELEASE), NumberEvent.RELEASE, why)


def _keep(uow: UnitOfWork, number: PhoneNumber, event: NumberEvent, why: str = "") -> PhoneNumber:
    numbers = NumberRepository(uow)
    numbers.save(number)
    numbers.record(number, event, why)
    uow.audit(ACTIONS[event], number.reference, ["state", "line"], number.account_id)
    return number


def _ported(uow: UnitOfWork, number: str, line: Line) -> PhoneNumber:
    numbers = NumberRepository(uow)
    known = numbers.find(number)
    if known is not None:
        return given_to(numbers.hold(known.id), NumberEvent.PORT_IN, line.id, line.account_id)
    if numbers.known([number]):
        raise ConflictError(f"{number} is not in your scope, and so not yours to bring")
    new = PhoneNumber(number, NumberState.PORTING_IN, own=False, line=line.id, account_id=line.account_id)
    return numbers.enter(new)


def _check_free(uow: UnitOfWork, line: Line, state: NumberState) -> None:
    for number in NumberRepository(uow).of_line(line.id):
        if number.state is state:
            raise ConflictError(f"the line has {number.number} already ({state}); release that first")


def _judge(uow: UnitOfWork, ranges: Iterable[tuple[int, Sequence[str]]]) -> tuple[list[RangeReport], list[str]]:
    new: dict[str, None] = {}
    reports = []
    for line, (first, last) in ranges:
        name = f"{first} to {last}" if last else first
        try:
            numbers = numbers_between(first, last)
            known = NumberRepository(uow).known(numbers)
        except InvalidError as error:
            reports.append(RangeReport(line, name[:80], reason=str(error)))
            continue
        fresh = [number for number in numbers if number not in known and number not in new]
        new.update(dict.fromkeys(fresh))
        over = f"more than {MAX_IMPORTED_NUMBERS} numbers in all; take them in in parts"
        reports.append(RangeReport(line, name, len(fresh), over if len(new) > MAX_IMPORTED_NUMBERS else ""))
    return reports, list(new)
