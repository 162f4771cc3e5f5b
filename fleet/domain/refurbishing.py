"""How a returned unit becomes stock again: wiped, in a new epoch, flashed, tested, graded (equipment rules 2 and 4).

A round begins when the unit is inspected and ends in stock or as scrap. What the inspection found says where it may go
first (`fleet.domain.inspection.TRIAGE`); every later step follows from the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Final

from fleet.domain.errors import ConflictError
from fleet.domain.inspection import FINDINGS, TRIAGE, InspectionCode, Triage
from fleet.domain.transitions import advance
from fleet.domain.unit import Custody, Trust, Unit


class Refurbishing(StrEnum):
    """It keeps MAC, serial number and history, and loses every trace of its former account."""

    WAITING = "waiting"
    REPAIRED = "repaired"
    WIPED = "wiped"
    NEW_EPOCH = "new_epoch"  # the old identity is dead from here on
    FLASHED = "flashed"
    TESTED = "tested"
    RESTOCKED = "restocked"
    FAILED = "failed"
    SCRAPPED = "scrapped"


class RefurbishingEvent(StrEnum):
    REPAIR = "repair"
    WIPE = "wipe"
    BEGIN_EPOCH = "begin_epoch"
    FLASH = "flash"  # the new firmware made a key, and it was certified
    PASS = "pass"  # noqa: S105 - the self-test's result
    FAIL = "fail"
    GRADE = "grade"
    SCRAP = "scrap"  # the identity is revoked


_R, _E = Refurbishing, RefurbishingEvent

REFURBISHING: dict[tuple[Refurbishing, RefurbishingEvent], Refurbishing] = {
    (_R.WAITING, _E.REPAIR): _R.REPAIRED,
    (_R.WAITING, _E.WIPE): _R.WIPED,
    (_R.WAITING, _E.SCRAP): _R.SCRAPPED,
    (_R.REPAIRED, _E.WIPE): _R.WIPED,
    (_R.REPAIRED, _E.SCRAP): _R.SCRAPPED,
    (_R.WIPED, _E.BEGIN_EPOCH): _R.NEW_EPOCH,
    (_R.WIPED, _E.SCRAP): _R.SCRAPPED,
    (_R.NEW_EPOCH, _E.FLASH): _R.FLASHED,
    (_R.NEW_EPOCH, _E.FAIL): _R.FAILED,  # it cannot be flashed
    (_R.NEW_EPOCH, _E.SCRAP): _R.SCRAPPED,
    (_R.FLASHED, _E.PASS): _R.TESTED,
    (_R.FLASHED, _E.FAIL): _R.FAILED,
    (_R.FLASHED, _E.BEGIN_EPOCH): _R.NEW_EPOCH,  # it lost its key at the bench, or the key is suspect
    (_R.FLASHED, _E.SCRAP): _R.SCRAPPED,
    (_R.TESTED, _E.GRADE): _R.RESTOCKED,
    (_R.TESTED, _E.FAIL): _R.FAILED,
    (_R.TESTED, _E.BEGIN_EPOCH): _R.NEW_EPOCH,
    (_R.TESTED, _E.SCRAP): _R.SCRAPPED,
    (_R.FAILED, _E.REPAIR): _R.REPAIRED,
    (_R.FAILED, _E.SCRAP): _R.SCRAPPED,
}

ENDED: Final = frozenset({Refurbishing.RESTOCKED, Refurbishing.SCRAPPED})
_TRIAGE_OF = {_E.WIPE: Triage.RESTOCK, _E.REPAIR: Triage.REPAIR, _E.SCRAP: Triage.SCRAP}
_ERASED: Final = b"\xff"  # what a flash chip reads where nothing was written


class Grade(StrEnum):
    """How a refurbished unit looks; what it does is as new."""

    A = "a"
    B = "b"
    C = "c"


@dataclass(frozen=True, slots=True)
class Round:
    """One way of a unit through refurbishing. `code`: what the inspection found; `rma_id` None: it came by no RMA."""

    serial: str
    number: int
    code: InspectionCode
    opened_at: datetime
    id: int = 0
    rma_id: int | None = None
    state: Refurbishing = Refurbishing.WAITING
    grade: Grade | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDED

    def after(self, event: RefurbishingEvent) -> Round:
        """The round after `event`; ConflictError for what the finding forbids or the table does not list."""
        triage = TRIAGE[FINDINGS[self.code][0]]
        wanted = _TRIAGE_OF.get(event)
        if self.state is Refurbishing.WAITING and wanted is not None and wanted not in triage:
            allowed = " or ".join(sorted(triage))
            raise ConflictError(f"{self.serial} was found {self.code}: {allowed}, {event} is not possible now")
        state = advance(REFURBISHING, self.state, event, f"the refurbishing of {self.serial}")
        return replace(self, state=state)

    def graded(self, grade: Grade) -> Round:
        """The round at its good end."""
        return replace(self.after(RefurbishingEvent.GRADE), grade=grade)


@dataclass(frozen=True, slots=True)
class RoundStep:
    """One step of a round: who, when and why; `evidence` is what proves it, in words."""

    event: str
    state: Refurbishing
    at: datetime
    actor: str
    why: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class WipeProof:
    """What the chip's own loader said of its flash after it was erased: so many bytes, with that SHA-256 (hex)."""

    board_uid: bytes
    erased_bytes: int
    sha256: str

    def check(self, unit: Unit, flash_bytes: int) -> None:
        """ConflictError unless it proves that this unit's whole flash, `flash_bytes` of it, is blank."""
        if self.board_uid != unit.board_uid:
            raise ConflictError(f"the board that was wiped is {self.board_uid.hex()}, not that of {unit.serial}")
        if self.erased_bytes != flash_bytes:
            raise ConflictError(f"{self.erased_bytes} bytes of {unit.serial} were wiped, its flash has {flash_bytes}")
        if self.sha256 != blank_sha256(flash_bytes):
            raise ConflictError(f"the flash of {unit.serial} is not blank: its digest is {self.sha256}; wipe it again")

    @property
    def evidence(self) -> str:
        """The proof as it is kept."""
        return f"{self.erased_bytes} bytes blank, SHA-256 {self.sha256}"


@cache
def blank_sha256(flash_bytes: int) -> str:
    """The digest of an erased flash of that size, lower-case hex."""
    return sha256(_ERASED * flash_bytes).hexdigest()


def check_may_take_in(unit: Unit) -> None:
    """ConflictError unless the unit lies in our hands and is no account's any more."""
    if unit.custody is not Custody.RETURNED or unit.account_id is not None:
        whose = "no account's" if unit.account_id is None else "still an account's"
        raise ConflictError(f"{unit.serial} is {unit.custody} and {whose}: only a returned unit is refurbished")


def check_may_restock(unit: Unit) -> None:
    """ConflictError for a unit whose identity is in doubt: it does not leave the bench for the shelf."""
    if unit.trust is not Trust.GOOD:
        raise ConflictError(f"{unit.serial} is {unit.trust}: clear it or begin a new epoch before it is restocked")
