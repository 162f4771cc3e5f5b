"""What a rollout by groups costs as the fleet grows: its start, and a check-in's CPU; `python -m tests.rollout_scale`.

Units of every size of fleet are asked in the same number, drawn by lot over the whole fleet, in batches as the gateway
takes them. `first` is their first check-in after the start (assignments and watches are made), `again` those after it.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from securesystemslib.signer import CryptoSigner
from sqlalchemy import Engine, insert

from fleet.domain.access import Actor, Role
from fleet.domain.rollout import Rollout
from fleet.domain.unit import Custody, Service, Trust
from fleet.services.ingest import GATEWAY
from fleet.services.rollouts import Rollouts
from fleet.services.unit_updates import UnitUpdates
from fleet.store.base import make_engine
from fleet.store.tables.equipment import mac_blocks, units
from fleet.store.tables.releases import release_images, releases
from fleet.store.tables.rollouts import running_images
from fleet.store.unit_of_work import Transactions
from fleet.updates.director import Director
from protocol.wire.messages import layout_of, pack, unpack
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import START, someone
from tests.fleet.new_database import make_tables

SIZES = (10_000, 100_000, 1_000_000)
ASKED = 10_000  # units of each fleet, in batches of
BATCH = 500
ROUNDS = 5  # of check-ins after the first
START_LIMIT_S = 5.0
GROWTH_LIMIT = 1.5
ROWS = 20_000  # written at once
REVISIONS = 4
IMAGE = "simulated_2.0.0.img"
PLAN: dict[str, Any] = {
    "hold_back_percent": 5,
    "evidence": {},
    "pace": {"download_slots": 500},
    "group": [{"name": "canary", "up_to_percent": 1, "minimum_units": 100}, {"name": "wide", "up_to_percent": 10}, {}],
}
MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)


class Listed:
    """A repository in which the image is listed."""

    def images(self) -> set[str]:
        return {IMAGE}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one size of fleet; CPU, but for the start, which is the time a person waits."""

    units: int
    start_s: float
    first_us: float
    again_us: float


class Fleet:
    """`count` units in service that registered, and a release for them all."""

    def __init__(self, folder: Path, count: int, batch: int) -> None:
        self.now = START
        self.batch = batch
        engine = make_engine(f"sqlite:///{folder}/fleet.db")
        self.transactions = Transactions(engine, lambda: self.now)
        make_tables(engine)
        _fill(engine, count, self.now)
        director = Director(CryptoSigner.generate_ecdsa())
        self.unit_updates = UnitUpdates(self.transactions, lambda: director)
        self.rollouts = Rollouts(self.transactions, Listed())  # type: ignore[arg-type]

    def start(self) -> float:
        """Seconds until a rollout by groups has started."""
        rollout: Rollout = self.rollouts.create(MANAGER, "2.0.0", None, 1, plan=PLAN)
        self.rollouts.approve(APPROVER, rollout.id)
        self.now += timedelta(hours=1)  # nobody has started just now
        began = time.perf_counter()
        self.rollouts.start(MANAGER, rollout.id)
        return time.perf_counter() - began

    def check_in(self, numbers: Sequence[int]) -> float:
        """Seconds of CPU to take a heartbeat of each of those units."""
        self.now += timedelta(minutes=5)
        heartbeat = unpack(pack("heartbeat", dict.fromkeys((field[0] for field in layout_of("heartbeat")[3]), 0)))
        batches = [{str(make_serial(number)): heartbeat for number in batch} for batch in _parts(numbers, self.batch)]
        gc.collect()
        began = time.process_time()
        for batch in batches:
            with self.transactions.begin(GATEWAY) as uow:
                self.unit_updates.check_in_all(uow, batch)
                uow.commit()
        return time.process_time() - began

    def close(self) -> None:
        self.transactions.engine.dispose()


