"""A phone number and where it stands: ours, assigned, on its way in or gone (equipment rules 7, ToS 22)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from fleet.domain.errors import InvalidError

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


def check_number(text: str) -> str:
    """A number as E.164 writes it, spaces and dashes removed; InvalidError for anything else."""
    number = re.sub(r"[ ().-]", "", text)
    if not E164.fullmatch(number):
        raise InvalidError(f"a number is written like +15555550100, got {text[:40]!r}")
    return number
