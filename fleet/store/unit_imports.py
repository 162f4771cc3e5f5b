"""Many units at once: what the fleet knows of a batch of rows, its units written together, all units read in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select

from fleet.domain.import_judgement import Known, records_of
from fleet.domain.mac_address import AddressEvent, AddressRecord
from fleet.domain.unit import FIRST_EPOCH, Custody, Service, Trust, Unit, unseen_board_uid
from fleet.domain.unit_import import ImportRow
from fleet.store.mac_addresses import MacAddressRepository, record_of
from fleet.store.mac_blocks import BlockIndex
from fleet.store.tables.equipment import units
from fleet.store.tables.inventory import mac_addresses
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import unit_of

BATCH_ROWS: Final = 1000  # bound parameters of one statement: at most MAX_MACS_PER_UNIT times as many


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """A unit with all its addresses, as an export shows it."""

    unit: Unit
    addresses: tuple[AddressRecord, ...]
    made_at: datetime


class UnitImportRepository:
    """The operator's own inventory: it lies in no account's scope, the services let nobody else in."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection

    def known(self, rows: Sequence[ImportRow], blocks: BlockIndex) -> Known:
        """What the fleet has of what these rows name."""
        serials = [row.serial for row in rows]
        uids = [row.board_uid for row in rows if row.board_uid is not None]
        found = {
            row.serial: unit_of(row) for row in self._connection.execute(_units.where(units.c.serial.in_(serials)))
        }
        boards = select(units.c.board_uid, units.c.serial).where(units.c.board_uid.in_(uids))
        macs = [int(mac) for row in rows for mac in row.macs]
        owners = [record_of(row) for row in self._connection.execute(_macs.where(mac_addresses.c.mac.in_(macs)))]
        return Known(
            units=found,
            tied=self._tied(serials),
            owners={int(record.mac): record for record in owners},
            boards={row.board_uid: row.serial for row in self._connection.execute(boards)} if uids else {},
            block_of=blocks.block_of,
        )

    def add(self, rows: Sequence[ImportRow], known: Known) -> None:
        """The units of these rows, which were accepted against `known`."""
        if not rows:
            return
        records = {row.serial: records_of(row, known) for row in rows}
        addresses = MacAddressRepository(self._uow)
        addresses.take_named([each for row in rows for each in records[row.serial]], AddressEvent.IMPORT)
        values = [
            {
                "serial": row.serial,
                "mac": int(row.macs[0]),
                "mac_block_id": records[row.serial][0].block_id,
                "board": row.board,
                "hardware_revision": row.hardware_revision,
                "board_uid": row.board_uid or unseen_board_uid(row.serial),
                "epoch": FIRST_EPOCH,
                "custody": Custody.MADE,
                "service": Service.UNPLACED,
                "trust": Trust.GOOD,
                "condition": row.condition,
                "ownership": row.ownership,
                "made_at": self._uow.now,
            }
            for row in rows
        ]
        self._connection.execute(insert(units), values)

    def inventory(self, after: str, limit: int) -> list[InventoryLine]:
        """At most `limit` units with a serial number above `after`, with their addresses."""
        rows = list(
            self._connection.execute(_units.where(units.c.serial > after).order_by(units.c.serial).limit(limit))
        )
        tied = self._tied([row.serial for row in rows])
        return [InventoryLine(unit_of(row), tied.get(row.serial, ()), row.made_at) for row in rows]

    def _tied(self, serials: Sequence[str]) -> dict[str, tuple[AddressRecord, ...]]:
        found: dict[str, tuple[AddressRecord, ...]] = {}
        query = _macs.where(mac_addresses.c.serial.in_(serials)).order_by(mac_addresses.c.position)
        for row in self._connection.execute(query):
            found[row.serial] = (*found.get(row.serial, ()), record_of(row))
        return found


_units = select(units)
_macs = select(mac_addresses)
