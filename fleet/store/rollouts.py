"""Rollouts and each unit's part in them; the counts move with every unit, so nothing is ever counted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, insert, literal, select, update

from fleet.domain.access import Actor, ActorKind
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.rollout import (
    UNSETTLED,
    Rollout,
    RolloutState,
    UnitProgress,
    UnitState,
)
from fleet.domain.treatment import SOFTLY, Mode, Treatment
from fleet.store.scope import during_stay
from fleet.store.tables.equipment import units
from fleet.store.tables.people import tokens
from fleet.store.tables.releases import release_images, releases
from fleet.store.tables.rollouts import rollout_counts, rollout_units, rollouts
from fleet.store.unit_of_work import UnitOfWork

LIVE = (RolloutState.RUNNING, RolloutState.PAUSED)
STARTED = (*LIVE, RolloutState.STOPPING)
MAX_REASON_CHARACTERS = 160
MAX_PARTS = 16  # of one unit, read at once


class RolloutRepository:
    """Rollouts belong to the operator, to no account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor

    def add(
        self,
        release_id: int,
        serials: Sequence[str] | None,
        pause_after_failures: int,
        author: str,
        treatment: Treatment = SOFTLY,
    ) -> Rollout:
        """A new draft for those units, or for all (None)."""
        result = self._connection.execute(
            insert(rollouts).values(
                release_id=release_id,
                everyone=serials is None,
                state=RolloutState.DRAFT,
                reason="",
                pause_after_failures=pause_after_failures,
                expected=len(serials or ()),
                author=author,
                created_at=self._now,
                mode=treatment.mode,
                urgent=treatment.urgent,
                not_before=treatment.not_before,
                deadline=treatment.deadline,
            )
        )
        (rollout_id,) = result.inserted_primary_key or (0,)
        counts = dict.fromkeys(UnitState, 0) | {UnitState.WAITING: len(serials or ())}
        self._connection.execute(
            insert(rollout_counts),
            [{"rollout_id": rollout_id, "state": state, "units": count} for state, count in counts.items()],
        )
        if serials:
            rows = [
                {"rollout_id": rollout_id, "serial": serial, "state": UnitState.WAITING, "reason": ""}
                for serial in serials
            ]
            self._connection.execute(insert(rollout_units).values(updated_at=self._now), rows)
        return self.get(rollout_id)

    def add_for_units_of(
        self, other: Rollout, states: Collection[UnitState], release_id: int, treatment: Treatment
    ) -> Rollout | None:
        """A new draft by the same author for the units that are in one of `states` in `other`; None if none is."""
        of_other = (rollout_units.c.rollout_id == other.id) & rollout_units.c.state.in_(states)
        count = self._connection.scalar(select(func.count()).select_from(rollout_units).where(of_other)) or 0
        if not count:
            return None
        back = self.add(release_id, (), count, other.author, treatment)
        values = (literal(back.id), rollout_units.c.serial, literal(UnitState.WAITING), literal(""), literal(self._now))
        self._connection.execute(
            insert(rollout_units).from_select(
                ["rollout_id", "serial", "state", "reason", "updated_at"], select(*values).where(of_other)
            )
        )
        self._count(back.id, UnitState.WAITING, count)
        return self.change(back, expected=count)

    def get(self, rollout_id: int) -> Rollout:
        """The rollout; NotFoundError if there is none of that number."""
        return self._one(rollout_id, lock=False)

    def hold(self, rollout_id: int) -> Rollout:
        """The rollout, locked until this transaction ends."""
        rollout = self._one(rollout_id, lock=True)
        self._uow.check_seen(rollout.reference, rollout.version)
        return rollout

    def page(self, limit: int, after_id: int | None) -> list[Rollout]:
        """At most `limit` rollouts, newest first; those before `after_id`."""
        query = _QUERY.order_by(rollouts.c.id.desc()).limit(limit)
        if after_id is not None:
            query = query.where(rollouts.c.id < after_id)
        return [self._rollout(row) for row in self._connection.execute(query)]

    def live(self) -> list[Rollout]:
        """Those that concern units now, the latest started first: the newer wins."""
        return [self._rollout(row) for row in self._connection.execute(_LIVE)]

    def to_all(self, states: Collection[RolloutState]) -> list[Rollout]:
        """The newest rollouts to all in one of `states`, MAX_PARTS at most, newest first."""
        query = _QUERY.where(rollouts.c.everyone, rollouts.c.state.in_(states)).order_by(rollouts.c.id.desc())
        return [self._rollout(row) for row in self._connection.execute(query.limit(MAX_PARTS))]

    def release_id_of(self, rollout_id: int) -> int:
        """The release it rolls out."""
        query = select(rollouts.c.release_id).where(rollouts.c.id == rollout_id)
        return int(self._connection.execute(query).scalar_one())

    def change(self, rollout: Rollout, **fields: Any) -> Rollout:
        """The rollout with other `fields`, one version on."""
        self._connection.execute(
            update(rollouts).where(rollouts.c.id == rollout.id).values(version=rollout.version + 1, **fields)
        )
        return self.get(rollout.id)

    def unit(self, rollout_id: int, serial: str) -> UnitProgress | None:
        """That unit's part, if it has one yet."""
        row = self._connection.execute(_UNIT, {"of_rollout": rollout_id, "of_serial": serial}).one_or_none()
        return None if row is None else _progress(row)

    def parts(self, rollout_ids: Collection[int], serials: Collection[str]) -> dict[tuple[int, str], UnitProgress]:
        """The parts those units have in those rollouts, by rollout and serial number: one query for a whole batch."""
        rows = self._connection.execute(_PARTS, {"of_rollouts": list(rollout_ids), "of_serials": list(serials)})
        return {(row.rollout_id, row.serial): _progress(row) for row in rows}

    def parts_of(self, serial: str) -> list[tuple[Rollout, UnitProgress]]:
        """The unit's parts in the newest rollouts it was in, the one that moved last first."""
        query = select(rollout_units).where(rollout_units.c.serial == serial)
        query = query.where(during_stay(self._actor, rollout_units.c.serial, rollout_units.c.updated_at))
        query = query.order_by(rollout_units.c.updated_at.desc(), rollout_units.c.rollout_id.desc())
        rows = self._connection.execute(query.limit(MAX_PARTS)).all()
        return [(self.get(row.rollout_id), _progress(row)) for row in rows]

    def unsettled_of(self, serial: str) -> list[int]:
        """The started rollouts that still wait for that unit, by number."""
        query = (
            select(rollout_units.c.rollout_id)
            .join(rollouts, rollouts.c.id == rollout_units.c.rollout_id)
            .where(rollout_units.c.serial == serial, rollout_units.c.state.in_(UNSETTLED))
            .where(rollouts.c.state.in_(STARTED))
            .order_by(rollout_units.c.rollout_id)
        )
        return list(self._connection.execute(query).scalars())

    def units(self, rollout_id: int, limit: int, after: str | None) -> list[UnitProgress]:
        """At most `limit` units with a serial number above `after`."""
        query = select(rollout_units).where(rollout_units.c.rollout_id == rollout_id)
        if after is not None:
            query = query.where(rollout_units.c.serial > after)
        return [_progress(row) for row in self._connection.execute(query.order_by(rollout_units.c.serial).limit(limit))]

    def move(self, rollout_id: int, serial: str, state: UnitState, reason: str = "") -> None:
        """Put the unit into `state`; its first one, if it has none."""
        before = self.unit(rollout_id, serial)
        values = {"state": state, "reason": reason[:MAX_REASON_CHARACTERS], "updated_at": self._now}
        if before is None:
            self._connection.execute(_ADD_UNIT, {"rollout_id": rollout_id, "serial": serial, **values})
        else:
            self._connection.execute(_MOVE_UNIT, {"of_rollout": rollout_id, "of_serial": serial, **values})
            self._count(rollout_id, before.state, -1)
        self._count(rollout_id, state, 1)

    def recall(self, rollout_id: int, states: Collection[UnitState], reason: str) -> None:
        """Supersede every unit that is in one of `states`."""
        result = self._connection.execute(
            select(rollout_units.c.state, func.count())
            .where(rollout_units.c.rollout_id == rollout_id, rollout_units.c.state.in_(states))
            .group_by(rollout_units.c.state)
        )
        for state, count in result.all():
            self._count(rollout_id, UnitState(state), -count)
            self._count(rollout_id, UnitState.SUPERSEDED, count)
        self._connection.execute(
            update(rollout_units)
            .where(rollout_units.c.rollout_id == rollout_id, rollout_units.c.state.in_(states))
            .values(state=UnitState.SUPERSEDED, reason=reason, updated_at=self._now)
        )

    def boards_of(self, serials: Collection[str]) -> dict[str, str]:
        """The board of each of those units there is."""
        rows = self._connection.execute(select(units.c.serial, units.c.board).where(units.c.serial.in_(serials)))
        return {row.serial: row.board for row in rows}

    def person_behind(self, actor: Actor) -> str:
        """Who answers for what the actor does: the maker of a token, else the actor itself (docs/decisions/0007)."""
        if actor.kind is not ActorKind.TOKEN:
            return actor.reference
        number = number_of(Noun.TOKEN, actor.reference)
        maker = self._connection.scalar(select(tokens.c.person_id).where(tokens.c.id == number))
        return actor.reference if maker is None else refer(Noun.PERSON, maker)

    def _count(self, rollout_id: int, state: UnitState, change: int) -> None:
        self._connection.execute(_COUNT, {"of_rollout": rollout_id, "of_state": state, "change": change})

    def _one(self, rollout_id: int, lock: bool) -> Rollout:
        row = self._connection.execute(_HOLD if lock else _GET, {"of_rollout": rollout_id}).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no rollout {refer(Noun.ROLLOUT, rollout_id)}")
        return self._rollout(row)

    def _rollout(self, row: Row[Any]) -> Rollout:
        counts = self._connection.execute(_COUNTS, {"of_rollout": row.id})
        return Rollout(
            id=row.id,
            release=row.release,
            everyone=row.everyone,
            state=RolloutState(row.state),
            reason=row.reason,
            pause_after_failures=row.pause_after_failures,
            tolerated_failures=row.tolerated_failures,
            expected=row.expected,
            counts={UnitState(state): count for state, count in counts},
            author=row.author,
            approver=row.approver,
            created_at=row.created_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            version=row.version,
            treatment=Treatment(Mode(row.mode), row.urgent, row.not_before, row.deadline),
            by_groups=row.plan is not None,
            beta=row.beta,
            since=row.since,
        )


