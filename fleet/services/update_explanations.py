"""Why a unit runs what it runs: gathers what is known of it, and lets the rule say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fleet.domain.access import Actor, Permission
from fleet.domain.configuration import Window
from fleet.domain.heartbeat import Heartbeat
from fleet.domain.rollout import UnitState
from fleet.domain.suspension import AccountService
from fleet.domain.unit import Unit
from fleet.domain.update_diagnosis import CLOCK_TOLERANCE, RolloutPart, UpdateFacts
from fleet.domain.update_explanation import Explanation, explain
from fleet.services.downlinks import Downlinks
from fleet.services.rollout_parts import part_of
from fleet.store.assignments import AssignmentRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.standings import StandingRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.unit_views import UnitViewRepository
from fleet.store.units import UnitRepository
from protocol.wire.enumerations import LINE_STATES, UPDATE_STATES

EVENTS_LOOKED_AT = 30  # the newest of the unit's log


class UpdateExplanations:
    """`downlinks` have the maintenance window of units without their own, and the zone it is in."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def explain(self, actor: Actor, serial: str) -> Explanation:
        """Where the unit stands, why, since when, and what to do; NotFoundError outside the actor's scope."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            return explain(self._facts(uow, UnitRepository(uow).get(serial)), uow.now)

    def _facts(self, uow: UnitOfWork, unit: Unit) -> UpdateFacts:
        beat = HeartbeatRepository(uow).of(unit.serial)
        running = AssignmentRepository(uow).running(unit.serial)
        started_at = RolloutGateRepository(uow).last_starts([unit.serial]).get(unit.serial)
        part = part_of(uow, unit.serial, running)
        window = ConfigurationRepository(uow).of(unit.serial).window or self._downlinks.window
        hours_at, _ = window.around(uow.now, self._downlinks.zone)
        return UpdateFacts(
            serial=unit.serial,
            trust=unit.trust,
            service=unit.service,
            custody=unit.custody,
            suspended=_is_suspended(uow, unit),
            version=running[0].version if running else "",
            heard_at=_later(started_at, beat.received_at if beat else None),
            update_state=UPDATE_STATES[beat.update_state] if beat else None,
            line_state=LINE_STATES[beat.line_state] if beat else None,
            clock_wrong=beat is not None and _clock_wrong(beat),
            no_heap=part is not None and _found_no_heap(uow, unit.serial, part),
            part=part,
            window=_in_words(window),
            hours_at=hours_at if hours_at > uow.now else None,
            heartbeat=timedelta(seconds=self._downlinks.heartbeat_s),
        )


def _later(*instants: datetime | None) -> datetime | None:
    return max((at for at in instants if at is not None), default=None)


def _in_words(window: Window) -> str:
    return "" if window.begins == window.ends else f"{window.begins:%H:%M}-{window.ends:%H:%M}"


def _is_suspended(uow: UnitOfWork, unit: Unit) -> bool:
    if unit.account_id is None:
        return False
    return StandingRepository(uow).of(unit.account_id).state is AccountService.SUSPENDED


def _clock_wrong(beat: Heartbeat) -> bool:
    """Whether the unit's clock was far off when it sent the heartbeat; one that does not know the time is not wrong."""
    return beat.clock_s > 0 and abs(datetime.fromtimestamp(beat.clock_s, UTC) - beat.received_at) > CLOCK_TOLERANCE


def _found_no_heap(uow: UnitOfWork, serial: str, part: RolloutPart) -> bool:
    """Whether the unit's log says so since it was assigned the release."""
    if part.state is not UnitState.ASSIGNED:
        return False
    events = UnitViewRepository(uow).events(serial, EVENTS_LOOKED_AT)
    return any(each.event == "no_heap" and each.received_at >= part.since for each in events)
