"""A phone number and where it stands: ours, assigned, on its way in or gone (equipment rules 7, ToS 22)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.references import Noun, refer
from fleet.domain.transitions import advance

MAX_IMPORTED_NUMBERS: Final = 10_000  # at once
E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


class NumberState(StrEnum):
    INVENTORY = "inventory"
    ASSIGNED = "assigned"
    PORTING_IN = "porting_in"  # outgoing calls only until the port is effective (ToS 22.a)
    PORTED_OUT = "ported_out"  # which ends nothing: the account stays and owes (ToS 22.b, 22.c)
    RELEASED = "released"


class NumberEvent(StrEnum):
    ASSIGN = "assign"
    TAKE_EFFECT = "take_effect"  # the port is effective
    FAIL_PORT = "fail_port"
    PORT_OUT = "port_out"
    RELEASE = "release"
    RESTOCK = "restock"
    PORT_IN = "port_in"  # a number that went comes again


NUMBER: dict[tuple[NumberState, NumberEvent], NumberState] = {
    (NumberState.INVENTORY, NumberEvent.ASSIGN): NumberState.ASSIGNED,
    (NumberState.PORTING_IN, NumberEvent.TAKE_EFFECT): NumberState.ASSIGNED,
    (NumberState.PORTING_IN, NumberEvent.FAIL_PORT): NumberState.RELEASED,
    (NumberState.PORTING_IN, NumberEvent.RELEASE): NumberState.RELEASED,
    (NumberState.ASSIGNED, NumberEvent.PORT_OUT): NumberState.PORTED_OUT,
    (NumberState.ASSIGNED, NumberEvent.RELEASE): NumberState.RELEASED,
    (NumberState.PORTED_OUT, NumberEvent.PORT_IN): NumberState.PORTING_IN,
    (NumberState.RELEASED, NumberEvent.PORT_IN): NumberState.PORTING_IN,
    (NumberState.RELEASED, NumberEvent.RESTOCK): NumberState.INVENTORY,
}

# How a number enters our records: from the operator's own ranges, or from another carrier.
FIRST_STATES = frozenset({NumberState.INVENTORY, NumberState.PORTING_IN})

# A line is called by it, or will be when its port is effective.
HELD = frozenset({NumberState.ASSIGNED, NumberState.PORTING_IN})

# Which of a line's numbers says what the line may do: the first of these states that one of them is in.
_COUNTS_FIRST = (NumberState.ASSIGNED, NumberState.PORTING_IN, NumberState.PORTED_OUT, NumberState.RELEASED)


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """`own`: of the operator's ranges, not another carrier's. `line` and `account_id`: whose it is, or was last.

    Logs and paths name it by its `id`, as NU-7: the number itself is the account's.
    """

    number: str
    state: NumberState
    own: bool
    line: int | None = None
    account_id: int | None = None
    id: int = 0

    @property
    def reference(self) -> str:
        """The public id, and what the audit keeps."""
        return refer(Noun.NUMBER, self.id)


def after(number: PhoneNumber, event: NumberEvent) -> PhoneNumber:
    """The number after `event`; IllegalTransitionError, or ConflictError for one that is not ours to give again."""
    state = advance(NUMBER, number.state, event, number.number)
    if event is NumberEvent.RESTOCK:
        if not number.own:
            raise ConflictError(f"{number.number} is another carrier's: released, it is theirs again")
        return replace(number, state=state, line=None, account_id=None)
    return replace(number, state=state)


def given_to(number: PhoneNumber, event: NumberEvent, line: int, account_id: int) -> PhoneNumber:
    """`after`, for the line that the number comes to."""
    return replace(after(number, event), line=line, account_id=account_id)


def number_for_line(numbers: Iterable[PhoneNumber]) -> PhoneNumber | None:
    """The number that counts for a line; with one on its way in and another meanwhile, the one that is there."""
    known = [number for number in numbers if number.state in _COUNTS_FIRST]
    return min(known, key=lambda number: _COUNTS_FIRST.index(number.state), default=None)


def numbers_between(first: str, last: str) -> list[str]:
    """All numbers of a range, both ends included; `last` empty: the one. InvalidError for no range or a longer one."""
    begin, end = check_number(first), check_number(last or first)
    if len(begin) != len(end) or begin > end:
        raise InvalidError(f"a range goes up and has numbers of one length, got {begin} to {end}")
    count = int(end) - int(begin) + 1
    if count > MAX_IMPORTED_NUMBERS:
        raise InvalidError(f"at most {MAX_IMPORTED_NUMBERS} numbers are taken in at once, got {count}")
    return [f"+{number}" for number in range(int(begin), int(end) + 1)]


def check_number(text: str) -> str:
    """A number as E.164 writes it, spaces and dashes removed; InvalidError for anything else."""
    number = re.sub(r"[ ().-]", "", text)
    if not E164.fullmatch(number):
        raise InvalidError(f"a number is written like +15555550100, got {text[:40]!r}")
    return number
