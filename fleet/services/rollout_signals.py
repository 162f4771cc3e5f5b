"""What speaks against a release in what units send anyway: gaps and lost registrations, poor calls; for both arms.

Of a batch only the units that are watched and stand out cost more than a query for all, whatever the fleet's size.
A gap that the fleet itself made, for it was down, is every unit's, with the release and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from fleet.domain.rollout_watch import DEFAULT, Beat, Watch, heard, line_up, signal
from fleet.services.rollout_groups import note_failure
from fleet.services.unit_messages import Incoming
from fleet.store.call_records import CallRecordRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.rollout_groups import RolloutGroupRepository, Watched
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.enumerations import LINE_STATES


def note_heartbeats(uow: UnitOfWork, batch: Sequence[Incoming]) -> None:
    """Count what the heartbeats say of watched units; before they are stored, for it is held against the last ones."""
    rollouts = RolloutGroupRepository(uow).watching()
    if not rollouts:
        return
    beats = {incoming.serial: _beat(incoming) for incoming in reversed(batch)}  # of two of a unit the first
    silent_since = max(beat.at for beat in beats.values()) - DEFAULT.heartbeat_gap
    down = [serial for serial, beat in beats.items() if beat.line_up is False]
    before = HeartbeatRepository(uow).standing_out(beats, silent_since, down)
    groups = RolloutGroupRepository(uow)
    for rollout_id, watched in groups.running(rollouts, before):
        watch = heard(watched.watch, before[watched.serial], beats[watched.serial])
        if watch.lost_registrations > watched.watch.lost_registrations:
            groups.count_lost(rollout_id, watched.serial)
        _judge(uow, rollout_id, watched, watch)


def note_calls(uow: UnitOfWork, batch: Sequence[Incoming]) -> None:
    """Judge the calls of watched units anew; after they are stored."""
    measured = {incoming.serial for incoming in batch if incoming.message["mos_tenths"]}
    groups = RolloutGroupRepository(uow)
    rollouts = groups.watching() if measured else []
    for rollout_id, watched in groups.running(rollouts, measured):
        calls, mean = CallRecordRepository(uow).heard_since(watched.serial, watched.watch.began_at)
        _judge(uow, rollout_id, watched, replace(watched.watch, calls=calls, mos_tenths=mean))


def _judge(uow: UnitOfWork, rollout_id: int, watched: Watched, watch: Watch) -> None:
    failed_by = None if watched.failed else signal(watch, watched.ends_at - watch.began_at, uow.now)
    if failed_by is not None:
        note_failure(uow, RolloutRepository(uow).get(rollout_id), watched.serial, failed_by)


def _beat(incoming: Incoming) -> Beat:
    message = incoming.message
    uptime = timedelta(seconds=message["uptime_s"])
    return Beat(incoming.received_at, uptime, line_up(LINE_STATES[message["line_state"]]))
