"""A state machine is a table: (state, event) -> next state; anything else is refused."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from fleet.domain.errors import IllegalTransitionError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def advance(table: Mapping[tuple[S, E], S], state: S, event: E, subject: str) -> S:
    """The state after `event`; IllegalTransitionError, with what would be allowed, if there is none."""
    following = table.get((state, event))
    if following is None:
        allowed = ", ".join(sorted(str(e) for s, e in table if s == state)) or "nothing"
        raise IllegalTransitionError(f"{subject} is {state}: {event} is not possible now, only {allowed}")
    return following
