"""Whether an account may claim an unassigned unit by the code on its label, and how often it may guess.

Ours: such a unit was bought elsewhere or brought along, so it is Customer Equipment on an order of its own, without a
term. Units of an order that the operator provides are shipped, or handed out by who ships for the operator.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from fleet.domain.errors import ConflictError, TooManyAttemptsError
from fleet.domain.unit import Custody, CustodyEvent, ServiceEvent, Trust, Unit, after

MAX_FAILED_CLAIMS: Final = 5  # an account's own, or those on one unit, whoever tries
CLAIM_WINDOW_S: Final = 24 * 3600
MAX_CODE_CHARACTERS: Final = 32  # as typed, with blanks


_READ_AS: Final = str.maketrans("OIL", "011", " -")  # Crockford's base 32: what is easily misread


def normal_code(text: str) -> str:
    """A code as it was printed, however it was typed."""
    return text.upper().translate(_READ_AS)


def check_may_try(failed_at: Iterable[datetime], now: datetime) -> None:
    """TooManyAttemptsError if the failures of an account, or on a unit, within the window are too many."""
    window = timedelta(seconds=CLAIM_WINDOW_S)
    recent = sorted(at for at in failed_at if now - at < window)
    if len(recent) >= MAX_FAILED_CLAIMS:
        wait = recent[-MAX_FAILED_CLAIMS] + window - now
        raise TooManyAttemptsError(
            f"{len(recent)} claims failed within {CLAIM_WINDOW_S // 3600} hours; read the label again and come back",
            retry_after_s=-(-wait // timedelta(seconds=1)),
        )


def claimed(unit: Unit | None, code_is_right: bool) -> Unit:
    """The unit at its new account, which the caller fills in; ConflictError otherwise.

    One message for every failure: it must not tell whether a serial number exists, or is free.
    """
    free = unit is not None and unit.custody is Custody.IN_STOCK and unit.trust is Trust.GOOD
    if unit is None or not free or not code_is_right:
        raise ConflictError("no unit can be claimed by this serial number and code; read both from the label again")
    return after(unit, CustodyEvent.CLAIM, ServiceEvent.PLACE)
