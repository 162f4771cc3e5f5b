"""The end of a unit: identity revoked, addresses retired, round over. The caller saves it and commits."""

from __future__ import annotations

from fleet.domain.mac_address import AddressEvent
from fleet.domain.refurbishing import RefurbishingEvent
from fleet.domain.unit import CustodyEvent, Unit, after
from fleet.services.receiving import check_not_held
from fleet.services.refurbishing_track import round_of, take_step
from fleet.services.swap import kill_identity
from fleet.store.mac_addresses import MacAddressRepository
from fleet.store.unit_of_work import UnitOfWork


def scrap(uow: UnitOfWork, unit: Unit, why: str) -> Unit:
    """The unit as scrap, to be saved; its serial number and MAC are never given again."""
    check_not_held(uow, unit.serial)
    current = round_of(uow, unit)
    scrapped = kill_identity(uow, after(unit, CustodyEvent.SCRAP), "scrapped", why)
    if current is not None:
        take_step(uow, current, RefurbishingEvent.SCRAP, why)
    MacAddressRepository(uow).move(unit.serial, AddressEvent.SCRAP, why)
    return scrapped
