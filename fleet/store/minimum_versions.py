"""Minimum versions, the accounts that were told, and the units that let an offered update lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, insert, or_, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.minimum_version import MinimumState, MinimumVersion, Tally
from fleet.domain.references import Noun, refer
from fleet.domain.rollout import UnitState
from fleet.domain.treatment import Mode
from fleet.domain.unit import IN_SERVICE, Trust, Unit
from fleet.store.rollouts import STARTED
from fleet.store.tables.equipment import heartbeats, units
from fleet.store.tables.minimum_versions import (
    minimum_version_notices,
    minimum_version_tallies,
    minimum_versions,
)
from fleet.store.tables.releases import release_images, releases
from fleet.store.tables.rollouts import rollout_units, rollouts
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert

# An offer that was neither begun on trial nor ended: the unit may still take it.
STANDING = (UnitState.ASSIGNED, UnitState.DOWNLOADING)


@dataclass(frozen=True, slots=True)
class TalliedUnit:
    """A unit below a minimum that is a security fix. `heard_at`: its last heartbeat's."""

    serial: str
    minimum_id: int
    required: int
    counter: int  # that it runs
    told_on: date | None
    tally: Tally
    withheld: bool
    offer_stands: bool
    heard_at: datetime | None


class MinimumVersionRepository:
    """The operator's own, as rollouts are."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._now = uow.now

    def add(self, release_id: int, board: str | None, begins_on: date, author: str) -> MinimumVersion:
        """A new proposal."""
        result = self._connection.execute(
            insert(minimum_versions).values(
                release_id=release_id,
                board=board,
                begins_on=begins_on,
                state=MinimumState.PROPOSED,
                author=author,
                reason="",
                created_at=self._now,
            )
        )
        (number,) = result.inserted_primary_key or (0,)
        return self._one(number, lock=False)

    def hold(self, number: int) -> MinimumVersion:
        """That minimum, locked until this transaction ends."""
        found = self._one(number, lock=True)
        self._uow.check_seen(found.reference, found.version)
        return found

    def page(self, limit: int, after_id: int | None) -> list[MinimumVersion]:
        """At most `limit`, the newest first."""
        query = _QUERY.order_by(minimum_versions.c.id.desc()).limit(limit)
        if after_id is not None:
            query = query.where(minimum_versions.c.id < after_id)
        return [_minimum(row) for row in self._connection.execute(query)]

    def held_to(self) -> list[MinimumVersion]:
        """Those in force or to come, and those of before that a unit still has a tally of."""
        left = exists().where(minimum_version_tallies.c.minimum_id == minimum_versions.c.id)
        query = _QUERY.where(or_(minimum_versions.c.state == MinimumState.APPROVED, left))
        return [_minimum(row) for row in self._connection.execute(query.order_by(minimum_versions.c.id))]

    def change(self, minimum: MinimumVersion, **fields: Any) -> MinimumVersion:
        """It with other `fields`, one version on."""
        this = minimum_versions.c.id == minimum.id
        self._connection.execute(update(minimum_versions).where(this).values(version=minimum.version + 1, **fields))
        return self._one(minimum.id, lock=False)

    def untold(self, minimum_id: int, board: str, counter: int, limit: int) -> list[int]:
        """At most `limit` accounts with a unit below `counter` that were not told of it yet."""
        told = exists().where(
            minimum_version_notices.c.minimum_id == minimum_id,
            minimum_version_notices.c.account_id == units.c.account_id,
        )
        query = select(units.c.account_id).where(_below(board, counter), units.c.account_id.is_not(None), ~told)
        return list(self._connection.execute(query.distinct().order_by(units.c.account_id).limit(limit)).scalars())

    def note_told(self, minimum_id: int, account_id: int, told_on: date) -> None:
        """The account was told."""
        values = {"minimum_id": minimum_id, "account_id": account_id, "told_on": told_on}
        self._connection.execute(insert(minimum_version_notices).values(values))

    def offered(self, minimum_id: int, board: str, counter: int, after: str, limit: int) -> list[TalliedUnit]:
        """At most `limit` units below `counter`, above that serial number, that a standing offer would lift."""
        tallies = minimum_version_tallies
        mine = (tallies.c.serial == units.c.serial) & (tallies.c.minimum_id == minimum_id)
        columns = (tallies.c.days, tallies.c.last_day, tallies.c.withheld, heartbeats.c.received_at)
        query = (
            select(units.c.serial, units.c.release_counter, *columns)
            .outerjoin(tallies, mine)
            .outerjoin(heartbeats, heartbeats.c.serial == units.c.serial)
            .where(_below(board, counter), units.c.serial > after, self._stands(counter))
        )
        return [
            TalliedUnit(
                row.serial,
                minimum_id,
                counter,
                row.release_counter,
                None,
                Tally(row.days or 0, row.last_day),
                bool(row.withheld),
                True,
                row.received_at,
            )
            for row in self._connection.execute(query.order_by(units.c.serial).limit(limit))
        ]

    def save_tally(self, unit: TalliedUnit, tally: Tally) -> None:
        """Note on how many days it let the offer lie."""
        row = {"serial": unit.serial, "minimum_id": unit.minimum_id, "counter": unit.required}
        row |= {"days": tally.days, "last_day": tally.last_day, "withheld": unit.withheld}
        upsert(self._connection, minimum_version_tallies, [row])

    def tallied(self, minimum_id: int, after: str, limit: int) -> list[TalliedUnit]:
        """At most `limit` units with a tally, above that serial number."""
        tallies, notices = minimum_version_tallies, minimum_version_notices
        told = (notices.c.minimum_id == minimum_id) & (notices.c.account_id == units.c.account_id)
        columns = (units.c.release_counter, notices.c.told_on, self._stands(tallies.c.counter).label("stands"))
        query = (
            select(tallies, *columns)
            .select_from(tallies.join(units, units.c.serial == tallies.c.serial))
            .outerjoin(notices, told)
            .where(tallies.c.minimum_id == minimum_id, tallies.c.serial > after)
        )
        return [
            TalliedUnit(
                row.serial,
                minimum_id,
                row.counter,
                row.release_counter,
                row.told_on,
                Tally(row.days, row.last_day),
                row.withheld,
                row.stands,
                None,
            )
            for row in self._connection.execute(query.order_by(tallies.c.serial).limit(limit))
        ]

    def withhold(self, unit: TalliedUnit, withheld: bool) -> None:
        """Note whether its voice is withheld."""
        mine = minimum_version_tallies.c.serial == unit.serial
        mine &= minimum_version_tallies.c.minimum_id == unit.minimum_id
        self._connection.execute(update(minimum_version_tallies).where(mine).values(withheld=withheld))

    def forget(self, unit: TalliedUnit) -> None:
        """Its tally is over."""
        mine = minimum_version_tallies.c.serial == unit.serial
        mine &= minimum_version_tallies.c.minimum_id == unit.minimum_id
        self._connection.execute(delete(minimum_version_tallies).where(mine))

    def refuses(self, unit: Unit) -> bool:
        """Whether voice is withheld from the unit, by what it runs now."""
        tallies = minimum_version_tallies.c
        mine = (tallies.serial == unit.serial) & tallies.withheld & (tallies.counter > unit.release_counter)
        return bool(self._connection.scalar(select(exists().where(mine))))

    def _stands(self, counter: int | ColumnElement[int]) -> ColumnElement[bool]:
        """A rollout offers the unit that counter or a higher one, to restart into, and it may still take it."""
        image = and_(
            release_images.c.release_id == rollouts.c.release_id,
            release_images.c.board == units.c.board,
            release_images.c.release_counter >= counter,
        )
        return exists().where(
            rollout_units.c.serial == units.c.serial,
            rollout_units.c.state.in_(STANDING),
            rollouts.c.id == rollout_units.c.rollout_id,
            rollouts.c.state.in_(STARTED),
            rollouts.c.mode != Mode.DOWNLOAD_ONLY,
            or_(rollouts.c.not_before.is_(None), rollouts.c.not_before <= self._now),
            image,
        )

    def _one(self, number: int, lock: bool) -> MinimumVersion:
        query = _QUERY.where(minimum_versions.c.id == number)
        row = self._connection.execute(query.with_for_update(of=minimum_versions) if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no minimum version {refer(Noun.MINIMUM_VERSION, number)}")
        return _minimum(row)


_QUERY = select(minimum_versions, releases.c.version.label("release")).join_from(minimum_versions, releases)


def _below(board: str, counter: int) -> ColumnElement[bool]:
    return and_(
        units.c.board == board,
        units.c.release_counter < counter,
        units.c.trust == Trust.GOOD,
        units.c.service.in_(IN_SERVICE),
    )


def _minimum(row: Row[Any]) -> MinimumVersion:
    return MinimumVersion(
        id=row.id,
        release=row.release,
        board=row.board,
        begins_on=row.begins_on,
        state=MinimumState(row.state),
        author=row.author,
        approver=row.approver,
        reason=row.reason,
        version=row.version,
    )
