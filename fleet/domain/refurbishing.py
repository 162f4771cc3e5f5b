"""How a returned unit becomes stock again: wiped, in a new epoch, flashed, tested, graded (equipment rules 2 and 4)."""

from __future__ import annotations

from enum import StrEnum


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
    FLASH = "flash"
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
    (_R.WIPED, _E.BEGIN_EPOCH): _R.NEW_EPOCH,
    (_R.NEW_EPOCH, _E.FLASH): _R.FLASHED,
    (_R.FLASHED, _E.PASS): _R.TESTED,
    (_R.FLASHED, _E.FAIL): _R.FAILED,
    (_R.TESTED, _E.GRADE): _R.RESTOCKED,
    (_R.FAILED, _E.REPAIR): _R.REPAIRED,
    (_R.FAILED, _E.SCRAP): _R.SCRAPPED,
}


class Grade(StrEnum):
    """How a refurbished unit looks; what it does is as new."""

    A = "a"
    B = "b"
    C = "c"
