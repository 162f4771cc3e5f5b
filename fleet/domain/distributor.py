"""An Authorized Distributor: sells, and passes a cancellation on to us; decides nothing (equipment rules 1, ToS 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fleet.domain.errors import ConflictError
from fleet.domain.references import Noun, refer
from fleet.domain.transitions import advance


class DistributorState(StrEnum):
    AUTHORIZED = "authorized"
    ENDED = "ended"


class DistributorEvent(StrEnum):
    END = "end"


# For good: who is authorized again is entered under another name.
DISTRIBUTOR: dict[tuple[DistributorState, DistributorEvent], DistributorState] = {
    (DistributorState.AUTHORIZED, DistributorEvent.END): DistributorState.ENDED,
}


@dataclass(frozen=True, slots=True)
class Distributor:
    """It stands in orders and notices for ever, and nobody can sign in for it."""

    id: int
    name: str
    registered_at: datetime
    state: DistributorState = DistributorState.AUTHORIZED
    ended_at: datetime | None = None

    @property
    def reference(self) -> str:
        """The name people and programs use."""
        return refer(Noun.DISTRIBUTOR, self.id)

    def check_authorized(self) -> None:
        """ConflictError for one whose authorization has ended: it neither sells nor passes anything on."""
        if self.state is not DistributorState.AUTHORIZED:
            raise ConflictError(f"{self.reference} ({self.name}) is no Authorized Distributor any more")


def end(distributor: Distributor, at: datetime) -> Distributor:
    """Its authorization ends `at`; what it sold and passed on stands."""
    state = advance(DISTRIBUTOR, distributor.state, DistributorEvent.END, distributor.reference)
    return replace(distributor, state=state, ended_at=at)
