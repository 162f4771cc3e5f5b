"""Units as a person looks at them: one row a unit with when it was last heard, and what happened to it lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from fleet.domain.references import Noun, refer
from fleet.domain.rollout import UnitState
from fleet.domain.unit import Custody, Service, Trust
from fleet.store.scope import during_stay, in_scope
from fleet.store.tables.equipment import heartbeats, units
from fleet.store.tables.ingest import unit_events
from fleet.store.tables.releases import releases
from fleet.store.tables.rollouts import rollout_units, rollouts
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.mac import MacAddress

_PAST_EVERY_SERIAL: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit in a list; `heard_at` and `state` (an index into UNIT_STATES) are None before its first heartbeat."""

    serial: str
    mac: MacAddress
    board: str
    custody: Custody
    service: Service
    trust: Trust
    account_id: int | None
    version: str
    heard_at: datetime | None
    state: int | None


@dataclass(frozen=True, slots=True)
class UnitFilter:
    """Which units to list; None: any. `serial` may be its beginning."""

    serial: str | None = None
    mac: MacAddress | None = None
    custody: Custody | None = None
    trust: Trust | None = None
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A line of a unit's own log; `clock_s` is its clock, 0 before it knew the time."""

    event: str
    value: int
    clock_s: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class RolloutPart:
    """What a rollout did with a unit."""

    rollout: str
    release: str
    state: UnitState
    reason: str
    updated_at: datetime


class UnitViewRepository:
    """Reads for people; an Administrator sees the units placed at their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, units.c.account_id)
        self._actor = uow.actor

    def page(self, wanted: UnitFilter, limit: int, after: str | None) -> list[UnitRow]:
        """At most `limit` units with a serial number above `after`."""
        heard = during_stay(self._actor, heartbeats.c.serial, heartbeats.c.received_at)
        query = (
            select(
                units.c.serial, units.c.mac, units.c.board, units.c.custody, units.c.service, units.c.trust,
                units.c.account_id, units.c.version, heartbeats.c.received_at, heartbeats.c.state,
            )
            .select_from(units.outerjoin(heartbeats, (heartbeats.c.serial == units.c.serial) & heard))
            .where(self._scope)
            .order_by(units.c.serial)
            .limit(limit)
        )  # fmt: skip
        if after is not None:
            query = query.where(units.c.serial > after)
        if wanted.serial is not None:
            query = query.where(units.c.serial >= wanted.serial, units.c.serial < wanted.serial + _PAST_EVERY_SERIAL)
        if wanted.mac is not None:
            query = query.where(units.c.mac == int(wanted.mac))
        for column, value in (
            (units.c.custody, wanted.custody),
            (units.c.trust, wanted.trust),
            (units.c.account_id, wanted.account_id),
        ):
            if value is not None:
                query = query.where(column == value)
        return [
            UnitRow(
                serial=row.serial,
                mac=MacAddress.from_int(row.mac),
                board=row.board,
                custody=Custody(row.custody),
                service=Service(row.service),
                trust=Trust(row.trust),
                account_id=row.account_id,
                version=row.version,
                heard_at=row.received_at,
                state=row.state,
            )
            for row in self._connection.execute(query)
        ]

    def events(self, serial: str, limit: int) -> Sequence[LoggedEvent]:
        """The newest lines of the unit's log, newest first."""
        query = (
            select(unit_events.c.event, unit_events.c.value, unit_events.c.clock_s, unit_events.c.received_at)
            .join(units, units.c.serial == unit_events.c.serial)
            .where(unit_events.c.serial == serial, self._scope)
            .where(during_stay(self._actor, unit_events.c.serial, unit_events.c.received_at))
            .order_by(unit_events.c.id.desc())
            .limit(limit)
        )
        return [LoggedEvent(*row) for row in self._connection.execute(query)]

    def rollout_parts(self, serial: str, limit: int) -> Sequence[RolloutPart]:
        """The unit's part in the newest rollouts it was in, newest first."""
        columns = rollouts.c.id, releases.c.version, rollout_units.c.state, rollout_units.c.reason
        query = (
            select(*columns, rollout_units.c.updated_at)
            .select_from(
                rollout_units.join(rollouts, rollouts.c.id == rollout_units.c.rollout_id)
                .join(releases, releases.c.id == rollouts.c.release_id)
                .join(units, units.c.serial == rollout_units.c.serial)
            )
            .where(rollout_units.c.serial == serial, self._scope)
            .where(during_stay(self._actor, rollout_units.c.serial, rollout_units.c.updated_at))
            .order_by(rollouts.c.id.desc())
            .limit(limit)
        )
        return [
            RolloutPart(refer(Noun.ROLLOUT, number), version, UnitState(state), reason, at)
            for number, version, state, reason, at in self._connection.execute(query)
        ]
