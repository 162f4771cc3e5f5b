"""Where a unit that checks in stands in a rollout by groups, and what is noted of those that are watched."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from fleet.domain.rollout import REACHED, Fit, Rollout, Running, UnitState, counts_in
from fleet.domain.rollout_gate import Opening, Pace
from fleet.domain.rollout_groups import Joining, Placement, Plan, UnitFacts, point_of
from fleet.domain.rollout_stop import OTHERS
from fleet.domain.rollout_watch import Signal
from fleet.store.rollout_groups import RolloutGroupRepository, revision_name
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import UnitOfWork

CRASHES = frozenset({"crash", "watchdog"})  # reasons of a start
_SIGNALS = {UnitState.REVERTED: Signal.REVERTED, UnitState.FAILED: Signal.GAVE_UP}


@dataclass(frozen=True, slots=True)
class OpenGroups:
    """A rollout's plan, its groups that are open, and the revisions it judges; read once for a batch of units."""

    rollout_id: int
    reference: str
    plan: Plan
    openings: Sequence[Opening]
    revisions: AbstractSet[str]
    pace: Pace | None

    @property
    def opened(self) -> int:
        """How many groups are open."""
        return len(self.openings)

    def counts_in(self, rollout: Rollout, fit: Fit | None, running: Running, first_at: datetime) -> bool:
        """Whether the unit is a target, as its image and the time it came allow."""
        if self.plan.joining is Joining.DYNAMIC and rollout.started_at is not None:
            first_at = min(first_at, rollout.started_at)
        return counts_in(rollout, fit, running, first_at)

    def place(self, facts: UnitFacts) -> Placement | None:
        """Where the unit stands in the plan."""
        return self.plan.place(facts, point_of(facts.serial, self.reference))

    def watch(self, uow: UnitOfWork, facts: UnitFacts, held_back: bool) -> None:
        """Watch the unit from now on in the window that is open, if it is not watched already."""
        revision = revision_name(facts.board, facts.revision)
        RolloutGroupRepository(uow).watch(
            self.rollout_id,
            facts.serial,
            self.opened - 1,
            revision if revision in self.revisions else OTHERS,
            uow.now + self.plan.groups[self.opened - 1].deadline,
            held_back,
        )


def open_groups(uow: UnitOfWork, rollout: Rollout) -> OpenGroups | None:
    """The groups of a started rollout; None if it has none."""
    if not rollout.by_groups:
        return None
    groups = RolloutGroupRepository(uow)
    course, revisions = groups.course(rollout.id), groups.revisions(rollout.id)
    openings = groups.openings(rollout.id, rollout.since or rollout.created_at)
    return OpenGroups(rollout.id, rollout.reference, course.plan, openings, revisions, course.pace)


def note_end(uow: UnitOfWork, rollout: Rollout, serial: str, state: UnitState) -> None:
    """A watched unit said how its update ended."""
    if state in _SIGNALS:
        note_failure(uow, rollout, serial, _SIGNALS[state])
    if state in REACHED:
        groups = RolloutGroupRepository(uow)
        watched = groups.watched(rollout.id, serial)
        if watched is not None and not watched.failed:
            groups.confirm(rollout.id, watched)


def note_failure(uow: UnitOfWork, rollout: Rollout, serial: str, failed_by: Signal) -> None:
    """A unit failed while it was watched; its watch goes on, for it counts as watched to the end."""
    groups = RolloutGroupRepository(uow)
    RolloutRepository(uow).hold(rollout.id)  # whoever else counts it waits: it fails once
    watched = groups.watched(rollout.id, serial)
    if watched is not None and watched.running:
        groups.end(rollout.id, watched, failed_by, running=True)
