"""Leases to stations: taken once, reported in any order, given back by the station's word alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.domain.access import Actor, ActorKind, ForbiddenError, Role, Seen, permissions_of
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError, NotFoundError, StaleVersionError
from fleet.domain.lease import Use
from fleet.domain.mac_block import Registry
from fleet.domain.unit import Custody, UnitCondition
from fleet.services.build import Services
from fleet.services.mac_leases import LeaseDetail
from protocol.wire.mac import MacAddress
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.boards_of_many_macs import boards_of_many_macs
from tests.fleet.services.equipment import FIRST_MAC, Warehouse, make_csr, sent, snapshot

STATION = Actor(ActorKind.TOKEN, "TO-1", permissions_of(frozenset({Role.WAREHOUSE})))
OTHER = replace(STATION, reference="TO-2")


def take(services: Services, units: int = 3, actor: Actor = STATION, request: str = "request-1") -> LeaseDetail:
    return services.mac_leases.take(actor, request, "bench", "simulated", units, timedelta(days=7))


def use_of(detail: LeaseDetail, slot: int, board: int, at: Clock) -> Use:
    found = detail.slots[slot]
    return Use(found.serial, found.mac, board.to_bytes(8, "big"), 1, at.now)


def outcomes(services: Services, detail: LeaseDetail, *uses: Use, actor: Actor = STATION) -> list[str]:
    return [str(each.outcome) for each in services.mac_leases.report(actor, detail.lease.id, uses)]


def test_the_same_request_gets_the_same_lease_and_another_one_the_next_numbers(
    warehouse: Warehouse, services: Services
) -> None:
    first = take(services)
    before = snapshot(services)
    assert take(services) == first
    assert snapshot(services) == before
    with pytest.raises(InvalidError, match="asked for something else before, see ML-1"):
        take(services, units=4)
    assert snapshot(services) == before
    second = take(services, request="request-2")
    online = warehouse.allocate()
    macs = [int(slot.mac) for slot in (*first.slots, *second.slots)]
    assert [*macs, int(online.mac)] == [int(FIRST_MAC) + number for number in range(7)]
    assert take(services, actor=OTHER).lease.id == 3, "requests are the holder's own"


def test_a_lease_no_block_can_fill_takes_nothing(warehouse: Warehouse, services: Services, admin: Actor) -> None:
    with services.transactions.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE free_ranges SET size = 2 WHERE space = 1")
    before = snapshot(services)
    with pytest.raises(ConflictError, match="1 wanted, 1 in a row"):
        take(services)
    assert snapshot(services) == before


def test_uses_come_in_any_order_twice_late_and_become_units(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    detail = take(services)
    assert outcomes(services, detail, use_of(detail, 2, 12, clock)) == ["accepted"]
    clock.advance(days=30)
    late = use_of(detail, 0, 10, clock)
    assert outcomes(services, detail, late, use_of(detail, 2, 12, clock), late) == [
        "accepted",
        "unchanged",
        "unchanged",
    ]
    unit = warehouse.unit(detail.slots[0].serial)
    assert (unit.mac, unit.custody, unit.board_uid) == (FIRST_MAC, Custody.MADE, (10).to_bytes(8, "big"))
    assert warehouse.provisioning.allocate(STATION, "simulated", 1, unit.board_uid) == unit, "and is found online"
    steps = services.mac_blocks.history(warehouse.actor, FIRST_MAC).steps
    assert [(step.event, step.actor, step.lease_id) for step in steps] == [("lease", "TO-1", 1), ("use", "TO-1", 1)]
    assert steps[1].why == "used at 2026-04-01T15:00:00+00:00 after its end"


def test_what_contradicts_is_refused_alone_and_noted(warehouse: Warehouse, services: Services, clock: Clock) -> None:
    detail, online = take(services), warehouse.allocate()
    good = use_of(detail, 0, 10, clock)
    assert outcomes(services, detail, good) == ["accepted"]
    stranger = replace(good, serial="PT000000992")
    wrong_mac = replace(use_of(detail, 1, 11, clock), mac=detail.slots[2].mac)
    cloned = use_of(detail, 0, 99, clock)
    known_board = replace(use_of(detail, 1, 11, clock), board_uid=online.board_uid)
    same_board = use_of(detail, 2, 10, clock)
    fine = use_of(detail, 1, 11, clock)
    reports = services.mac_leases.report(
        STATION, detail.lease.id, [stranger, wrong_mac, cloned, known_board, same_board, fine]
    )
    assert [each.reason.partition(",")[0] for each in reports] == [
        "PT000000992 is not of ML-1",
        f"{wrong_mac.serial} was leased with {detail.slots[1].mac}",
        f"{good.serial} was given to board 000000000000000a",
        f"board {online.board_uid.hex()} is {online.serial} already; flash it again with network",
        f"board 000000000000000a is {good.serial} already; flash it again with network",
        "",
    ]
    noted = services.audit.page(warehouse.actor, 50, None, "ML-1")
    assert sum(entry.action == "mac_lease:refuse" for entry in noted) == 5


def test_a_station_that_says_another_count_keeps_its_lease(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    detail = take(services)
    outcomes(services, detail, use_of(detail, 1, 11, clock))
    before = snapshot(services)
    for said in (0, 2):
        with pytest.raises(ConflictError, match=f"used {said} of ML-1, the fleet knows of 1"):
            services.mac_leases.settle(STATION, 1, said)
    with pytest.raises(StaleVersionError):
        services.mac_leases.settle(replace(STATION, seen=Seen("ML-1", 9)), 1, 1)
    assert snapshot(services) == before
    settled = services.mac_leases.settle(STATION, 1, 1)
    assert services.mac_leases.settle(STATION, 1, 1) == settled
    assert outcomes(services, detail, use_of(detail, 1, 11, clock), use_of(detail, 0, 10, clock)) == [
        "unchanged",
        "refused",
    ]
    units = [warehouse.allocate() for _ in range(3)]
    assert [unit.serial for unit in units[:2]] == [detail.slots[0].serial, detail.slots[2].serial]
    assert [int(unit.mac) - int(FIRST_MAC) for unit in units] == [0, 2, 3]


def test_a_slot_whose_use_was_refused_does_not_keep_the_lease_open(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    """Its address is on a board somewhere, so nobody is given it; the rest is free again."""
    detail = take(services)
    online = warehouse.allocate()
    clash = replace(use_of(detail, 1, 11, clock), board_uid=online.board_uid)
    assert outcomes(services, detail, use_of(detail, 0, 10, clock), clash) == ["accepted", "refused"]
    with pytest.raises(ConflictError, match="used 2 of ML-1, the fleet knows of 1"):
        services.mac_leases.settle(STATION, 1, 2)
    refused = [detail.slots[1].serial, detail.slots[0].serial]  # the other was taken after all
    settled = services.mac_leases.settle(STATION, 1, 2, refused)
    assert settled.lease.state == "settled"
    assert services.mac_leases.settle(STATION, 1, 2, refused) == settled
    history = services.mac_blocks.history(warehouse.actor, detail.slots[1].mac)
    assert (history.state, history.steps[-1].why) == ("written_off", "the station set its board aside")
    assert [int(warehouse.allocate().mac) - int(FIRST_MAC) for _ in range(2)] == [2, 4]


def test_time_gives_nothing_back_and_nothing_written_off_is_given_again(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    detail = take(services)
    clock.advance(days=400)
    assert int(warehouse.allocate().mac) == int(FIRST_MAC) + 3
    with pytest.raises(ConflictError, match="ML-1 has expired"):
        take(services, request="request-2")
    services.mac_leases.write_off(warehouse.actor, 1, "stolen")
    assert int(warehouse.allocate().mac) == int(FIRST_MAC) + 4
    with pytest.raises(IllegalTransitionError):
        services.mac_leases.write_off(warehouse.actor, 1, "stolen")
    assert outcomes(services, detail, use_of(detail, 0, 10, clock)) == ["accepted"]
    services.mac_leases.settle(STATION, 1, 1)
    assert int(warehouse.allocate().mac) == int(FIRST_MAC) + 1, "the station's own word gives it back"


@pytest.mark.usefixtures("warehouse")
def test_a_lease_expires_at_its_end_and_only_while_it_is_open(services: Services, clock: Clock) -> None:
    def expired() -> list[int]:
        return [lease.id for lease in services.mac_leases.page(STATION, 10, None, None, expired=True)]

    take(services)
    clock.advance(days=7, microseconds=-1)
    assert expired() == []
    take(services, request="request-2")
    clock.advance(microseconds=1)
    assert expired() == [1]
    with pytest.raises(ConflictError, match="ML-1 has expired"):
        take(services, request="request-3")
    services.mac_leases.settle(STATION, 1, 0)
    assert expired() == []
    take(services, request="request-3")


def test_a_station_sees_its_own_leases_and_only_an_admin_writes_off(warehouse: Warehouse, services: Services) -> None:
    take(services)
    before = snapshot(services)
    assert services.mac_leases.page(OTHER, 10, None, None, False) == []
    for act in (
        lambda: services.mac_leases.get(OTHER, 1),
        lambda: services.mac_leases.settle(OTHER, 1, 0),
        lambda: services.mac_leases.report(OTHER, 1, [Use("PT000000018", FIRST_MAC, bytes(8), 1, Clock().now)]),
    ):
        with pytest.raises(NotFoundError, match="no lease ML-1 of yours"):
            act()
    with pytest.raises(ForbiddenError):
        services.mac_leases.write_off(STATION, 1, "stolen")
    with pytest.raises(ForbiddenError):
        take(services, actor=someone(Role.SUPPORT))
    with pytest.raises(ForbiddenError, match="acts for one account"):
        take(services, actor=replace(STATION, account_id=1))
    with pytest.raises(InvalidError, match="say why"):
        services.mac_leases.write_off(warehouse.actor, 1, "  ")
    assert snapshot(services) == before
    assert [lease.id for lease in services.mac_leases.page(warehouse.actor, 10, None, None, False)] == [1]


def test_what_one_station_owes_stops_no_other(warehouse: Warehouse, services: Services, clock: Clock) -> None:
    take(services)
    clock.advance(days=8)
    for number in range(8):
        take(services, actor=OTHER, request=f"request-{number}")
    with pytest.raises(ConflictError, match="8 leases are open"):
        take(services, actor=OTHER, request="request-8")
    take(services, actor=replace(STATION, reference="TO-3"))


def test_low_supply_and_expired_leases_are_told_once_each(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    services.mac_blocks.warn(warehouse.actor)
    assert sent(services, "webhook") == []
    take(services, units=1000)
    take(services, units=1000, request="request-2")
    services.mac_blocks.warn(warehouse.actor)
    assert sent(services, "webhook") == []
    take(services, units=1000, request="request-3")
    take(services, units=300, request="request-4")
    clock.advance(days=8)
    for _ in range(2):
        services.mac_blocks.warn(warehouse.actor)
    events = sent(services, "webhook")
    assert [each["event"] for each in events] == ["mac_supply_low"] + ["mac_lease_expired"] * 4
    assert events[0] == {"event": "mac_supply_low", "free": 796, "size": 4096, "days_left": None}
    assert events[1] == {"event": "mac_lease_expired", "lease": "ML-1", "station": "bench"}


def test_a_unit_of_several_addresses_gets_them_in_a_row_within_one_block(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    with boards_of_many_macs(tmp_path):
        services.mac_blocks.add(admin, Registry.MA_S, FIRST_MAC, last=MacAddress.from_int(int(FIRST_MAC) + 3))
        services.mac_blocks.add(admin, Registry.MA_S, MacAddress.from_int(int(FIRST_MAC) + 16), prefix_bits=44)
        warehouse = Warehouse(services, admin)
        trio, next_trio, single = (warehouse.allocate(board) for board in ("trio", "trio", "simulated"))
    detail = services.units.get(admin, trio.serial)
    assert [int(mac) - int(FIRST_MAC) for mac in (trio.mac, *detail.further_macs)] == [0, 1, 2]
    assert int(next_trio.mac) - int(FIRST_MAC) == 16, "not across two blocks"
    assert int(single.mac) - int(FIRST_MAC) == 3, "and no hole stays"
    third = services.mac_blocks.history(admin, detail.further_macs[1])
    assert third.record is not None
    assert (third.record.serial, third.record.position) == (trio.serial, 2)
    assert services.units.by_mac(admin, detail.further_macs[1]).serial == trio.serial


def test_an_address_is_reserved_until_certified_and_retired_when_scrapped(warehouse: Warehouse) -> None:
    services, unit = warehouse.services, warehouse.allocate()

    def state() -> str:
        return str(services.mac_blocks.history(warehouse.actor, unit.mac).state)

    assert state() == "reserved"
    warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial), 1)
    assert state() == "given"
    warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "lost its key")
    assert state() == "given"
    warehouse.certify_and_stock(warehouse.unit(unit.serial))
    services.units.scrap(warehouse.actor, unit.serial, "run over")
    assert state() == "retired"
    dead = warehouse.allocate()
    services.units.scrap(warehouse.actor, dead.serial, "died at the bench")
    assert services.mac_blocks.history(warehouse.actor, dead.mac).steps[-1].why == "died at the bench"
    assert int(warehouse.allocate().mac) == int(dead.mac) + 1


def test_a_returned_unit_in_its_new_epoch_is_refurbished(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    assert unit.condition is UnitCondition.NEW
    warehouse.take_back(unit)
    assert warehouse.renew(unit).condition == "refurbished"


def test_a_board_nobody_knows_gets_no_address(warehouse: Warehouse) -> None:
    before = snapshot(warehouse.services)
    with pytest.raises(InvalidError, match="no board is called 'toaster'"):
        warehouse.allocate("toaster")
    with pytest.raises(InvalidError, match="no board is called 'toaster'"):
        warehouse.services.mac_leases.take(STATION, "request-1", "bench", "toaster", 1, timedelta(days=1))
    assert snapshot(warehouse.services) == before
