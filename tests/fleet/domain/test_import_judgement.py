"""A row is taken, known already or refused with the value seen, by what the fleet has and what the file said before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.domain.import_judgement import Judge, Known, records_of
from fleet.domain.lease import Outcome
from fleet.domain.mac_address import AddressRecord, AddressState
from fleet.domain.ownership import Ownership
from fleet.domain.unit import Custody, Service, Trust, Unit, UnitCondition
from fleet.domain.unit_import import ImportRow
from protocol.wire.mac import MacAddress

FIRST = int(MacAddress.parse("8C:1F:64:AA:B0:00"))
SIZE, BLOCK = 16, 3
SERIAL, OTHER = "PT000000018", "PT000000026"
UID, OTHER_UID = bytes(8), bytes(7) + b"\1"


def mac(number: int) -> MacAddress:
    found: MacAddress = MacAddress.from_int(FIRST + number)
    return found


def block_of(address: int) -> int | None:
    return BLOCK if FIRST <= address < FIRST + SIZE else None


def record(number: int, serial: str, state: AddressState = AddressState.GIVEN, position: int = 0) -> AddressRecord:
    return AddressRecord(mac(number), BLOCK, state, serial, position)


ROW = ImportRow(2, SERIAL, (mac(1), mac(2)), "pair", 1, UnitCondition.NEW, Ownership.OPERATOR, UID)
NOTHING = Known({}, {}, {}, {}, block_of)
UNIT = Unit(SERIAL, mac(1), "pair", 1, UID, 1, Custody.IN_STOCK, Service.UNPLACED, Trust.GOOD)
KNOWN = replace(NOTHING, units={SERIAL: UNIT}, tied={SERIAL: (record(1, SERIAL), record(2, SERIAL, position=1))})


def judged(known: Known = NOTHING, **changed: Any) -> tuple[Outcome, str]:
    report = Judge().judge(replace(ROW, **changed), known)
    assert (report.line, report.serial) == (2, SERIAL)
    return report.outcome, report.reason


def test_a_unit_the_fleet_has_never_heard_of_is_taken_with_all_its_addresses() -> None:
    assert judged() == (Outcome.ACCEPTED, "")
    assert judged(board_uid=None) == (Outcome.ACCEPTED, "")
    assert records_of(ROW, NOTHING) == [record(1, SERIAL), record(2, SERIAL, position=1)]


def test_records_are_not_made_of_an_address_of_no_block() -> None:
    with pytest.raises(ValueError, match="8C:1F:64:AA:B0:10 lies in no block; judge the row first"):
        records_of(replace(ROW, macs=(mac(SIZE),)), NOTHING)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (replace(NOTHING, tied={SERIAL: (record(5, SERIAL, AddressState.RETIRED),)}),
         "serial number PT000000018 is retired, with 8C:1F:64:AA:B0:05"),
        (replace(NOTHING, owners={FIRST + 2: record(2, OTHER, AddressState.LEASED)}),
         "8C:1F:64:AA:B0:02 is leased, with PT000000026"),
        (replace(NOTHING, boards={UID: OTHER}), "board 0000000000000000 is PT000000026 already"),
    ],
)  # fmt: skip
def test_what_belongs_to_another_unit_is_refused(known: Known, words: str) -> None:
    assert judged(known) == (Outcome.REFUSED, words)


def test_other_units_owners_and_boards_do_not_matter() -> None:
    known = Known(
        {OTHER: UNIT}, {OTHER: (record(5, OTHER),)}, {FIRST + 5: record(5, OTHER)}, {OTHER_UID: OTHER}, block_of
    )
    assert judged(known) == (Outcome.ACCEPTED, "")


@pytest.mark.parametrize("number", [-1, SIZE])
def test_an_address_of_no_block_is_refused_wherever_it_stands_in_the_row(number: int) -> None:
    words = f"{mac(number)} lies in no block of ours; load its block first"
    assert judged(macs=(mac(number), mac(2))) == (Outcome.REFUSED, words)
    assert judged(macs=(mac(1), mac(number))) == (Outcome.REFUSED, words)


# --- What the fleet knows already ---------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", [{}, {"board_uid": None}, {"condition": UnitCondition.REFURBISHED}])
def test_the_same_unit_again_changes_nothing_whatever_its_condition_now(changed: dict[str, Any]) -> None:
    assert judged(KNOWN, **changed) == (Outcome.UNCHANGED, "")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"macs": (mac(1),)}, "MAC addresses 8C:1F:64:AA:B0:01 8C:1F:64:AA:B0:02, the row says 8C:1F:64:AA:B0:01"),
        ({"macs": (mac(2), mac(1))},
         "MAC addresses 8C:1F:64:AA:B0:01 8C:1F:64:AA:B0:02, the row says 8C:1F:64:AA:B0:02 8C:1F:64:AA:B0:01"),
        ({"board": "simulated"}, "board pair, the row says simulated"),
        ({"hardware_revision": 2}, "hardware revision 1, the row says 2"),
        ({"ownership": Ownership.CUSTOMER}, "ownership operator, the row says customer"),
        ({"board_uid": OTHER_UID}, "board uid 0000000000000000, the row says 0000000000000001"),
    ],
)  # fmt: skip
def test_a_row_that_contradicts_the_unit_is_refused_with_both_values(changed: dict[str, Any], words: str) -> None:
    assert judged(KNOWN, **changed) == (Outcome.REFUSED, f"PT000000018 is known with {words}")


@pytest.mark.parametrize("custody", list(Custody))
def test_whose_a_unit_is_counts_by_the_row_until_an_order_says_it(custody: Custody) -> None:
    known = replace(KNOWN, units={SERIAL: replace(UNIT, custody=custody)})
    never_left = custody in (Custody.MADE, Custody.CERTIFIED, Custody.IN_STOCK)
    expected = Outcome.REFUSED if never_left else Outcome.UNCHANGED
    assert judged(known, ownership=Ownership.LEASED)[0] is expected


# --- What the file said before ------------------------------------------------------------------------------------


def judged_second(**changed: Any) -> tuple[Outcome, str]:
    """A row of line 7, after ROW; it shares nothing with it but what is changed."""
    judge = Judge()
    judge.judge(ROW, NOTHING)
    row = ImportRow(7, OTHER, (mac(3), mac(4)), "pair", 1, UnitCondition.NEW, Ownership.OPERATOR, OTHER_UID)
    report = judge.judge(replace(row, **changed), NOTHING)
    return report.outcome, report.reason


@pytest.mark.parametrize("changed", [{}, {"board_uid": None}])
def test_a_row_that_shares_nothing_is_taken(changed: dict[str, Any]) -> None:
    assert judged_second(**changed) == (Outcome.ACCEPTED, "")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"serial": SERIAL}, SERIAL),
        ({"macs": (mac(1), mac(3))}, "8C:1F:64:AA:B0:01"),
        ({"macs": (mac(3), mac(2))}, "8C:1F:64:AA:B0:02"),
        ({"board_uid": UID}, "board 0000000000000000"),
    ],
)
def test_what_an_earlier_line_named_is_refused_with_that_line(changed: dict[str, Any], words: str) -> None:
    assert judged_second(**changed) == (Outcome.REFUSED, f"line 2 has {words} already")


def test_a_refused_line_takes_nothing_from_those_after_it() -> None:
    judge = Judge()
    refused = judge.judge(replace(ROW, macs=(mac(1), mac(SIZE))), NOTHING)
    assert refused.outcome is Outcome.REFUSED
    assert judge.judge(replace(ROW, line=3), NOTHING).outcome is Outcome.ACCEPTED
