"""Where each line is registered for 911, and on which public network each unit was seen last."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select

from fleet.domain.public_network import Whereabouts
from fleet.domain.registered_location import RegisteredLocation
from fleet.store.scope import in_scope
from fleet.store.tables.telephony import registered_locations, unit_whereabouts
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert


class LocationRepository:
    """The lines of the accounts in the actor's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, registered_locations.c.account_id)

    def of(self, line: int) -> RegisteredLocation | None:
        """The line's, None if nobody has said where it is."""
        table = registered_locations
        row = self._connection.execute(select(table).where(table.c.line_id == line, self._scope)).one_or_none()
        return None if row is None else _location(row)

    def save(self, line: int, account_id: int, location: RegisteredLocation) -> None:
        """Keep it in place of the one before."""
        row = {
            "line_id": line,
            "account_id": account_id,
            "address": location.address,
            "network": location.network,
            "acknowledged_at": location.acknowledged_at,
            "acknowledged_by": location.acknowledged_by,
            "changed_at": self._now,
        }
        upsert(self._connection, registered_locations, [row])


class WhereaboutsRepository:
    """Reached through a unit the caller has found in its scope, or by the broker's door."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def of(self, serial: str) -> Whereabouts:
        """Where the unit was seen last; nothing is known of one that was not."""
        table = unit_whereabouts
        row = self._connection.execute(select(table).where(table.c.serial == serial)).one_or_none()
        return Whereabouts() if row is None else Whereabouts(row.network, row.country)

    def save(self, serial: str, found: Whereabouts) -> None:
        """Keep where it is seen now."""
        row = {"serial": serial, "network": found.network, "country": found.country, "seen_at": self._now}
        upsert(self._connection, unit_whereabouts, [row])

    def forget(self, serial: str) -> None:
        """Where the unit was tells nothing of where it is going."""
        self._connection.execute(delete(unit_whereabouts).where(unit_whereabouts.c.serial == serial))

    def seen_in(self, country: str, limit: int, after: str) -> list[str]:
        """At most `limit` serial numbers above `after` of units last seen in that country."""
        table = unit_whereabouts
        query = select(table.c.serial).where(table.c.country == country, table.c.serial > after)
        return list(self._connection.scalars(query.order_by(table.c.serial).limit(limit)))


def _location(row: Row[Any]) -> RegisteredLocation:
    return RegisteredLocation(row.address, row.network, row.acknowledged_at, row.acknowledged_by)
