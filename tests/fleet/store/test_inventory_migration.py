"""Going from counters to ranges and records, with data in the tables, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text

from fleet.domain.access import Actor, Role
from fleet.domain.mac_block import Registry
from fleet.services.mac_blocks import MacBlocks
from fleet.services.provisioning import Provisioning
from fleet.store.base import make_engine
from fleet.store.migrate import _config, migrate
from fleet.store.unit_of_work import Transactions
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import someone

BASE = 0x8C1F64AAB000
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
STAMP = "2026-03-02 15:00:00"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fleet.db'}"
    return str(request.getfixturevalue("postgresql"))


@pytest.fixture
def admin() -> Actor:
    return someone(Role.ADMIN)


def before(url: str) -> Engine:
    engine = make_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0003")
    return engine


def say(engine: Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def fill(engine: Engine) -> None:
    """Block 1 is used up by 2 units, of block 2 one address of 16 is: a unit scrapped, one certified, one only made."""
    for number, (first, size, taken) in enumerate(((BASE, 2, 2), (BASE + 64, 16, 1)), start=1):
        say(
            engine,
            "INSERT INTO mac_blocks (id, registry, first, size, taken, note, added_at) "
            f"VALUES ({number}, 'MA-S', {first}, {size}, {taken}, '', '{STAMP}')",
        )
    say(engine, "INSERT INTO sequences (name, next) VALUES ('serial', 4)")
    made = ((1, BASE, 1, "scrapped"), (2, BASE + 1, 1, "certified"), (3, BASE + 64, 2, "made"))
    for number, mac, block, custody in made:
        say(
            engine,
            "INSERT INTO units (serial, mac, mac_block_id, board, hardware_revision, board_uid, epoch, custody, "
            "service, trust, version, release_counter, made_at) VALUES (:serial, :mac, :block, 'simulated', 1, :uid, "
            f"1, :custody, 'unplaced', 'good', '', 0, '{STAMP}')",
            serial=make_serial(number), mac=mac, block=block, uid=number.to_bytes(8, "big"), custody=custody,
        )  # fmt: skip
    say(
        engine,
        "INSERT INTO identities (serial, epoch, fingerprint, public_key_sha256, certificate, state, issued_at) "
        f"VALUES (:serial, 1, 'f', 'p', :der, 'current', '{STAMP}')",
        serial=make_serial(2), der=b"x",
    )  # fmt: skip
    say(
        engine,
        "INSERT INTO unit_notes (serial, action, why, actor, at) "
        f"VALUES (:serial, 'unit:scrap', 'run over', 'PE-1', '{STAMP}')",
        serial=make_serial(1),
    )


def test_every_address_is_carried_over_and_the_next_ones_follow(url: str, admin: Actor) -> None:
    engine = before(url)
    fill(engine)
    migrate(url)
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


def test_an_empty_fleet_begins_with_the_first_serial_number(url: str, admin: Actor) -> None:
    engine = before(url)
    migrate(url)
    transactions = Transactions(engine, lambda: NOW)
    MacBlocks(transactions).add(admin, Registry.MA_S, MacAddress.from_int(BASE), prefix_bits=36)
    provisioning = Provisioning(transactions, None, None)  # type: ignore[arg-type]
    assert provisioning.allocate(admin, "simulated", 1, b"\0" * 8).serial == make_serial(1)
