"""Why a unit runs what it runs: gathers what is known of it, and lets the rule say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fleet.domain.access import Actor, Permission
from fleet.domain.configuration import Window
from fleet.domain.rollout import IN_FLIGHT, Rollout, Running, UnitProgress, UnitState, counts_in
from fleet.domain.update_explanation import Explanation, RolloutPart, UpdateFacts, explain
from fleet.services.rollout_groups import OpenGroups, open_groups
from fleet.store.assignments import AssignmentRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository
from protocol.wire.enumerations import UPDATE_STATES


class UpdateExplanations:
    """`window` is the maintenance window of units without their own."""

    def __init__(self, transactions: Transactions, window: Window, heartbeat_s: int) -> None:
        self._transactions = transactions
        self._window = window
        self._heartbeat = timedelta(seconds=heartbeat_s)

    def explain(self, actor: Actor, serial: str) -> Explanation:
        """Where the unit stands, why, and since when; NotFoundError outside the actor's scope."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            unit = UnitRepository(uow).get(serial)
            beat = HeartbeatRepository(uow).of(serial)
            window = ConfigurationRepository(uow).of(serial).window or self._window
            running = AssignmentRepository(uow).running(serial)
            facts = UpdateFacts(
                serial=serial,
                trust=unit.trust,
                service=unit.service,
                version=running[0].version if running else "",
                heard_at=beat.received_at if beat else None,
                update_state=UPDATE_STATES[beat.update_state] if beat else None,
                part=_part(uow, serial, running),
                window="" if window.begins == window.ends else f"{window.begins:%H:%M}-{window.ends:%H:%M}",
                heartbeat=self._heartbeat,
            )
            return explain(facts, uow.now)


def _part(uow: UnitOfWork, serial: str, running: tuple[Running, datetime] | None) -> RolloutPart | None:
    """The rollout that says most: one under way, else one that is to come, else the one that moved the unit last."""
    store = RolloutRepository(uow)
    held = store.parts_of(serial)
    under_way = [pair for pair in held if pair[1].state in IN_FLIGHT]
    if under_way:
        return _present(*under_way[0])
    if running is not None:
        known = {rollout.id for rollout, _ in held}
        for rollout in store.live():
            image = ReleaseRepository(uow).by_version(rollout.release).images.get(running[0].board)
            fit = image.fit if image else None
            groups = open_groups(uow, rollout)
            if rollout.id in known or (fit is not None and fit.bars(ConfigurationRepository(uow).of(serial).channel)):
                continue
            if groups is None and counts_in(rollout, fit, *running):
                return _present(rollout, None)
            if groups is not None and groups.counts_in(rollout, fit, *running):
                part = _by_groups(uow, serial, rollout, groups)
                if part is not None:
                    return part
    return _present(*held[0]) if held else None


def _by_groups(uow: UnitOfWork, serial: str, rollout: Rollout, groups: OpenGroups) -> RolloutPart | None:
    """What a rollout by groups, in which the unit has no part yet, has to do with it; None: it is no target."""
    facts = RolloutGroupRepository(uow).facts([serial]).get(serial)
    placement = groups.place(facts) if facts is not None else None
    if placement is None:
        return None
    if placement.group is None:
        return replace(_present(rollout, None), state=UnitState.HELD_BACK)
    waits = not placement.is_open(groups.opened)
    return replace(_present(rollout, None), group=groups.plan.groups[placement.group].name if waits else None)


def _present(rollout: Rollout, progress: UnitProgress | None) -> RolloutPart:
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
