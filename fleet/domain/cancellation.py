"""A cancellation: requested, withdrawn or replaced before it takes effect, completed when it does (ER 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from fleet.domain.cancellation_effect import Effect
from fleet.domain.cancellation_notice import Notice
from fleet.domain.cancellation_scope import Scope
from fleet.domain.errors import ConflictError
from fleet.domain.transitions import advance


class CancellationState(StrEnum):
    REQUESTED = "requested"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    COMPLETED = "completed"
    OVERTAKEN = "overtaken"  # service ended otherwise before its day


class CancellationEvent(StrEnum):
    WITHDRAW = "withdraw"
    REPLACE = "replace"
    COMPLETE = "complete"
    OVERTAKE = "overtake"


CANCELLATION: dict[tuple[CancellationState, CancellationEvent], CancellationState] = {
    (CancellationState.REQUESTED, CancellationEvent.WITHDRAW): CancellationState.WITHDRAWN,
    (CancellationState.REQUESTED, CancellationEvent.REPLACE): CancellationState.REPLACED,
    (CancellationState.REQUESTED, CancellationEvent.COMPLETE): CancellationState.COMPLETED,
    (CancellationState.REQUESTED, CancellationEvent.OVERTAKE): CancellationState.OVERTAKEN,
}


class Confirmation(StrEnum):
    """What the Administrator is told in writing after each step; a replaced one is told of by the new request."""

    REQUEST = "cancellation_request"
    WITHDRAWAL = "cancellation_withdrawal"
    COMPLETION = "cancellation_completion"


CONFIRMATIONS = {
    CancellationState.REQUESTED: Confirmation.REQUEST,
    CancellationState.WITHDRAWN: Confirmation.WITHDRAWAL,
    CancellationState.COMPLETED: Confirmation.COMPLETION,
}


@dataclass(frozen=True, slots=True)
class Cancellation:
    """`scope` is the notice's own."""

    id: int
    notice: Notice
    effect: Effect
    scope: Scope
    state: CancellationState = CancellationState.REQUESTED

    @property
    def confirmation(self) -> Confirmation | None:
        """What the Administrator hears of the present state."""
        return CONFIRMATIONS.get(self.state)


def withdraw(cancellation: Cancellation, at: datetime) -> Cancellation:
    """Taken back by the Administrator; ConflictError once it has taken effect."""
    following = _following(cancellation, CancellationEvent.WITHDRAW)
    if at.astimezone(UTC) >= cancellation.effect.at:
        raise ConflictError(f"{_name(cancellation)} took effect on {cancellation.effect.on}; order the service anew")
    return replace(cancellation, state=following)


def complete(cancellation: Cancellation, at: datetime) -> Cancellation:
    """The service has ended, on the effect's date however late this step is; ConflictError before it."""
    following = _following(cancellation, CancellationEvent.COMPLETE)
    if at.astimezone(UTC) < cancellation.effect.at:
        raise ConflictError(f"{_name(cancellation)} takes effect on {cancellation.effect.on}; wait for it")
    return replace(cancellation, state=following)


def overtake(cancellation: Cancellation) -> Cancellation:
    """All service has ended before its day, by another cancellation or by us."""
    return replace(cancellation, state=_following(cancellation, CancellationEvent.OVERTAKE))


def taken_over(pending: Iterable[Cancellation], notice: Notice) -> list[Cancellation]:
    """Those of `pending` that a second `notice` changes, as they are after it.

    It replaces each that waits, whatever lines either names (decision 0010). One that has taken effect by then stays
    as it is, completed or not: its service has ended.
    """
    return [
        replace(old, state=_following(old, CancellationEvent.REPLACE))
        for old in pending
        if old.state is CancellationState.REQUESTED and notice.at.astimezone(UTC) < old.effect.at
    ]


def _following(cancellation: Cancellation, event: CancellationEvent) -> CancellationState:
    return advance(CANCELLATION, cancellation.state, event, _name(cancellation))


def _name(cancellation: Cancellation) -> str:
    return f"cancellation {cancellation.id}"
