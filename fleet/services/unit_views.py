"""What the console shows of units: the list with when each was last heard, and one unit's recent history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fleet.domain.access import Actor, Permission
from fleet.store.unit_of_work import Transactions
from fleet.store.unit_views import LoggedEvent, RolloutPart, UnitFilter, UnitRow, UnitViewRepository
from fleet.store.units import UnitRepository

__all__ = ["LoggedEvent", "RolloutPart", "UnitFilter", "UnitHistory", "UnitRow", "UnitViews"]

MAX_EVENTS_SHOWN: Final = 30
MAX_ROLLOUTS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class UnitHistory:
    """The newest of what happened to a unit."""

    events: Sequence[LoggedEvent]
    rollouts: Sequence[RolloutPart]


class UnitViews:
    """Reads in the actor's scope."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(self, actor: Actor, wanted: UnitFilter, limit: int, after: str | None) -> list[UnitRow]:
        """At most `limit` units with a serial number above `after`."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            return UnitViewRepository(uow).page(wanted, limit, after)

    def history(self, actor: Actor, serial: str) -> UnitHistory:
        """What happened to the unit lately; NotFoundError outside the actor's scope."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            UnitRepository(uow).get(serial)
            views = UnitViewRepository(uow)
            return UnitHistory(views.events(serial, MAX_EVENTS_SHOWN), views.rollout_parts(serial, MAX_ROLLOUTS_SHOWN))
