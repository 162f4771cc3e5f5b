"""Destinations and countries are blocked for an account at once, the proxy is told, and it is lifted again (ER 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.domain.access import ForbiddenError, Role, Seen
from fleet.domain.account import Account
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError, StaleVersionError
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.calling import administrator_of
from tests.fleet.services.equipment import Warehouse, sent, snapshot
from tests.fleet.services.test_voice import PROFILE, listed

SUPPORT = someone(Role.SUPPORT)


def told(services: Services) -> list[tuple[str, str, list[str]]]:
    """What the proxy was told, in its order: the event, the rules from then on, and of which units."""
    return [
        (each["event"], each["barred"], each["units"])
        for each in sent(services, "webhook")
        if each["event"].startswith("destination.")
    ]


def test_the_proxy_is_told_at_once_all_that_holds_from_now_on(
    services: Services, account: Account, warehouse: Warehouse
) -> None:
    blocks, serial = services.destination_blocks, warehouse.place(account).serial
    warehouse.place(warehouse.open_account("Osprey Legal"))
    first = blocks.block(SUPPORT, account.id, "+8821", "satellite fraud")
    blocks.block(SUPPORT, account.id, "ru", "three hours at night")
    lifted = blocks.unblock(SUPPORT, first.id, "their own ship")
    assert told(services) == [
        ("destination.blocked", "+8821", [serial]),
        ("destination.blocked", "+7 !+76 !+77 +8821", [serial]),
        ("destination.unblocked", "+7 !+76 !+77", [serial]),
    ]
    assert (lifted.lifted_by, lifted.lifted_why, lifted.version) == ("PE-900", "their own ship", 2)
    assert [block.destination.name for block in blocks.page(SUPPORT, 9, None, account.id)] == ["RU"]
    everything = blocks.page(administrator_of(account.id), 9, None, in_force=False)
    assert [block.destination.name for block in everything] == ["+8821", "RU"]
    actions = [each.action for each in services.audit.page(someone(Role.ADMIN), 3, None, None)]
    assert actions == ["destination:unblock", "destination:block", "destination:block"]


def test_an_account_has_a_block_once_and_may_have_it_again(services: Services, account: Account) -> None:
    blocks = services.destination_blocks
    first = blocks.block(SUPPORT, account.id, "CU", "fraud")
    before = snapshot(services)
    refused = (
        (ConflictError, lambda: blocks.block(SUPPORT, account.id, "cu", "again")),
        (InvalidError, lambda: blocks.block(SUPPORT, account.id, "Cuba", "fraud")),
        (InvalidError, lambda: blocks.block(SUPPORT, account.id, "IR", "")),
        (InvalidError, lambda: blocks.unblock(SUPPORT, first.id, "")),
        (NotFoundError, lambda: blocks.block(SUPPORT, 99, "IR", "fraud")),
        (NotFoundError, lambda: blocks.unblock(SUPPORT, 99, "over")),
        (StaleVersionError, lambda: blocks.unblock(replace(SUPPORT, seen=Seen("DB-1", 2)), first.id, "over")),
    )
    for error, step in refused:
        with pytest.raises(error):
            step()
    assert snapshot(services) == before
    blocks.unblock(replace(SUPPORT, seen=Seen("DB-1", 1)), first.id, "over")
    with pytest.raises(ConflictError, match="lifted already"):
        blocks.unblock(SUPPORT, first.id, "again")
    assert blocks.block(SUPPORT, account.id, "CU", "fraud again").id == 2
    assert blocks.get(SUPPORT, 1).lifted_why == "over"


def test_the_operators_people_block_and_an_administrator_sees_their_own(
    services: Services, account: Account, warehouse: Warehouse
) -> None:
    blocks = services.destination_blocks
    made = blocks.block(SUPPORT, account.id, "CU", "fraud")
    theirs, other = administrator_of(account.id), administrator_of(warehouse.open_account("Osprey Legal").id)
    before = snapshot(services)
    for actor in (theirs, other, someone(Role.FINANCE), replace(SUPPORT, account_id=account.id)):
        with pytest.raises(ForbiddenError):
            blocks.block(actor, account.id, "IR", "fraud")
        with pytest.raises(ForbiddenError):
            blocks.unblock(actor, made.id, "over")
    assert blocks.page(theirs, 9, None) == [made] == [blocks.get(theirs, made.id)]
    assert blocks.page(other, 9, None) == []
    for step in (lambda: blocks.get(other, made.id), lambda: blocks.page(other, 9, None, account.id)):
        with pytest.raises(NotFoundError):
            step()
    assert snapshot(services) == before


def test_the_registrars_list_says_what_each_line_may_not_call(
    services: Services, account: Account, warehouse: Warehouse
) -> None:
    services.voice.set_profile(warehouse.actor, PROFILE)
    unit, other = warehouse.place(account), warehouse.place(warehouse.open_account("Osprey Legal"))
    blocks = services.destination_blocks
    first = blocks.block(SUPPORT, account.id, "RU", "fraud")
    blocks.block(SUPPORT, account.id, "+8821", "fraud")
    assert {row["serial"]: row["barred"] for row in listed(services)} == {
        unit.serial: "+7 !+76 !+77 +8821",
        other.serial: "",
    }
    blocks.unblock(SUPPORT, first.id, "explained")
    assert [row["barred"] for row in listed(services, unit.serial)] == ["+8821"]
