"""Figures for who watches the service: read from counts that move with the units, never by a look at the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from fleet.domain.references import Noun, refer
from fleet.domain.rollout import ENDS, RolloutState
from fleet.store.tables.jobs import jobs
from fleet.store.tables.journal import outbox
from fleet.store.tables.rollouts import assignments, rollout_counts, rollout_windows, rollouts
from fleet.store.unit_of_work import UnitOfWork

MAX_ROLLOUTS: Final = 20  # told of one by one: those without an end, and the latest of the others


@dataclass(frozen=True, slots=True)
class WatchedRollout:
    """A rollout that is told of by itself."""

    id: int
    expected: int
    by_groups: bool

    @property
    def reference(self) -> str:
        """Its public id."""
        return refer(Noun.ROLLOUT, self.id)


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Units of a group, which is named by its number, from 0."""

    rollout: str
    group: int
    assigned: int
    confirmed: int
    failed: int
    held_back: int


@dataclass(frozen=True, slots=True)
class JobStanding:
    """When a job is due again, and how often in a row it failed."""

    name: str
    due_at: datetime
    failures: int


class FigureRepository:
    """The operator's own; no query reads a table that has a row for each unit."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def rollouts_by_state(self) -> dict[RolloutState, int]:
        """How many rollouts are in each state."""
        rows = self._connection.execute(select(rollouts.c.state, func.count()).group_by(rollouts.c.state))
        return dict.fromkeys(RolloutState, 0) | {RolloutState(state): count for state, count in rows}

    def watched(self) -> list[WatchedRollout]:
        """At most MAX_ROLLOUTS: those that are not at their end, then the newest."""
        ended = rollouts.c.state.in_(ENDS)
        query = select(rollouts.c.id, rollouts.c.expected, rollouts.c.plan.is_not(None).label("by_groups"))
        rows = self._connection.execute(query.order_by(ended, rollouts.c.id.desc()).limit(MAX_ROLLOUTS))
        return [WatchedRollout(row.id, row.expected, row.by_groups) for row in rows]

    def units(self, watched: Sequence[WatchedRollout]) -> list[tuple[str, str, int]]:
        """(rollout, state, how many units) of those rollouts."""
        query = select(rollout_counts).where(rollout_counts.c.rollout_id.in_([each.id for each in watched]))
        rows = self._connection.execute(query.order_by(rollout_counts.c.rollout_id, rollout_counts.c.state))
        return [(refer(Noun.ROLLOUT, row.rollout_id), row.state, row.units) for row in rows]

    def groups(self, watched: Sequence[WatchedRollout]) -> list[GroupCount]:
        """The units of each group that was opened in one of those rollouts."""
        this = rollout_windows.c
        counted = (this.treated, this.confirmed, this.treated_failed, this.held_back)
        query = select(this.rollout_id, this.number, *(func.sum(each).label(each.name) for each in counted))
        query = query.where(this.rollout_id.in_([each.id for each in watched])).group_by(this.rollout_id, this.number)
        return [
            GroupCount(
                refer(Noun.ROLLOUT, row.rollout_id),
                row.number,
                row.treated,
                row.confirmed,
                row.treated_failed,
                row.held_back,
            )
            for row in self._connection.execute(query.order_by(this.rollout_id, this.number))
        ]

    def orders(self) -> int:
        """How many orders the director has ever given: their numbers are used once."""
        return self._connection.scalar(select(func.max(assignments.c.sequence))) or 0

    def outbox(self) -> list[tuple[str, int, datetime]]:
        """(kind, how many wait, since when the oldest is due)."""
        waiting = outbox.c.delivered_at.is_(None), outbox.c.failed_at.is_(None)
        query = select(outbox.c.kind, func.count().label("waiting"), func.min(outbox.c.due_at).label("due_at"))
        rows = self._connection.execute(query.where(*waiting).group_by(outbox.c.kind).order_by(outbox.c.kind))
        return [(row.kind, row.waiting, row.due_at) for row in rows]

    def given_up(self) -> list[tuple[str, int]]:
        """(kind, how many messages were given up and are still kept)."""
        query = select(outbox.c.kind, func.count().label("failed")).where(outbox.c.failed_at.is_not(None))
        rows = self._connection.execute(query.group_by(outbox.c.kind).order_by(outbox.c.kind))
        return [(row.kind, row.failed) for row in rows]

    def jobs(self) -> list[JobStanding]:
        """Every job that ever ran."""
        rows = self._connection.execute(select(jobs).order_by(jobs.c.name))
        return [JobStanding(row.name, row.due_at, row.failures) for row in rows]
