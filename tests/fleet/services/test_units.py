"""What people do with units: configure, command, quarantine, revoke, scrap; refused acts change nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleet.domain.access import Actor, Role
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.errors import FleetError, InvalidError
from fleet.domain.unit import Custody, Trust, Unit
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse, identity, sent, snapshot


def test_a_quarantined_unit_is_thrown_out_and_its_identity_lives(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    assert warehouse.services.units.quarantine(warehouse.actor, unit.serial, "seen twice").trust is Trust.QUARANTINED
    assert identity(warehouse.services, unit)[0] == "current"
    assert sent(warehouse.services, "revoke") == [{"serial": unit.serial, "epoch": 1}]
    assert warehouse.services.units.clear(warehouse.actor, unit.serial, "a label twice").trust is Trust.GOOD
    assert warehouse.result(unit) == "accepted"


def test_a_unit_quarantined_again_is_thrown_out_again(warehouse: Warehouse) -> None:
    unit, units = warehouse.stock(), warehouse.services.units
    for act in (units.quarantine, units.clear, units.quarantine):
        act(warehouse.actor, unit.serial, "why")
    assert len(sent(warehouse.services, "revoke")) == 3


def test_a_revoked_identity_is_dead_for_ever(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    warehouse.services.units.revoke(warehouse.actor, unit.serial, "stolen")
    assert identity(warehouse.services, unit)[0] == "dead"
    assert warehouse.result(unit) == "revoked"


def test_a_scrapped_unit_keeps_its_mac_from_others(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    scrapped = warehouse.services.units.scrap(warehouse.actor, unit.serial, "burnt")
    assert (scrapped.custody, scrapped.trust) == (Custody.SCRAPPED, Trust.REVOKED)
    assert warehouse.stock().mac != unit.mac
    assert warehouse.services.units.by_mac(warehouse.actor, unit.mac).serial == unit.serial


@pytest.mark.parametrize("act", ["clear", "scrap"])
def test_an_act_the_unit_is_not_in_a_state_for_changes_nothing(warehouse: Warehouse, act: str) -> None:
    unit = warehouse.place(warehouse.open_account())
    before = snapshot(warehouse.services)
    with pytest.raises(FleetError):
        getattr(warehouse.services.units, act)(warehouse.actor, unit.serial, "why")
    assert snapshot(warehouse.services) == before


def test_a_revoked_unit_is_not_revoked_again(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    warehouse.services.units.revoke(warehouse.actor, unit.serial, "stolen")
    before = snapshot(warehouse.services)
    for act in (warehouse.services.units.revoke, warehouse.services.units.quarantine, warehouse.services.units.clear):
        with pytest.raises(FleetError, match="revoked"):
            act(warehouse.actor, unit.serial, "again")
    assert snapshot(warehouse.services) == before


@pytest.mark.parametrize("act", ["quarantine", "clear", "revoke", "scrap"])
def test_an_act_on_a_unit_needs_its_reason_and_its_permission(warehouse: Warehouse, act: str) -> None:
    unit = warehouse.stock()
    before = snapshot(warehouse.services)
    step: Callable[[Actor, str, str], Unit] = getattr(warehouse.services.units, act)
    for why in ("", " ", "x" * 1001):
        with pytest.raises(InvalidError, match="say why"):
            step(warehouse.actor, unit.serial, why)
    for role in Role:
        if role not in (Role.SUPPORT, Role.ADMIN):
            with pytest.raises(Exception, match="unit:manage"):
                step(someone(role), unit.serial, "why")
    assert snapshot(warehouse.services) == before


def test_a_configuration_is_sent_at_once_and_keeps_its_own_window(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    window = parse_window("23:00", "01:30")
    settings = warehouse.services.units.configure(warehouse.actor, unit.serial, Channel.BETA, window)
    assert warehouse.services.units.get(warehouse.actor, unit.serial).configuration == settings
    (letter,) = sent(warehouse.services, "command")
    assert (letter["name"], letter["values"]["config_version"], letter["values"]["channel"]) == ("configuration", 3, 1)
    assert letter["values"]["maintenance_until_s"] - letter["values"]["maintenance_from_s"] == 9000


@pytest.mark.parametrize(("command", "argument"), [("explode", 0), ("identify", -1), ("identify", 1 << 32)])
def test_an_unknown_command_is_refused(warehouse: Warehouse, command: str, argument: int) -> None:
    unit = warehouse.stock()
    before = snapshot(warehouse.services)
    with pytest.raises(InvalidError, match="commands are"):
        warehouse.services.units.command(warehouse.actor, unit.serial, command, argument)
    assert snapshot(warehouse.services) == before


def test_units_are_paged_by_serial_number_and_filtered(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    placed, units = warehouse.place(account), [warehouse.stock() for _ in range(4)]
    page = warehouse.services.units.page
    assert [unit.serial for unit in page(warehouse.actor, 2, placed.serial)] == [unit.serial for unit in units[:2]]
    assert [unit.serial for unit in page(warehouse.actor, 9, None, account_id=account.id)] == [placed.serial]
    in_stock = page(warehouse.actor, 9, None, custody=Custody.IN_STOCK)
    assert [unit.serial for unit in in_stock] == [unit.serial for unit in units]


def test_the_reason_and_the_actor_of_each_act_are_kept(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    warehouse.services.units.quarantine(warehouse.actor, unit.serial, "seen twice")
    (note,) = snapshot(warehouse.services)["unit_notes"]
    assert note[1:5] == (unit.serial, "unit:quarantine", "seen twice", "PE-900")
    (entry, *_) = warehouse.services.audit.page(warehouse.actor, 10, None, unit.serial)
    assert (entry.action, entry.actor, entry.fields) == ("unit:quarantine", "PE-900", ("trust", "custody"))
