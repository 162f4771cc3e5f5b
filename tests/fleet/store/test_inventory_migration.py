"""Going from counters to ranges and records, with data in the tables, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from fleet.domain.access import Actor, Role
from fleet.domain.mac_block import Registry
from fleet.services.mac_blocks import MacBlocks
from fleet.services.provisioning import Provisioning
from fleet.store.migrate import migrate
from fleet.store.unit_of_work import Transactions
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import someone
from tests.fleet.store.old_database import STAMP, add_row, old_database

BASE = 0x8C1F64AAB000
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def admin() -> Actor:
    return someone(Role.ADMIN)


def fill(engine: Engine) -> None:
    """Block 1 is used up by 2 units, of block 2 one address of 16 is: a unit scrapped, one certified, one only made."""
    for number, (first, size, taken) in enumerate(((BASE, 2, 2), (BASE + 64, 16, 1)), start=1):
        block = {"id": number, "registry": "MA-S", "first": first, "size": size, "taken": taken}
        add_row(engine, "mac_blocks", **block, note="", added_at=STAMP)
    add_row(engine, "sequences", name="serial", next=4)
    made = ((1, BASE, 1, "scrapped"), (2, BASE + 1, 1, "certified"), (3, BASE + 64, 2, "made"))
    for number, mac, block_id, custody in made:
        add_row(
            engine,
            "units",
            serial=make_serial(number),
            mac=mac,
            mac_block_id=block_id,
            board="simulated",
            hardware_revision=1,
            board_uid=number.to_bytes(8, "big"),
            epoch=1,
            custody=custody,
            service="unplaced",
            trust="good",
            version="",
            release_counter=0,
            made_at=STAMP,
        )
    certified = {"serial": make_serial(2), "epoch": 1, "fingerprint": "f", "public_key_sha256": "p"}
    add_row(engine, "identities", **certified, certificate=b"x", state="current", issued_at=STAMP)
    note = {"serial": make_serial(1), "action": "unit:scrap", "why": "run over", "actor": "PE-1"}
    add_row(engine, "unit_notes", **note, at=STAMP)


def test_every_address_is_carried_over_and_the_next_ones_follow(either_database: str, admin: Actor) -> None:
    engine = old_database(either_database, "0003")
    fill(engine)
    migrate(either_database)
    transactions = Transactions(engine, lambda: NOW)
    blocks = MacBlocks(transactions)
    counts = [{str(state): count for state, count in found.counts.items()} for found in blocks.page(admin, 9, None)]
    nothing = dict.fromkeys(("free", "leased", "reserved", "given", "retired", "written_off"), 0)
    assert counts == [nothing | {"given": 1, "retired": 1}, nothing | {"free": 15, "reserved": 1}]
    scrapped = blocks.history(admin, MacAddress.from_int(BASE))
    assert [(step.event, step.actor, step.why) for step in scrapped.steps] == [
        ("allocate", "migration", ""),
        ("scrap", "PE-1", "run over"),
    ]
    provisioning = Provisioning(transactions, None, None)  # type: ignore[arg-type]
    unit = provisioning.allocate(admin, "simulated", 1, b"\0" * 8)
    assert (unit.serial, int(unit.mac)) == (make_serial(4), BASE + 65)
    assert (unit.condition, unit.ownership) == ("new", "operator")


def test_an_empty_fleet_begins_with_the_first_serial_number(either_database: str, admin: Actor) -> None:
    engine = old_database(either_database, "0003")
    migrate(either_database)
    transactions = Transactions(engine, lambda: NOW)
    MacBlocks(transactions).add(admin, Registry.MA_S, MacAddress.from_int(BASE), prefix_bits=36)
    provisioning = Provisioning(transactions, None, None)  # type: ignore[arg-type]
    assert provisioning.allocate(admin, "simulated", 1, b"\0" * 8).serial == make_serial(1)