def measure(folder: Path, count: int, asked: int = ASKED, rounds: int = ROUNDS, batch: int = BATCH) -> Cost:
    """What a rollout costs in a fleet of that size."""
    fleet = Fleet(folder, count, batch)
    start = fleet.start()
    numbers = Random(7).sample(range(1, count + 1), asked)
    first = fleet.check_in(numbers)
    again = median(fleet.check_in(numbers) for _ in range(rounds))
    fleet.close()
    return Cost(count, start, first / asked * 1e6, again / asked * 1e6)


def _fill(engine: Engine, count: int, at: datetime) -> None:
    """Straight into the tables, many rows at once."""
    facts = dict.fromkeys(("security_counter", "data_schema", "minimum_heap_bytes"), 0)
    fit = {"board": "simulated", "revision_from": 1, "revision_to": REVISIONS, "abi": 6}
    image = {"name": IMAGE, "length": 300, "sha256": f"{1:064x}", "release_counter": 2}
    with engine.begin() as connection:
        block = {"id": 1, "registry": "MA-L", "first": 0, "size": 1 << 24, "note": "", "added_at": at}
        connection.execute(insert(mac_blocks).values(block))
        release = {"id": 1, "version": "2.0.0", "notes": "", "published_by": "x", "published_at": at}
        connection.execute(insert(releases).values(release))
        connection.execute(insert(release_images).values(release_id=1, **image, **fit, **facts))
        for numbers in _parts(range(1, count + 1), ROWS):
            connection.execute(insert(units), list(_units(numbers, at)))
            connection.execute(insert(running_images), list(_running(numbers, at)))


def _units(numbers: Sequence[int], at: datetime) -> Iterator[dict[str, Any]]:
    alike = {
        "mac_block_id": 1,
        "board": "simulated",
        "epoch": 1,
        "custody": Custody.AT_ACCOUNT,
        "service": Service.PLACED,
        "trust": Trust.GOOD,
        "made_at": at,
    }
    for number in numbers:
        own = {"serial": str(make_serial(number)), "mac": number, "board_uid": number.to_bytes(8, "big")}
        yield {**alike, **own, "hardware_revision": _revision(number)}


def _running(numbers: Sequence[int], at: datetime) -> Iterator[dict[str, Any]]:
    alike = {"board": "simulated", "abi": 6, "version": "1.0.0", "release_counter": 1, "sha256": "0" * 64}
    for number in numbers:
        own = {"serial": str(make_serial(number)), "hardware_revision": _revision(number)}
        yield {**alike, **own, "first_at": at, "registered_at": at}


def _parts(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[begin : begin + size] for begin in range(0, len(numbers), size))


def _revision(number: int) -> int:
    return 1 + number % REVISIONS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="example: python -m tests.rollout_scale --units 10000")
    parser.add_argument("--units", type=int, action="append", help="a size of fleet; again for another")
    sizes = parser.parse_args().units or list(SIZES)
    costs: list[Cost] = []
    print("     units  start s  first µs  ratio  again µs  ratio", flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="plugtone-scale-") as folder:
            cost = measure(Path(folder), size, min(ASKED, *sizes))
        costs.append(cost)
        first, again = cost.first_us / costs[0].first_us, cost.again_us / costs[0].again_us
        print(
            f"{cost.units:10,} {cost.start_s:8.2f} {cost.first_us:9.1f} {first:6.2f} {cost.again_us:9.1f} {again:6.2f}",
            flush=True,
        )
    held = all(cost.start_s < START_LIMIT_S and grown(costs[0], cost) <= GROWTH_LIMIT for cost in costs)
    print(f"{'holds' if held else 'DOES NOT HOLD'}: start below {START_LIMIT_S} s, growth at most {GROWTH_LIMIT}")
    return 0 if held else 1


def grown(small: Cost, large: Cost) -> float:
    """By how much a check-in costs more in the larger fleet; the worse of the first one and those after it."""
    return max(large.first_us / small.first_us, large.again_us / small.again_us)


if __name__ == "__main__":
    raise SystemExit(main())
