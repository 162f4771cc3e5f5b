"""Lists of units: all rows or none, each judged against the fleet and the file, and taken in once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.errors import ConflictError
from fleet.domain.unit import Custody, unseen_board_uid
from fleet.domain.unit_import import RowReport
from fleet.services.unit_imports import ImportMode, Summary
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import someone
from tests.fleet.services.boards_of_many_macs import boards_of_many_macs
from tests.fleet.services.equipment import FIRST_MAC, Warehouse, snapshot

HEADER = "serial,mac,board,hardware_revision,further_macs,condition,ownership,board_uid"


def row(number: int, mac: int, rest: str = "simulated,1,,new,operator,") -> str:
    return f"{make_serial(number)},{mac_text(mac)},{rest}"


def mac_text(offset: int) -> str:
    return f"{int(FIRST_MAC) + offset:012x}"


def run(warehouse: Warehouse, *rows: str, mode: ImportMode = ImportMode.WHOLE) -> tuple[list[RowReport], Summary]:
    file = io.BytesIO("\n".join([HEADER, *rows]).encode())
    *reports, summary = warehouse.services.unit_imports.begin(warehouse.actor, file, mode)
    assert isinstance(summary, Summary)
    return [report for report in reports if isinstance(report, RowReport)], summary


def test_imported_units_are_there_and_allocation_goes_around_them(warehouse: Warehouse) -> None:
    _, summary = run(warehouse, row(2, 1), row(900, 2), row(5, 4000, "simulated,2,,refurbished,customer,"))
    assert summary == Summary(3, 0, 0, 3)
    made = [warehouse.allocate() for _ in range(3)]
    assert [int(unit.mac) - int(FIRST_MAC) for unit in made] == [0, 3, 4]
    assert [unit.serial for unit in made] == [make_serial(1), make_serial(3), make_serial(4)]
    unit = warehouse.unit(make_serial(5))
    assert (unit.custody, unit.condition, unit.ownership) == (Custody.MADE, "refurbished", "customer")
    assert (unit.hardware_revision, unit.board_uid) == (2, unseen_board_uid(unit.serial))


def test_a_dry_run_says_the_same_and_changes_nothing(warehouse: Warehouse) -> None:
    before = snapshot(warehouse.services)
    reports, summary = run(warehouse, row(1, 1), row(2, 5000), mode=ImportMode.DRY_RUN)
    assert [str(report.outcome) for report in reports] == ["accepted", "refused"]
    assert summary == Summary(1, 0, 1, 0)
    assert run(warehouse, row(1, 1), mode=ImportMode.DRY_RUN)[1] == Summary(1, 0, 0, 0)
    assert snapshot(warehouse.services) == before


def test_one_refused_row_leaves_everything_as_it_was(warehouse: Warehouse) -> None:
    before = snapshot(warehouse.services)
    assert run(warehouse, row(1, 1), row(2, 5000), row(3, 3))[1] == Summary(2, 0, 1, 0)
    assert snapshot(warehouse.services) == before
    assert run(warehouse, row(1, 1), row(2, 5000), row(3, 3), mode=ImportMode.PARTIAL)[1] == Summary(2, 0, 1, 2)
    assert run(warehouse, row(1, 1), row(3, 3))[1] == Summary(0, 2, 0, 0)


def test_rows_that_contradict_the_fleet_are_refused_with_what_it_knows(warehouse: Warehouse) -> None:
    unit = warehouse.allocate()
    leased = warehouse.services.mac_leases.take(
        warehouse.actor, "request-1", "bench", "simulated", 1, timedelta(days=1)
    ).slots[0]
    scrapped = warehouse.allocate()
    warehouse.services.units.scrap(warehouse.actor, scrapped.serial, "run over")
    reports, _ = run(
        warehouse,
        row(50, 4096),
        row(51, 0),
        row(52, 1),
        row(53, 2),
        f"{leased.serial},{mac_text(9)},simulated,1,,,,",
        f"{unit.serial},{mac_text(10)},simulated,1,,,,",
        f"{unit.serial},{mac_text(0)},simulated,2,,,,",
        f"{unit.serial},{mac_text(0)},simulated,1,,,customer,",
        f"{unit.serial},{mac_text(0)},simulated,1,,,,00000000000000ee",
        row(54, 20, f"simulated,1,,,,{unit.board_uid.hex()}"),
        f"{unit.serial},{mac_text(0)},simulated,1,,refurbished,,{unit.board_uid.hex()}",
        mode=ImportMode.DRY_RUN,
    )
    assert [report.reason for report in reports] == [
        "8C:1F:64:AA:C0:00 lies in no block of ours; load its block first",
        f"8C:1F:64:AA:B0:00 is reserved, with {unit.serial}",
        f"8C:1F:64:AA:B0:01 is leased, with {leased.serial}",
        f"8C:1F:64:AA:B0:02 is retired, with {scrapped.serial}",
        f"serial number {leased.serial} is leased, with 8C:1F:64:AA:B0:01",
        f"{unit.serial} is known with MAC addresses 8C:1F:64:AA:B0:00, the row says 8C:1F:64:AA:B0:0A",
        f"{unit.serial} is known with hardware revision 1, the row says 2",
        f"{unit.serial} is known with ownership operator, the row says customer",
        f"{unit.serial} is known with board uid 0000000000000001, the row says 00000000000000ee",
        f"board 0000000000000001 is {unit.serial} already",
        "",
    ]


def test_rows_that_contradict_each_other_are_refused_with_the_first_ones_line(warehouse: Warehouse) -> None:
    uid = "00000000000000aa"
    first = row(1, 1, f"simulated,1,,,,{uid}")
    reports, _ = run(
        warehouse, first, row(1, 2), row(2, 1), row(3, 3, f"simulated,1,,,,{uid}"), mode=ImportMode.DRY_RUN
    )
    assert [report.reason for report in reports[1:]] == [
        f"line 2 has {make_serial(1)} already",
        "line 2 has 8C:1F:64:AA:B0:01 already",
        f"line 2 has board {uid} already",
    ]
    assert run(warehouse, row(7, 5000), row(7, 7), mode=ImportMode.PARTIAL)[1].written == 1, "a refused row is no rival"


def test_units_of_several_addresses_come_and_go_as_one(warehouse: Warehouse, tmp_path: Path) -> None:
    with boards_of_many_macs(tmp_path):
        rest = f"pair,1,{mac_text(9)},new,operator,"
        assert run(warehouse, row(1, 100, rest))[1].written == 1
        assert run(warehouse, row(1, 100, rest))[1].unchanged == 1
        assert run(warehouse, row(2, 9))[1].refused == 1
    assert str(warehouse.services.units.get(warehouse.actor, make_serial(1)).further_macs[0]) == "8C:1F:64:AA:B0:09"


def test_a_rival_between_judging_and_writing_stops_the_whole_list(warehouse: Warehouse) -> None:
    file = io.BytesIO("\n".join([HEADER, row(7, 0), row(8, 1)]).encode())
    answers: Iterator[RowReport | Summary] = warehouse.services.unit_imports.begin(
        warehouse.actor, file, ImportMode.WHOLE
    )
    assert isinstance(next(answers), RowReport)
    warehouse.allocate()
    before = snapshot(warehouse.services)
    *_, summary = answers
    assert isinstance(summary, Summary)
    assert summary.written == 0
    assert "line 2 was refused when it was written (8C:1F:64:AA:B0:00 is reserved" in summary.error
    assert snapshot(warehouse.services) == before


def test_a_list_of_more_than_one_batch_is_taken_whole(warehouse: Warehouse) -> None:
    rows = [row(number, number) for number in range(1, 2501)]
    assert run(warehouse, *rows)[1] == Summary(2500, 0, 0, 2500)
    assert run(warehouse, *rows, mode=ImportMode.PARTIAL)[1] == Summary(0, 2500, 0, 0)
    text = "".join(warehouse.services.unit_imports.export(warehouse.actor))
    assert [line["serial"] for line in csv.DictReader(io.StringIO(text))] == [make_serial(n) for n in range(1, 2501)]


def test_the_station_tells_by_the_label_which_imported_unit_a_board_is(warehouse: Warehouse) -> None:
    run(warehouse, row(7, 7), row(8, 8))
    serial, uid = make_serial(7), b"\0" * 7 + b"\x77"
    unit = warehouse.provisioning.allocate(warehouse.actor, "simulated", 1, uid, serial)
    assert (unit.serial, unit.board_uid) == (serial, uid)
    before = snapshot(warehouse.services)
    assert warehouse.provisioning.allocate(warehouse.actor, "simulated", 1, uid, serial) == unit
    assert warehouse.provisioning.allocate(warehouse.actor, "simulated", 1, uid) == unit
    for board_uid, label, words in (
        (uid, make_serial(8), "its label says PT000000083"),
        (b"\0" * 8, serial, "is the unit of another board"),
    ):
        with pytest.raises(ConflictError, match=words):
            warehouse.provisioning.allocate(warehouse.actor, "simulated", 1, board_uid, label)
    assert snapshot(warehouse.services) == before
    stocked = warehouse.certify_and_stock(unit)
    assert stocked.custody is Custody.IN_STOCK


def test_only_who_manages_the_inventory_imports_and_exports(warehouse: Warehouse) -> None:
    imports = warehouse.services.unit_imports
    with pytest.raises(ForbiddenError):
        imports.begin(someone(Role.WAREHOUSE), io.BytesIO(HEADER.encode()), ImportMode.DRY_RUN)
    with pytest.raises(ForbiddenError):
        imports.export(someone(Role.ADMIN, account_id=1))
