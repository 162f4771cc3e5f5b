"""What units run, as they last registered it, and what the director assigned them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Row, Select, bindparam, delete, func, insert, literal, or_, select, update

from fleet.domain.configuration import Channel
from fleet.domain.rollout import RECALLABLE, Fit, Running
from fleet.domain.unit import IN_SERVICE, Trust
from fleet.store.tables.equipment import configurations, units
from fleet.store.tables.rollouts import assignments, rollout_units, running_images
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import present_epoch


@dataclass(frozen=True, slots=True)
class Assignment:
    """The director's order to a unit; `target` None is "stay as you are"."""

    sequence: int
    serial: str
    rollout_id: int | None
    target: str | None
    command_id: int
    document: bytes
    issued_at: datetime
    told_at: datetime
    keyid: str | None  # of the director's key that signed it; None: from before that was kept


class AssignmentRepository:
    """Reached by the gateway for units it has authenticated."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def record_running(self, serial: str, running: Running) -> None:
        """Note what the unit registered with."""
        values = {
            "board": running.board,
            "hardware_revision": running.hardware_revision,
            "abi": running.abi,
            "version": running.version,
            "release_counter": running.release_counter,
            "sha256": running.image_sha256,
            "registered_at": self._now,
        }
        if not self._connection.execute(_SET_RUNNING, {"of_serial": serial, **values}).rowcount:
            self._connection.execute(_ADD_RUNNING, {"serial": serial, "first_at": self._now, **values})

    def in_service(self, serials: Collection[str]) -> dict[str, tuple[Running, datetime]]:
        """Of those units the trusted ones in service: what they run and when they first registered."""
        rows = self._connection.execute(_RUNNING_IN_SERVICE, {"of_serials": list(serials)})
        return {row.serial: (_running(row), row.first_at) for row in rows}

    def running(self, serial: str) -> tuple[Running, datetime] | None:
        """What the unit registered with last, and when it first did; of a unit the caller found in its scope."""
        row = self._connection.execute(select(running_images).where(running_images.c.serial == serial)).one_or_none()
        return None if row is None else (_running(row), row.first_at)

    def count_fitting(self, fits: Collection[Fit]) -> int:
        """How many trusted units in service could run an image of one of `fits`."""
        query = fitting_in_service(select(func.count()).select_from(running_images), fits)
        return self._connection.scalar(query.join(units, units.c.serial == running_images.c.serial)) or 0

    def issue(
        self,
        serial: str,
        rollout_id: int | None,
        target: str | None,
        command_id: int,
        keyid: str,
        sign: Callable[[int], bytes],
    ) -> Assignment:
        """A new assignment in place of all before; `sign` makes the document for its number with the key `keyid`."""
        self._connection.execute(_END_PENDING, {"of_serial": serial})
        values = {
            "serial": serial,
            "rollout_id": rollout_id,
            "target": target,
            "command_id": command_id,
            "pending": target is not None,
            "issued_at": self._now,
            "told_at": self._now,
            "of_serial": serial,
            "keyid": keyid,
            "document": b"",
        }
        (sequence,) = self._connection.execute(_ISSUE, values).inserted_primary_key or (0,)
        document = sign(sequence)
        self._connection.execute(_CHANGE, {"of_sequence": sequence, "document": document})
        return Assignment(sequence, serial, rollout_id, target, command_id, document, self._now, self._now, keyid)

    def pending(self, serials: Collection[str]) -> dict[str, Assignment]:
        """The assignment each of those units has not yet said the end of."""
        rows = self._connection.execute(_PENDING, {"of_serials": list(serials)})
        return {row.serial: _assignment(row) for row in rows}

    def latest(self, serial: str) -> Assignment | None:
        """What the director says to that unit now."""
        row = self._connection.execute(_LATEST, {"of_serial": serial}).one_or_none()
        return None if row is None else _assignment(row)

    def by_sequence(self, serial: str, sequence: int) -> Assignment | None:
        """The assignment of that number, if the unit was given it in its present epoch."""
        row = self._connection.execute(_BY_SEQUENCE, {"of_serial": serial, "of_sequence": sequence}).one_or_none()
        return None if row is None else _assignment(row)

    def stale(self, keyid: str, issued_before: datetime, limit: int) -> list[Assignment]:
        """At most `limit` pending ones that another key signed or that are older, of units before their trial."""
        query = (
            select(assignments)
            .join(
                rollout_units,
                (rollout_units.c.rollout_id == assignments.c.rollout_id)
                & (rollout_units.c.serial == assignments.c.serial),
            )
            .where(
                assignments.c.pending,
                or_(assignments.c.issued_at < issued_before, assignments.c.keyid.is_distinct_from(keyid)),
                rollout_units.c.state.in_(RECALLABLE),
            )
            .order_by(assignments.c.sequence)
            .limit(limit)
        )
        return [_assignment(row) for row in self._connection.execute(query)]

    def forget(self, serial: str) -> None:
        """The unit runs nothing any more, and no assignment is pending: its identity ended."""
        self._connection.execute(_END_PENDING, {"of_serial": serial})
        self._connection.execute(delete(running_images).where(running_images.c.serial == serial))

    def close(self, assignment: Assignment) -> None:
        """The unit said how it ended; that ends also what was signed anew since for the same rollout."""
        mine = {"of_serial": assignment.serial, "of_rollout": assignment.rollout_id}
        self._connection.execute(_END_PENDING_OF_ROLLOUT, mine)

    def tell_again(self, sequence: int) -> None:
        """Note that the unit is told of it now."""
        self._connection.execute(_CHANGE, {"of_sequence": sequence, "told_at": self._now})


_ON_BETA = select(configurations.c.serial).where(configurations.c.channel == Channel.BETA)


def fitting_in_service(query: Select[Any], fits: Collection[Fit]) -> Select[Any]:
    """The query, of units and running_images, for the trusted ones in service that an image of one of `fits` is for."""
    run = running_images.c
    fitting = [
        (run.board == fit.board)
        & run.hardware_revision.between(fit.revision_from, fit.revision_to)
        & (run.abi == fit.abi)
        & (run.serial.in_(_ON_BETA) if fit.beta else literal(True))
        for fit in fits
    ]
    return query.where(or_(False, *fitting), units.c.trust == Trust.GOOD, units.c.service.in_(IN_SERVICE))


def _in_service(query: Select[Any]) -> Select[Any]:
    return query.join(units, units.c.serial == running_images.c.serial).where(
        units.c.trust == Trust.GOOD, units.c.service.in_(IN_SERVICE)
    )


def _running(row: Row[Any]) -> Running:
    return Running(row.board, row.hardware_revision, row.abi, row.version, row.release_counter, row.sha256)


def _assignment(row: Row[Any]) -> Assignment:
    return Assignment(
        row.sequence,
        row.serial,
        row.rollout_id,
        row.target,
        row.command_id,
        row.document,
        row.issued_at,
        row.told_at,
        row.keyid,
    )


_SERIAL: BindParameter[str] = bindparam("of_serial")
_SERIALS: BindParameter[str] = bindparam("of_serials", expanding=True)
_SET_RUNNING = update(running_images).where(running_images.c.serial == _SERIAL)
_ADD_RUNNING = insert(running_images)
_RUNNING_IN_SERVICE = _in_service(select(running_images)).where(running_images.c.serial.in_(_SERIALS))
_OF_UNIT = select(assignments).where(assignments.c.serial == _SERIAL, assignments.c.epoch == present_epoch(_SERIAL))
_LATEST = _OF_UNIT.order_by(assignments.c.sequence.desc()).limit(1)
_BY_SEQUENCE = _OF_UNIT.where(assignments.c.sequence == bindparam("of_sequence"))
_PENDING = select(assignments).where(assignments.c.serial.in_(_SERIALS), assignments.c.pending)
_END_PENDING = update(assignments).where(assignments.c.serial == _SERIAL, assignments.c.pending).values(pending=False)
_END_PENDING_OF_ROLLOUT = _END_PENDING.where(assignments.c.rollout_id == bindparam("of_rollout"))
_ISSUE = insert(assignments).values(epoch=present_epoch(_SERIAL))
_CHANGE = update(assignments).where(assignments.c.sequence == bindparam("of_sequence"))
