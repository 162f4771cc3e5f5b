"""Placements of before learn whether they are leased and what was paid, lines what they may do, with data there."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from fleet.domain.access import system_actor
from fleet.domain.ownership import Ownership
from fleet.store.configurations import ConfigurationRepository
from fleet.store.migrate import migrate
from fleet.store.placements import PlacementRepository
from fleet.store.standings import StandingRepository
from fleet.store.unit_of_work import Transactions
from tests.fleet.store.old_database import STAMP, add_row, old_database

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def fill(engine: Engine) -> None:
    """An account with two free units and a bought one, each of its own order, of one board at two prices."""
    add_row(engine, "accounts", id=1, name="Heron", service_available=True, created_at=STAMP)
    add_row(engine, "mac_blocks", id=1, registry="MA-S", first=0x8C1F64AAB000, size=4096, note="", added_at=STAMP)
    for number, (price, credit, free) in enumerate(((0, 0, True), (4495, 500, False), (0, 0, True)), start=1):
        serial = f"PT00000000{number}"
        add_row(engine, "orders", id=number, account_id=1, order_date="2026-03-02", created_at=STAMP)
        amounts = {"unit_price_cents": price, "recurring_cents": 0, "credit_cents": credit}
        line = {"order_id": number, "board": "simulated", "quantity": 1, "shipped": 1}
        add_row(engine, "order_lines", position=0, **line, **amounts)
        add_row(
            engine,
            "units",
            serial=serial,
            mac=0x8C1F64AAB000 + number,
            mac_block_id=1,
            board="simulated",
            hardware_revision=1,
            board_uid=number.to_bytes(8, "big"),
            epoch=1,
            custody="at_account",
            service="active",
            trust="good",
            account_id=1,
            version="1.0.0",
            release_counter=1,
            made_at=STAMP,
        )
        placed = {"id": number, "serial": serial, "account_id": 1, "order_id": number, "shipped_at": STAMP}
        add_row(
            engine, "placements", **placed, order_date="2026-03-02", free=free, carrier="UPS", tracking="", renews=False
        )


def test_placements_of_before_keep_their_owner_and_get_their_price(either_database: str) -> None:
    engine = old_database(either_database, "0005")
    fill(engine)
    migrate(either_database)
    with Transactions(engine, lambda: NOW).read(system_actor("test")) as uow:
        found = [placement.opened for placement in PlacementRepository(uow).of_account(1)]
        assert [opened.ownership for opened in found] == [Ownership.OPERATOR, Ownership.CUSTOMER, Ownership.OPERATOR]
        assert [opened.price_cents for opened in found] == [0, 3995, 0]
        assert StandingRepository(uow).of(1).state == "available"
    engine.dispose()


def test_lines_of_before_are_full_or_for_emergency_calls_or_none(either_database: str) -> None:
    engine = old_database(either_database, "0008")
    fill(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE placements SET registered_at = :at WHERE id = 2"), {"at": STAMP})
    for number, allowed in enumerate((False, False, True), start=1):
        serial = f"PT00000000{number}"
        add_row(engine, "configurations", serial=serial, version=4, channel="stable", line_allowed=allowed)
    migrate(either_database)
    with Transactions(engine, lambda: NOW).read(system_actor("test")) as uow:
        found = [ConfigurationRepository(uow).of(f"PT00000000{number}") for number in (1, 2, 3)]
    assert [(each.line_level, each.version) for each in found] == [("none", 4), ("emergency_only", 4), ("full", 4)]
    engine.dispose()
