"""Where each line is, for 911, and that an Administrator knows what 911 does there: both come before voice (ER 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError
from fleet.domain.placement import Placement
from fleet.domain.registered_location import LocationState, RegisteredLocation, location_state
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.lines import Line, hold_line, line_of_unit
from fleet.services.on_record import administrator_on_record
from fleet.store.locations import LocationRepository, WhereaboutsRepository
from fleet.store.placements import PlacementRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork


@dataclass(frozen=True, slots=True)
class LocationSaid:
    """What was said of where a line is. `administrator`: on record for it; None: who acts, or the only one."""

    address: str
    disclosure_acknowledged: bool = False
    administrator: str | None = None


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """A unit's registered location, how it stands, and the network the unit is on now."""

    location: RegisteredLocation | None
    state: LocationState
    network: str


Change = Callable[[UnitOfWork, Line, str], RegisteredLocation]  # what a held line's location becomes on a network


class Locations:
    """Registered locations in the actor's scope. A location is Account data: the doors keep every read of one."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def of_unit(self, actor: Actor, serial: str) -> KnownLocation:
        """Where the unit's line is registered; ConflictError for a unit that no account has."""
        actor.require(Permission.LOCATION_READ)
        with self._transactions.read(actor) as uow:
            return _known(uow, line_of_unit(uow, serial).id, serial)

    def register(self, actor: Actor, serial: str, said: LocationSaid) -> KnownLocation:
        """Say where the unit is, on the network it is on now; voice needs the disclosure acknowledged as well."""

        def change(uow: UnitOfWork, line: Line, network: str) -> RegisteredLocation:
            return said_location(uow, line.account_id, said, network)

        return self._change(actor, serial, AuditAction.LOCATION_SET, change)

    def confirm(self, actor: Actor, serial: str, administrator: str | None) -> KnownLocation:
        """The address still holds, on the network the unit is on now, and the disclosure is acknowledged."""

        def change(uow: UnitOfWork, line: Line, network: str) -> RegisteredLocation:
            location = LocationRepository(uow).of(line.id)
            if location is None:
                raise ConflictError(f"no location is registered for {serial}: say where it is")
            who = administrator_on_record(uow, line.account_id, administrator)
            return replace(location, network=network, acknowledged_at=uow.now, acknowledged_by=who)

        return self._change(actor, serial, AuditAction.LOCATION_CONFIRM, change)

    def _change(self, actor: Actor, serial: str, action: AuditAction, change: Change) -> KnownLocation:
        actor.require(Permission.LOCATION_MANAGE)
        with self._transactions.begin(actor) as uow:
            line = hold_line(uow, line_of_unit(uow, serial).id)
            location = change(uow, line, WhereaboutsRepository(uow).of(serial).network)
            LocationRepository(uow).save(line.id, line.account_id, location)
            for unit in line.units:
                set_line(uow, unit, self._downlinks)
            uow.audit(action, serial, ["address", "disclosure"], line.account_id)
            known = _known(uow, line.id, serial)
            uow.commit()
            return known


def said_location(uow: UnitOfWork, account_id: int, said: LocationSaid, network: str = "") -> RegisteredLocation:
    """What was said, with who acknowledged the disclosure; InvalidError for somebody who is no Administrator."""
    who = administrator_on_record(uow, account_id, said.administrator)
    address = said.address.strip()
    if not said.disclosure_acknowledged:
        return RegisteredLocation(address, network)
    return RegisteredLocation(address, network, uow.now, who)


def bind_network(uow: UnitOfWork, placement: Placement) -> None:
    """A location given before its unit was plugged in holds for the first network the unit is seen on."""
    locations, line = LocationRepository(uow), PlacementRepository(uow).line_of(placement)
    location = locations.of(line)
    if location is not None:
        seen = location.seen_on(WhereaboutsRepository(uow).of(placement.opened.serial).network)
        if seen is not location:
            locations.save(line, placement.opened.account_id, seen)


def _known(uow: UnitOfWork, line: int, serial: str) -> KnownLocation:
    location, seen = LocationRepository(uow).of(line), WhereaboutsRepository(uow).of(serial)
    return KnownLocation(location, location_state(location, seen.network), seen.network)
