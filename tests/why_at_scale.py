"""How long `plugtone rollout why` takes in a fleet of a million: `python -m tests.why_at_scale --units 1000000`.

The units are rows put straight into a SQLite database in a folder of its own; what asks is the service. Several
rollouts are live, some to come, and many over, in one of which each second unit had a part.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import insert

from fleet.domain.access import Actor, Role
from fleet.domain.rollout import UnitState
from fleet.domain.unit import Custody, Service, Trust
from fleet.pki.renewal import Credentials
from fleet.services.build import Services, build_services
from fleet.services.credentials import Passwords
from fleet.services.ingest import GATEWAY
from fleet.settings import Settings
from fleet.store.base import metadata
from fleet.store.tables.equipment import heartbeats, mac_blocks, units
from fleet.store.tables.ingest import unit_events
from fleet.store.tables.rollouts import rollout_units, running_images
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import someone
from tests.fleet.release_owners import PASSPHRASE, Owners
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys, create_keys, standard_names

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
ROWS_AT_ONCE = 10_000
LIVE, TO_COME, OVER = 4, 4, 20  # rollouts
REVISIONS = 8
ASKED = 300
LIMIT_MS = 100


def fill(services: Services, owners: Owners, count: int) -> None:
    """A fleet of `count` units, all heard just now, and the rollouts that have something to do with them."""
    now = services.transactions.clock()
    owners.initialise()
    for number, version in enumerate(("1.0.0", "2.0.0"), start=1):
        owners.sign(version, number, payload=version.encode())
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    with services.transactions.begin(GATEWAY) as uow:
        block = {"id": 1, "registry": "MA-L", "first": 0, "size": 1 << 24, "note": "", "added_at": now}
        uow.connection.execute(insert(mac_blocks).values(**block))
        for rows in _rows(count, now):
            for table, of_table in rows.items():
                uow.connection.execute(insert(metadata.tables[table]), of_table)
        uow.commit()
    first = services.rollouts.create(MANAGER, "1.0.0", [str(make_serial(1))], 1)
    _parts(services, first.id, count)
    canary = {"hold_back_percent": 5, "group": [{"name": "canary", "up_to_percent": 1}, {"name": "rest"}]}
    for number in range(OVER + LIVE):
        plan = canary if number == OVER else {"targets": {"revision": [number % REVISIONS + 1]}, "group": [{}]}
        rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, plan=plan)
        services.rollouts.approve(APPROVER, rollout.id)
        services.rollouts.start(MANAGER, rollout.id)
        if number < OVER:
            services.rollouts.stop(MANAGER, rollout.id, "over")
    for _ in range(TO_COME):
        services.rollouts.create(MANAGER, "2.0.0", None, 1)


def _rows(count: int, now: datetime) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Of each table so many rows at once."""
    before = now - timedelta(days=30)
    idle = dict.fromkeys(("uptime_s", "state", "line_state", "update_state", "slot", "clock_s", "waiting_reports"), 0)
    idle |= {"release_counter": 1, "config_version": 1, "free_heap_bytes": 90_000}
    image = {"board": "simulated", "abi": 6, "version": "1.0.0", "release_counter": 1}
    unit = {"mac_block_id": 1, "board": "simulated", "epoch": 1, "made_at": before}
    unit |= {"custody": Custody.AT_ACCOUNT, "service": Service.ACTIVE, "trust": Trust.GOOD}
    event = {"event": "boot", "value": 0, "clock_s": 0, "received_at": before}
    for begin in range(0, count, ROWS_AT_ONCE):
        numbers = range(begin, min(begin + ROWS_AT_ONCE, count))
        serials = {number: str(make_serial(number + 1)) for number in numbers}
        yield {
            units.name: [
                unit
                | {"serial": serials[n], "mac": n, "board_uid": n.to_bytes(8, "big")}
                | {"hardware_revision": n % REVISIONS + 1}
                for n in numbers
            ],
            running_images.name: [
                image
                | {"serial": serials[n], "sha256": "00" * 32, "first_at": before, "registered_at": before}
                | {"hardware_revision": n % REVISIONS + 1}
                for n in numbers
            ],
            heartbeats.name: [idle | {"serial": each, "received_at": now} for each in serials.values()],
            unit_events.name: [event | {"serial": each} for each in serials.values()],
        }  # fmt: skip


def _parts(services: Services, rollout_id: int, count: int) -> None:
    """Each second unit's part in a rollout: it took the release of before."""
    part: dict[str, Any] = {
        "rollout_id": rollout_id,
        "state": UnitState.CONFIRMED,
        "reason": "",
        "updated_at": services.transactions.clock(),
    }
    with services.transactions.begin(GATEWAY) as uow:
        for begin in range(2, count, 2 * ROWS_AT_ONCE):
            numbers = range(begin, min(begin + 2 * ROWS_AT_ONCE, count), 2)
            rows = [part | {"serial": str(make_serial(n + 1))} for n in numbers]
            uow.connection.execute(insert(rollout_units), rows)
        uow.commit()


def measure(services: Services, count: int, asked: int) -> list[tuple[float, float]]:
    """Of so many questions about units picked by chance the milliseconds by the clock, and of CPU."""
    chance, found = random.Random(1), []
    for _ in range(asked):
        serial = str(make_serial(chance.randrange(count) + 1))
        begun = time.perf_counter(), time.process_time()
        services.update_explanations.explain(MANAGER, serial)
        found.append(((time.perf_counter() - begun[0]) * 1000, (time.process_time() - begun[1]) * 1000))
    return found


def main() -> None:
    """Builds the fleet, asks, and says how long it took; exit status 1 if the median is at the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1_000_000)
    count = parser.parse_args().units
    folder = Path(tempfile.mkdtemp(prefix="plugtone-why-"))
    try:
        Credentials(folder / "pki", folder / "pki", ("localhost",), ()).create_authorities(NOW)
        built = build_services(Settings(data_dir=folder), lambda: NOW, Passwords(PasswordHasher(1, 8, 1)))
        metadata.create_all(built.transactions.engine)
        create_keys(folder / "keys", standard_names(["simulated"]), PASSPHRASE)
        keys = OfflineKeys(folder / "keys", lambda _: PASSPHRASE)
        fill(built, Owners(keys, Bundle(folder / "bundle"), built.repository, NOW), count)
        taken = measure(built, count, ASKED)
    finally:
        shutil.rmtree(folder)
    middle = statistics.median(clock for clock, _ in taken)
    for name, of_name in zip(("by the clock", "of CPU"), zip(*taken, strict=True), strict=True):
        figures = f"{statistics.median(of_name):.1f} ms in the middle, {max(of_name):.1f} ms at most"
        print(f"{count:,} units, {ASKED} asked, {name}: {figures}; limit {LIMIT_MS} ms")
    raise SystemExit(0 if middle < LIMIT_MS else 1)


if __name__ == "__main__":
    main()
