"""Which number of the world somebody dialled, by the operator's numbering plan (ER 7).

The operator's is the North American plan: 011 leads abroad, 1 and ten digits, or ten, stay in it. What is none of these
(911 and other short numbers, names) is no number of the world: it is never metered, and never blocked.
"""

from __future__ import annotations

import re
from typing import Final

EMERGENCY_NUMBERS: Final = frozenset({"911", "112"})  # a unit names further ones of its country by a mark of its own
_SEPARATORS: Final = re.compile(r"[ ().-]")
_WORLD: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_ABROAD: Final = re.compile(r"011[1-9][0-9]{6,14}")
_HOME: Final = re.compile(r"1?[2-9][0-9]{9}")


def world_number(dialled: str) -> str | None:
    """`dialled` as E.164 writes it, +18765550100; None for what is no number of the world."""
    digits = _SEPARATORS.sub("", dialled)
    if is_emergency(digits):
        return None
    if _WORLD.fullmatch(digits):
        return digits
    if _ABROAD.fullmatch(digits):
        return f"+{digits[3:]}"
    return f"+1{digits[-10:]}" if _HOME.fullmatch(digits) else None


def is_emergency(dialled: str) -> bool:
    """Whether it is an emergency number, however the unit marked the call."""
    return dialled in EMERGENCY_NUMBERS