_BETA = exists().where(release_images.c.release_id == rollouts.c.release_id, release_images.c.beta)
_QUERY = select(rollouts, releases.c.version.label("release"), _BETA.label("beta")).join_from(rollouts, releases)
_GET = _QUERY.where(rollouts.c.id == bindparam("of_rollout"))
_HOLD = _GET.with_for_update(of=rollouts)
_LIVE = _QUERY.where(rollouts.c.state.in_(LIVE)).order_by(rollouts.c.started_at.desc(), rollouts.c.id.desc())
_COUNTS = select(rollout_counts.c.state, rollout_counts.c.units).where(
    rollout_counts.c.rollout_id == bindparam("of_rollout")
)
_COUNT = (
    update(rollout_counts)
    .where(rollout_counts.c.rollout_id == bindparam("of_rollout"), rollout_counts.c.state == bindparam("of_state"))
    .values(units=rollout_counts.c.units + bindparam("change"))
)
_THIS_UNIT = (rollout_units.c.rollout_id == bindparam("of_rollout")) & (
    rollout_units.c.serial == bindparam("of_serial")
)
_UNIT = select(rollout_units).where(_THIS_UNIT)
_PARTS = select(rollout_units).where(
    rollout_units.c.rollout_id.in_(bindparam("of_rollouts", expanding=True)),
    rollout_units.c.serial.in_(bindparam("of_serials", expanding=True)),
)
_ADD_UNIT = insert(rollout_units)
_MOVE_UNIT = update(rollout_units).where(_THIS_UNIT)


def _progress(row: Row[Any]) -> UnitProgress:
    return UnitProgress(row.serial, UnitState(row.state), row.reason, row.updated_at)
