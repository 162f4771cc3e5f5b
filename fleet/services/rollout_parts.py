"""Which rollout says most about a unit, and what it has to do with it; read as check-in would decide it.

1. One that is under way on the unit.
2. Of the live ones that concern it the one that check-in would follow: the latest started. Being held back, or waiting
   for a group, is said if no other is to assign the unit something.
3. Of the rest that wanted it what came last: the rollout that moved the unit, one that is to come, one that ended
   before it came to the unit.
4. A live one that leaves the unit out, if none of these did, or it has been where they wanted it since before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.domain.configuration import Channel
from fleet.domain.release import ReleaseImage
from fleet.domain.rollout import (
    IN_FLIGHT,
    Misfit,
    Rollout,
    RolloutEvent,
    RolloutState,
    Running,
    UnitProgress,
    UnitState,
)
from fleet.domain.rollout_course import due
from fleet.domain.rollout_groups import Filter, Joining, UnitFacts
from fleet.domain.update_diagnosis import RolloutPart, is_for_it, is_there
from fleet.services.rollout_gate import Gate
from fleet.services.rollout_groups import OpenGroups, open_groups
from fleet.services.rollout_steering import standing_of
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import UnitOfWork

TO_COME = (RolloutState.DRAFT, RolloutState.WAITING_FOR_APPROVAL, RolloutState.READY)
OVER = (RolloutState.STOPPING, RolloutState.STOPPED, RolloutState.FINISHED)
NAMED_VALUES = 3  # of a filter, in a sentence


def part_of(uow: UnitOfWork, serial: str, running: tuple[Running, datetime] | None) -> RolloutPart | None:
    """The unit's part in the rollout that says most; None: none has anything to do with it."""
    held = RolloutRepository(uow).parts_of(serial)
    if running is None:
        return _bare(*held[0]) if held else None
    unit = _Unit(uow, serial, *running, RolloutGroupRepository(uow).facts([serial])[serial])
    under_way = next((pair for pair in held if pair[1].state in IN_FLIGHT), None)
    if under_way is not None:
        return unit.present(*under_way)
    live, left_out = _live(unit)
    if live is not None:
        return live
    found = [(progress.updated_at, unit.present(rollout, progress)) for rollout, progress in held[:1]]
    found += [*_others(unit, TO_COME), *_others(unit, OVER)]
    at, last = max(found, key=lambda each: each[0], default=(unit.first_at, None))
    if left_out is not None and (last is None or (is_there(last) and at < left_out.since)):
        return left_out
    return last


@dataclass(frozen=True, slots=True)
class _Unit:
    """Whose part is looked for, and what it runs."""

    uow: UnitOfWork
    serial: str
    running: Running
    first_at: datetime
    facts: UnitFacts

    def image(self, rollout: Rollout) -> ReleaseImage | None:
        """That of the rollout's release for the unit's board."""
        return ReleaseRepository(self.uow).by_version(rollout.release).images.get(self.running.board)

    def present(self, rollout: Rollout, progress: UnitProgress | None) -> RolloutPart:
        """The part, with what is known of the release's image for the unit."""
        image = self.image(rollout)
        return replace(
            _bare(rollout, progress),
            misfit=image.fit.misfit(self.running) if image is not None else Misfit.BOARD,
            has_delta=image is not None and any(each.base_version == self.running.version for each in image.deltas),
            beta_only=image is not None and image.fit.bars(Channel(self.facts.channel)) != "",
            runs_it=image is not None and image.sha256 == self.running.image_sha256,
        )

    def left_out(self, part: RolloutPart, targets: Filter) -> RolloutPart:
        """The part with what of the unit the plan's filter does not take."""
        field = targets.refused_field(self.facts)
        if field is None:
            return part
        taken = sorted(getattr(targets, field))
        named = ", ".join(str(each) for each in taken[:NAMED_VALUES]) + (" ..." if len(taken) > NAMED_VALUES else "")
        text = f"its {field} is {getattr(self.facts, field) or 'none'}, and it takes {named}"
        return replace(part, left_out=text, beta_only=part.beta_only or taken == [Channel.BETA])


