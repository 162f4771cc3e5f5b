"""Placements of before learn whether they are leased and what was paid, lines what they may do, with data there."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from fleet.domain.access import system_actor
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.order import Agreement
from fleet.domain.ownership import Ownership
from fleet.domain.waiver import EndCause
from fleet.store.cancellations import CancellationRepository
from fleet.store.commands import CommandRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.distributors import DistributorRepository
from fleet.store.migrate import migrate
from fleet.store.orders import OrderRepository
from fleet.store.placements import PlacementRepository
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.standings import StandingRepository
from fleet.store.unit_of_work import Transactions
from fleet.store.units import UnitRepository
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


def test_rented_units_of_before_are_ours_and_brought_ones_the_customers(either_database: str) -> None:
    engine = old_database(either_database, "0017")
    fill(engine)  # free, bought, free; below rented, leased and rented, brought along
    lines = {"board": "simulated", "quantity": 1, "shipped": 1, "unit_price_cents": 0, "credit_cents": 0}
    kinds = ((500, False, False), (500, True, False), (0, False, True))
    for number, (recurring, leased, brought) in enumerate(kinds, start=4):
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE placements SET until = :at WHERE id = :id"), {"at": STAMP, "id": number - 3}
            )
        serial = f"PT00000000{number - 3}"
        add_row(engine, "orders", id=number, account_id=1, order_date="2026-03-02", created_at=STAMP)
        add_row(engine, "order_lines", order_id=number, position=0, recurring_cents=recurring, leased=leased,
                brought=brought, **lines)  # fmt: skip
        placed = {"id": number, "serial": serial, "account_id": 1, "order_id": number, "shipped_at": STAMP}
        add_row(engine, "placements", **placed, order_date="2026-03-02", free=False, leased=leased, carrier="UPS",
                tracking="", renews=False)  # fmt: skip
    with engine.begin() as connection:
        connection.execute(text("UPDATE placements SET price_cents = 3995 WHERE id = 2"))
    migrate(either_database)
    with Transactions(engine, lambda: NOW).read(system_actor("test")) as uow:
        stays = [placement.opened.ownership for placement in PlacementRepository(uow).of_account(1)]
        ordered = [order.lines[0].ownership for order in OrderRepository(uow).page(9, None)]
        units = [UnitRepository(uow).get(f"PT00000000{number}").ownership for number in (1, 2, 3)]
    expected = ["operator", "customer", "operator", "operator", "leased", "customer"]
    assert stays == ordered == expected
    assert units == ["operator", "leased", "customer"], "as of their present stay"
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


def test_a_returned_unit_of_before_waits_at_the_bench_and_keeps_its_accounts_choice(either_database: str) -> None:
    engine = old_database(either_database, "0008")
    fill(engine)
    serial, placed = "PT000000001", {"serial": "PT000000001", "account_id": 1}
    with engine.begin() as connection:
        connection.execute(text("UPDATE units SET custody = 'returned', account_id = NULL, epoch = 3"))
        connection.execute(text(f"UPDATE placements SET until = '{STAMP}'"))
    rma = {"placement_id": 1, "kind": "defect", "mode": "on_receipt", "reason": "mute", "opened_at": STAMP}
    rma |= {"decision": "approved", "replacement": "none", "return_state": "inspected"}
    add_row(engine, "rmas", id=1, **placed, **rma)
    add_row(engine, "inspections", rma_id=1, code="worn", photo="", note="loose", at=STAMP, inspected_by="PE-1")
    chosen = {"channel": "beta", "window_begins": "01:00:00", "window_ends": "02:00:00", "line_allowed": False}
    add_row(engine, "configurations", serial=serial, version=4, **chosen)
    add_row(engine, "commands", id=1, serial=serial, command="identify", argument=0, asked_at=STAMP)
    start = {"boot_id": 7, "highest": 1, "seen": b"1", "updated_at": STAMP}
    for each in (serial, "PT999999999"):  # which is no unit's, as a gateway may have heard it
        add_row(engine, "sequence_windows", serial=each, **start)
    migrate(either_database)
    with Transactions(engine, lambda: NOW).begin(system_actor("test")) as uow:
        current = RefurbishingRepository(uow).open_of(serial)
        assert current is not None
        assert (current.number, current.rma_id, current.code, current.state) == (1, 1, "worn", "waiting")
        assert RefurbishingRepository(uow).open_of("PT000000002") is None, "nobody has looked at it yet"
        left = ConfigurationRepository(uow).left_at(PlacementRepository(uow).latest_of(serial))
        assert (left.channel, left.window) == (Channel.BETA, parse_window("01:00", "02:00"))
        CommandRepository(uow).answer(serial, 1, "done", "")
        assert [each.result for each in CommandRepository(uow).of(serial, 5)] == ["done"]
        epochs = uow.connection.execute(text("SELECT serial, epoch FROM sequence_windows ORDER BY serial")).all()
        assert [tuple(row) for row in epochs] == [(serial, 3), ("PT999999999", None)]
    engine.dispose()


def test_orders_of_before_are_monthly_and_whoever_passed_something_on_is_registered_once(either_database: str) -> None:
    engine = old_database(either_database, "0012")
    fill(engine)
    facts = {"noticed_at": STAMP, "channel": "distributor", "administrator": "PE-1", "everything": True, "names": "[]"}
    facts |= {"effect_on": "2026-03-06", "effect_at": STAMP, "reason_rule": "ER 5", "reason_text": "", "quote": "[]"}
    facts |= {"state": "replaced", "quotes_told": 1, "recorded_at": STAMP, "recorded_by": "PE-2", "account_id": 1}
    for number, by in enumerate(("Phones & More", "", "phones & more", "Lines"), start=1):
        add_row(engine, "cancellations", id=number, passed_on_by=by, **facts)
    migrate(either_database)
    with Transactions(engine, lambda: NOW).read(system_actor("test")) as uow:
        assert OrderRepository(uow).get(1).agreement == Agreement()
        kept = CancellationRepository(uow).page(1, 10, None)
        named = [each.cancellation.notice.passed_on_by for each in kept]
        found = {each.reference: each.name for each in DistributorRepository(uow).page(10, None)}
    assert named == [named[0], "", named[0], named[3]]
    assert {found[name].lower() for name in (named[0], named[3])} == {"phones & more", "lines"}
    assert len(found) == 2
    assert {each.cause for each in kept} == {EndCause.ACCOUNT}
    engine.dispose()
