"""Stations at once on one inventory, each killed at a statement drawn from a seed, until all of them are through.

A station allocates, takes leases, reports and settles them and imports a list, all of it repeatable; killed, it begins
again from the start. What has to hold afterwards is in `faults`.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, event, select

from fleet.domain.access import Actor, ActorKind, Role, permissions_of
from fleet.domain.lease import Use
from fleet.domain.mac_block import Registry
from fleet.services.mac_blocks import MacBlocks
from fleet.services.mac_leases import MacLeases
from fleet.services.provisioning import Provisioning
from fleet.services.unit_imports import ImportMode, Summary, UnitImports
from fleet.store.base import make_engine
from fleet.store.tables.equipment import mac_blocks, units
from fleet.store.tables.inventory import SERIAL_SPACE, free_ranges, mac_addresses, mac_events
from fleet.store.unit_of_work import Transactions
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial

FIRST: Final = 0x8C1F64AAB000
STATIONS: Final = 3
ROUNDS: Final = 4
LEASED: Final = 3
USED: Final = 2
IMPORTED: Final = 5
UNITS: Final = STATIONS * (ROUNDS * (1 + USED) + IMPORTED)
MAX_STATEMENTS: Final = 220  # about what a station needs
LAUNCH_LIMIT_S: Final = 120
_PERMISSIONS: Final = permissions_of(frozenset({Role.ADMIN}))


def station_actor(station: int) -> Actor:
    return Actor(ActorKind.TOKEN, f"TO-{station}", _PERMISSIONS)


def prepare(url: str) -> None:
    """One block, which lies in two parts so that both are drawn from."""
    engine = make_engine(url)
    blocks = MacBlocks(Transactions(engine, lambda: datetime.now(UTC)))
    actor = station_actor(99)
    blocks.add(actor, Registry.MA_S, _mac(FIRST), last=_mac(FIRST + 15))
    blocks.add(actor, Registry.MA_S, _mac(FIRST + 0x100), last=_mac(FIRST + 0x1FF))
    engine.dispose()


def run(url: str, seed: int) -> list[str]:
    """Let them loose; what is wrong then, in words. The database is migrated and prepared."""
    chance = random.Random(seed)
    waiting = {station: [chance.randrange(MAX_STATEMENTS) for _ in range(2)] for station in range(STATIONS)}
    context = multiprocessing.get_context("fork")
    while waiting:
        running = {}
        for station, kills in waiting.items():
            kill_at = kills.pop() if kills else None
            running[station] = context.Process(target=_work, args=(url, station, kill_at))
            running[station].start()
        for station, process in running.items():
            process.join(LAUNCH_LIMIT_S)
            if process.exitcode is None:
                process.kill()
                return [f"station {station} hangs"]
            if process.exitcode == 0:
                del waiting[station]
            elif process.exitcode != -signal.SIGKILL:
                return [f"station {station} ended with {process.exitcode}"]
    return faults(url)


def faults(url: str) -> list[str]:
    """What no inventory may show, and what this one must."""
    engine = make_engine(url)
    with engine.connect() as connection:
        made = list(connection.execute(select(units.c.serial, units.c.mac, units.c.board_uid)))
        held = list(connection.execute(select(mac_addresses)))
        free = [
            (row.space, number)
            for row in connection.execute(select(free_ranges).where(free_ranges.c.space != SERIAL_SPACE))
            for number in range(row.first, row.first + row.size)
        ]
        size = sum(row.size for row in connection.execute(select(mac_blocks)))
        serials = list(connection.execute(select(free_ranges).where(free_ranges.c.space == SERIAL_SPACE)))
        given = select(mac_events.c.mac).where(mac_events.c.event.in_(["allocate", "use", "import"]))
        twice = [mac for mac, count in Counter(connection.scalars(given)).items() if count > 1]
    engine.dispose()
    found = []
    if len(made) != UNITS:
        found.append(f"{len(made)} units, not {UNITS}")
    if {(row.serial, row.mac) for row in made} != {(row.serial, row.mac) for row in held}:
        found.append("units and addresses do not fit")
    if twice:
        found.append(f"given twice: {twice}")
    if len(free) != len(set(free)) or {number for _, number in free} & {row.mac for row in held}:
        found.append("an address is free and taken")
    if len(free) + len(held) != size:
        found.append(f"{size - len(free) - len(held)} addresses are nowhere")
    numbers = {int(row.serial[2:-1]) for row in made}
    if any(row.first <= number < row.first + row.size for row in serials for number in numbers):
        found.append("a serial number is free and taken")
    if sum(row.size for row in serials) + len(numbers) != 10**8 - 1:
        found.append("serial numbers are nowhere")
    return found


def _work(url: str, station: int, kill_at: int | None) -> None:
    engine = make_engine(url)
    if kill_at is not None:
        _kill_at(engine, kill_at)
    transactions, actor = Transactions(engine, lambda: datetime.now(UTC)), station_actor(station)
    provisioning = Provisioning(transactions, None, None)  # type: ignore[arg-type]
    leases = MacLeases(transactions)
    for number in range(ROUNDS):
        first = 1000 * station + 10 * number
        unit = provisioning.allocate(actor, "simulated", 1, _uid(first))
        assert provisioning.allocate(actor, "simulated", 1, _uid(first)) == unit
        detail = leases.take(actor, f"request-{number}", "bench", "simulated", LEASED, timedelta(days=1))
        if len(detail.slots) == LEASED:  # else it was settled in an earlier life
            uses = [
                Use(slot.serial, slot.mac, _uid(first + 1 + at), 1, datetime.now(UTC))
                for at, slot in enumerate(detail.slots[:USED])
            ]
            assert all(report.outcome != "refused" for report in leases.report(actor, detail.lease.id, uses))
        assert leases.settle(actor, detail.lease.id, USED).used == USED
    _import(transactions, actor, station)
    os._exit(0)


def _import(transactions: Transactions, actor: Actor, station: int) -> None:
    first = 0x180 + IMPORTED * station
    rows = [f"{make_serial(5000 + first + at)},{_mac(FIRST + first + at)},simulated,1" for at in range(IMPORTED)]
    text = "\n".join(["serial,mac,board,hardware_revision", *rows])
    *_, summary = UnitImports(transactions).begin(actor, io.BytesIO(text.encode()), ImportMode.WHOLE)
    assert isinstance(summary, Summary)
    assert summary.written in (0, IMPORTED), "all or nothing"
    assert summary.written + summary.unchanged == IMPORTED


def _kill_at(engine: Engine, statement: int) -> None:
    left = [statement]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    listen: Callable[..., None] = event.listen
    listen(engine, "before_cursor_execute", count)
    listen(engine, "commit", count)


def _uid(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _mac(number: int) -> MacAddress:
    mac: MacAddress = MacAddress.from_int(number)
    return mac