def _bare(rollout: Rollout, progress: UnitProgress | None) -> RolloutPart:
    return RolloutPart(
        rollout=rollout.reference,
        release=rollout.release,
        rollout_state=rollout.state,
        rollout_reason=rollout.reason,
        state=progress.state if progress else None,
        reason=progress.reason if progress else "",
        since=progress.updated_at if progress else rollout.started_at or rollout.created_at,
        treatment=rollout.treatment,
    )


def _live(unit: _Unit) -> tuple[RolloutPart | None, RolloutPart | None]:
    """The part in the live rollout that check-in would follow, and in the last started that leaves the unit out."""
    passive: RolloutPart | None = None
    left_out: RolloutPart | None = None
    for rollout in RolloutRepository(unit.uow).live():
        progress = RolloutRepository(unit.uow).unit(rollout.id, unit.serial)
        if progress is None and not rollout.everyone:
            continue
        part = _newcomer(unit, rollout) if progress is None else unit.present(rollout, progress)
        if not is_for_it(part):
            left_out = left_out or (part if part.release != unit.running.version else None)
        elif part.state is UnitState.HELD_BACK or part.group is not None:
            passive = passive or part
        else:
            waits = part.state is None or part.state is UnitState.WAITING
            return _at_the_gate(unit, rollout, part) if waits else passive or part, left_out
    return passive, left_out


def _newcomer(unit: _Unit, rollout: Rollout) -> RolloutPart:
    """What a live rollout to all has to do with a unit that it has not come to."""
    part, groups = unit.present(rollout, None), open_groups(unit.uow, rollout)
    late = rollout.started_at is not None and unit.first_at > rollout.started_at
    if groups is None:
        return replace(part, joined_late=late)
    late = late and groups.plan.joining is not Joining.DYNAMIC
    part = unit.left_out(replace(part, joined_late=late), groups.plan.targets)
    return _placed(unit, rollout, part, groups) if is_for_it(part) else part


def _placed(unit: _Unit, rollout: Rollout, part: RolloutPart, groups: OpenGroups) -> RolloutPart:
    """The part of a target, by the group it is in."""
    placement = groups.place(unit.facts)
    if placement is None or placement.group is None:
        return replace(part, state=UnitState.HELD_BACK)
    if placement.is_open(groups.opened):
        return part
    limit = due(standing_of(unit.uow, rollout))
    opens_at = limit.at if limit is not None and limit.event is RolloutEvent.ADVANCE else None
    return replace(part, group=groups.plan.groups[placement.group].name, opens_at=opens_at)


def _at_the_gate(unit: _Unit, rollout: Rollout, part: RolloutPart) -> RolloutPart:
    """The part of a unit that is to be assigned, with what keeps it from that now, as check-in asks it."""
    if rollout.state is not RolloutState.RUNNING:
        return part
    groups = open_groups(unit.uow, rollout)
    placement = groups.place(unit.facts) if groups is not None else None
    group = placement.group if placement is not None else None
    hindered = Gate(unit.uow, [unit.serial]).hindrance(rollout, groups, unit.serial, group)
    return part if hindered is None else replace(part, hindrance=hindered.by, free_at=hindered.until)


def _others(unit: _Unit, states: Collection[RolloutState]) -> Iterator[tuple[datetime, RolloutPart]]:
    """The parts in rollouts to all that are to come, or ended before they came to it, and since when that is so."""
    store, groups = RolloutRepository(unit.uow), RolloutGroupRepository(unit.uow)
    for rollout in store.to_all(states):
        over, image = rollout.state in OVER, unit.image(rollout)
        if image is None or (over and (rollout.started_at is None or store.unit(rollout.id, unit.serial) is not None)):
            continue
        newer = image.release_counter > unit.running.release_counter
        part = unit.present(rollout, None)
        if rollout.by_groups:
            part = unit.left_out(part, groups.course(rollout.id).plan.targets)
        if is_for_it(part) and not part.runs_it and (newer or not over):
            yield (rollout.ended_at or rollout.since or part.since if over else rollout.created_at), part
