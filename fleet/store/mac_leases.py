"""Leases of addresses and serial numbers, within what an actor may see."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, true, update

from fleet.domain.access import Permission
from fleet.domain.errors import NotFoundError
from fleet.domain.lease import LEASES, Lease, LeaseEvent, LeaseState
from fleet.domain.references import Noun, refer
from fleet.domain.transitions import advance
from fleet.store.tables.inventory import mac_leases
from fleet.store.unit_of_work import UnitOfWork


class MacLeaseRepository:
    """A station sees the leases it holds itself; who manages the inventory sees all."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor
        manages = Permission.MAC_MANAGE in uow.actor.permissions
        self._scope: ColumnElement[bool] = true() if manages else mac_leases.c.holder == uow.actor.reference

    def add(
        self, request: str, station: str, board: str, macs_per_unit: int, units: int, expires_at: datetime
    ) -> Lease:
        """A new open lease, held by the actor."""
        row = self._connection.execute(
            insert(mac_leases)
            .values(
                request=request, station=station, holder=self._actor.reference, board=board,
                macs_per_unit=macs_per_unit, units=units, taken_at=self._now, expires_at=expires_at,
                state=LeaseState.OPEN, version=1, why="",
            )
            .returning(mac_leases)
        ).one()  # fmt: skip
        return _lease(row)

    def by_request(self, request: str) -> Lease | None:
        """The lease the actor asked for under that name."""
        query = select(mac_leases).where(mac_leases.c.holder == self._actor.reference, mac_leases.c.request == request)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _lease(row)

    def get(self, lease_id: int) -> Lease:
        """The lease; NotFoundError if there is none the actor may see."""
        return self._one(lease_id, lock=False)

    def hold(self, lease_id: int) -> Lease:
        """The lease, locked until this transaction ends."""
        lease = self._one(lease_id, lock=True)
        self._uow.check_seen(lease.reference, lease.version)
        return lease

    def page(self, limit: int, after: int | None, state: LeaseState | None, expired: bool) -> list[Lease]:
        """At most `limit` leases with an id above `after`; `expired`: those alone that should have been settled."""
        query = select(mac_leases).where(mac_leases.c.id > (after or 0), self._scope)
        if state is not None:
            query = query.where(mac_leases.c.state == state)
        if expired:
            query = query.where(mac_leases.c.state == LeaseState.OPEN, mac_leases.c.expires_at <= self._now)
        return [_lease(row) for row in self._connection.execute(query.order_by(mac_leases.c.id).limit(limit))]

    def owed(self) -> tuple[int, str | None]:
        """How many open leases the actor holds, and the reference of one that has expired."""
        mine = mac_leases.c.holder == self._actor.reference, mac_leases.c.state == LeaseState.OPEN
        count = self._connection.scalar(select(func.count()).where(*mine)) or 0
        expired = self._connection.scalar(
            select(mac_leases.c.id).where(*mine, mac_leases.c.expires_at <= self._now).order_by(mac_leases.c.id)
        )
        return count, None if expired is None else refer(Noun.MAC_LEASE, expired)

    def step(self, lease: Lease, event: LeaseEvent, why: str = "") -> Lease:
        """The lease after `event`; IllegalTransitionError if its table has no such step."""
        state = advance(LEASES, lease.state, event, lease.reference)
        row = self._connection.execute(
            update(mac_leases)
            .where(mac_leases.c.id == lease.id)
            .values(state=state, version=lease.version + 1, ended_at=self._now, why=why)
            .returning(mac_leases)
        ).one()
        return _lease(row)

    def _one(self, lease_id: int, lock: bool) -> Lease:
        query = select(mac_leases).where(mac_leases.c.id == lease_id, self._scope)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no lease {refer(Noun.MAC_LEASE, lease_id)} of yours")
        return _lease(row)


def _lease(row: Row[Any]) -> Lease:
    return Lease(
        id=row.id,
        request=row.request,
        station=row.station,
        holder=row.holder,
        board=row.board,
        macs_per_unit=row.macs_per_unit,
        units=row.units,
        taken_at=row.taken_at,
        expires_at=row.expires_at,
        state=LeaseState(row.state),
        version=row.version,
        ended_at=row.ended_at,
        why=row.why,
    )
