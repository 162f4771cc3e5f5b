"""An RMA that the tests of returns change, and what every state machine of them is asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from fleet.domain.errors import IllegalTransitionError
from fleet.domain.rma import ReplacementMode, Rma, RmaKind
from fleet.domain.transitions import advance

REQUESTED = Rma(
    7,
    account_id=1,
    serial="PT000000018",
    placement=3,
    kind=RmaKind.DEFECT,
    mode=ReplacementMode.ADVANCE,
    reason="no dial tone",
    opened_at=datetime(2025, 3, 8, tzinfo=UTC),
)
Table = dict[Any, Any]


def matrix(machines: Iterable[tuple[type[StrEnum], type[StrEnum], Table]]) -> list[Any]:
    """Every state with every event of each machine (states, events, table), as parameters of a test."""
    return [
        pytest.param(table, state, event, id=f"{states.__name__}-{state}-{event}")
        for states, events, table in machines
        for state in states
        for event in events
    ]


def check_step(table: Table, state: StrEnum, event: StrEnum) -> None:
    """The event follows the table, or is refused with the state in words."""
    if (state, event) in table:
        assert advance(table, state, event, "RMA-7") is table[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"RMA-7 is {state}"):
            advance(table, state, event, "RMA-7")


def reached(table: Table, first: StrEnum) -> set[StrEnum]:
    """All states there is a way to from the first."""
    found = {first}
    while True:
        more = found | {after for (state, _), after in table.items() if state in found}
        if more == found:
            return found
        found = more
