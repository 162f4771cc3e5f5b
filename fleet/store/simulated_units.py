"""Puts a simulated fleet into the tables: 100,000 units in service in a few seconds, as if each had registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, event, insert

from fleet.domain.rollout import Running
from fleet.domain.sequence_window import WINDOW_BYTES, SequenceWindow
from fleet.domain.unit import Custody, Service, Trust
from fleet.store.accounts import AccountRepository
from fleet.store.base import metadata
from fleet.store.tables.equipment import mac_blocks, units
from fleet.store.tables.ingest import sequence_windows
from fleet.store.tables.rollouts import running_images
from fleet.store.tables.trust import unit_starts
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.unit_starts import Start, write_starts

FIRST_REGISTERED = SequenceWindow().with_handled(1)


@dataclass(frozen=True, slots=True)
class SimulatedUnit:
    """A unit as the tables have it after its first registration, which was start `boot_id`."""

    serial: str
    mac: int
    running: Running
    boot_id: int


def make_tables(engine: Engine) -> None:
    """All tables, in an empty database that need not outlive this process: nothing waits for the disk."""

    @event.listens_for(engine, "connect")
    def hurry(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("synchronous=OFF", "secure_delete=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    metadata.create_all(engine)


def add_simulated(uow: UnitOfWork, fleet: Sequence[SimulatedUnit]) -> None:
    """Those units, all at one account, with MAC addresses from 0 on, as one block of them."""
    account = AccountRepository(uow).add("Everybody")
    block = {"registry": "MA-L", "first": 0, "size": 1 << 24, "note": "", "added_at": uow.now}
    block_id = uow.connection.execute(insert(mac_blocks).values(**block).returning(mac_blocks.c.id)).scalar_one()
    uow.connection.execute(insert(units), [_unit(uow, each, account.id, block_id) for each in fleet])
    uow.connection.execute(insert(running_images), [_running(uow, each) for each in fleet])
    uow.connection.execute(insert(sequence_windows), [_window(uow, each) for each in fleet])
    uow.connection.execute(insert(unit_starts), [_started(uow, each) for each in fleet])


def _unit(uow: UnitOfWork, unit: SimulatedUnit, account_id: int, block_id: int) -> dict[str, object]:
    return {
        "serial": unit.serial,
        "mac": unit.mac,
        "mac_block_id": block_id,
        "board": unit.running.board,
        "hardware_revision": unit.running.hardware_revision,
        "board_uid": unit.mac.to_bytes(8, "big"),
        "epoch": 1,
        "custody": Custody.AT_ACCOUNT,
        "service": Service.PLACED,
        "trust": Trust.GOOD,
        "account_id": account_id,
        "version": unit.running.version,
        "release_counter": unit.running.release_counter,
        "made_at": uow.now,
        "registered_at": uow.now,
    }


def _running(uow: UnitOfWork, unit: SimulatedUnit) -> dict[str, object]:
    running = unit.running
    return {
        "serial": unit.serial,
        "board": running.board,
        "hardware_revision": running.hardware_revision,
        "abi": running.abi,
        "version": running.version,
        "release_counter": running.release_counter,
        "sha256": running.image_sha256,
        "first_at": uow.now,
        "registered_at": uow.now,
    }


def _window(uow: UnitOfWork, unit: SimulatedUnit) -> dict[str, object]:
    return {
        "serial": unit.serial,
        "boot_id": unit.boot_id,
        "highest": FIRST_REGISTERED.highest,
        "seen": FIRST_REGISTERED.seen.to_bytes(WINDOW_BYTES, "big"),
        "epoch": 1,
        "updated_at": uow.now,
    }


def _started(uow: UnitOfWork, unit: SimulatedUnit) -> dict[str, object]:
    starts = [Start(unit.boot_id, uow.now, uow.now)]
    return {"serial": unit.serial, "boot_id": unit.boot_id, "starts": write_starts(starts)}
