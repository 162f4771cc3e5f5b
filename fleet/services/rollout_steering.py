"""Rollouts by groups, as the service steers them by itself: watches end, evidence is looked at, steps are taken.

Each batch of watches and each rollout is a transaction of its own, so that a run that is cut off has done what it did.
"""

from __future__ import annotations

from dataclasses import replace

from fleet.domain.access import Actor
from fleet.domain.errors import InvalidError
from fleet.domain.release import Release
from fleet.domain.rollout import RECALLABLE, UNSETTLED, Command, Rollout, RolloutEvent, UnitState
from fleet.domain.rollout_course import Course, Standing, decide
from fleet.domain.rollout_groups import ALL, Plan
from fleet.domain.rollout_stop import MAX_REVISIONS, OTHERS
from fleet.domain.rollout_watch import signal
from fleet.domain.treatment import SOFTLY, Mode, Treatment
from fleet.services.rollout_steps import follow, settle, start_approved
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

BATCH_WATCHES = 200


class Steering:
    """Runs as a job; nothing it does is asked for by a person."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def steer(self, actor: Actor) -> int:
        """A look at every rollout by groups that is not at its end; how many steps were taken."""
        with self._transactions.read(actor) as uow:
            unended = RolloutGroupRepository(uow).unended()
        return sum(self._steer(actor, rollout_id) for rollout_id in unended)

    def _steer(self, actor: Actor, rollout_id: int) -> int:
        while self._end_watches(actor, rollout_id) == BATCH_WATCHES:
            pass
        with self._transactions.begin(actor) as uow:
            rollout = RolloutRepository(uow).hold(rollout_id)
            commands = decide(look(uow, rollout), uow.now)
            for command in commands:
                take(uow, rollout, command)
            uow.commit()
        return len(commands)

    def _end_watches(self, actor: Actor, rollout_id: int) -> int:
        with self._transactions.begin(actor) as uow:
            RolloutRepository(uow).hold(rollout_id)
            groups = RolloutGroupRepository(uow)
            due = groups.due(rollout_id, BATCH_WATCHES)
            for each in due:
                groups.end(rollout_id, each, signal(each.watch, each.ends_at - each.watch.began_at, uow.now))
            uow.commit()
        return len(due)


def begin(uow: UnitOfWork, rollout: Rollout, release: Release) -> int:
    """Fix the plan of a rollout that starts and open its first group; how many targets there are, held back or not."""
    groups = RolloutGroupRepository(uow)
    course = groups.course(rollout.id)
    fits = [image.fit for image in release.images.values()]
    revisions = groups.revisions_of(fits)
    if len(revisions) >= MAX_REVISIONS:
        raise InvalidError(
            f"a rollout is judged by fewer than {MAX_REVISIONS} revisions, and these are {len(revisions)}"
        )
    course = replace(course, plan=_fixed(groups, course.plan, release))
    groups.plan(rollout.id, course)
    groups.name_revisions(rollout.id, [*revisions, OTHERS])
    targets = groups.count_targets(fits, [course.plan.targets])
    _open(groups, rollout.id, course, release, targets)
    return targets


def standing_of(uow: UnitOfWork, rollout: Rollout) -> Standing:
    """The rollout as it was last looked at."""
    groups = RolloutGroupRepository(uow)
    since = rollout.since or rollout.created_at
    course, opened = groups.course(rollout.id), groups.groups(rollout.id)
    return Standing(course, rollout.snapshot, since, opened, groups.evidence(rollout.id))


def look(uow: UnitOfWork, rollout: Rollout) -> Standing:
    """The rollout as it stands, after a look at all windows; a group with enough settled units is ripe from now on."""
    groups = RolloutGroupRepository(uow)
    groups.look(rollout.id)
    standing = standing_of(uow, rollout)
    if standing.groups:
        group, seen = standing.group
        if seen.ripe_at is None and seen.settled >= group.minimum:
            groups.mark_group(rollout.id, len(standing.groups) - 1, ripe_at=uow.now)
            return standing_of(uow, rollout)
    return standing


def take(uow: UnitOfWork, rollout: Rollout, command: Command) -> Rollout:
    """The rollout after a step it takes by itself."""
    rollout = follow(uow, rollout, command)
    if command.event is RolloutEvent.ADVANCE:
        groups, release = RolloutGroupRepository(uow), ReleaseRepository(uow).by_version(rollout.release)
        _open(groups, rollout.id, groups.course(rollout.id), release, rollout.expected)
    if command.event is RolloutEvent.STOP:
        rollout = recall(uow, rollout)
    if command.event is RolloutEvent.FINISH:  # by its limit: units may be under way
        RolloutRepository(uow).recall(rollout.id, RECALLABLE & UNSETTLED, "the rollout finished")
    if command.send_back_to is not None:
        _send_back(uow, rollout, command.send_back_to)
    return rollout


def recall(uow: UnitOfWork, rollout: Rollout) -> Rollout:
    """The stopped rollout without its units that are before their trial."""
    store = RolloutRepository(uow)
    store.recall(rollout.id, RECALLABLE, "the rollout was stopped")
    RolloutGateRepository(uow).give_back_all(rollout.id)
    return settle(uow, store.get(rollout.id))


def populations(groups: RolloutGroupRepository, plan: Plan, release: Release) -> list[int]:
    """Of each group how many targets its filter takes; of one that has neither filter nor size nothing is counted."""
    fits = [image.fit for image in release.images.values()]
    return [
        0 if group.size is None and group.filter == ALL else groups.count_targets(fits, [plan.targets, group.filter])
        for group in plan.groups
    ]


def _fixed(groups: RolloutGroupRepository, plan: Plan, release: Release) -> Plan:
    """The plan with shares for sizes."""
    if all(group.size is None for group in plan.groups):
        return plan
    return plan.fixed(populations(groups, plan, release))


def _open(groups: RolloutGroupRepository, rollout_id: int, course: Course, release: Release, targets: int) -> None:
    """Open the next group; how many units it has is asked for a pace only."""
    number, units = groups.count_open(rollout_id), None
    if course.pace is not None:
        units = course.plan.sizes(targets, populations(groups, course.plan, release))[number]
    groups.open_group(rollout_id, number, units)


def _send_back(uow: UnitOfWork, stopped: Rollout, release: str) -> None:
    """A rollout of `release`, approved with the one that stopped, to those who run or try what that one brought.

    It is forced where that one was: who approved restarts at any hour for the release approved them for the way back.
    A soft one waits for the hours, which come within a day; only security fixes may override them (ER 6).
    """
    store = RolloutRepository(uow)
    found = ReleaseRepository(uow).by_version(release)
    treatment = Treatment(Mode.FORCED) if stopped.treatment.mode is Mode.FORCED else SOFTLY
    back = store.add_for_units_of(stopped, (UnitState.CONFIRMED, UnitState.TRIAL), found.id, treatment)
    if back is not None:
        start_approved(uow, back, stopped.approver, f"{stopped.reference} stopped")
