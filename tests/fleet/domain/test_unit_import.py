"""A row is a unit or is refused with the value seen; nothing in a file makes the reader fail otherwise."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import InvalidError
from fleet.domain.ownership import Ownership
from fleet.domain.unit import UnitCondition, unseen_board_uid
from fleet.domain.unit_import import (
    BoardFacts,
    Column,
    ImportRow,
    RowError,
    RowReport,
    parse_row,
    read_header,
    safe_cell,
)
from fleet.services.unit_list_file import UnitListFile
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial

NAMES = list(Column)
BOARDS = {"simulated": BoardFacts(1, 4, 1), "pair": BoardFacts(0, 0, 2)}
GOOD = {
    "serial": "PT000000018",
    "mac": "8c1f.64aa.b000",
    "further_macs": "",
    "board": "simulated",
    "hardware_revision": "1",
    "condition": "",
    "ownership": "",
    "board_uid": "",
}


def parse(**changed: str) -> ImportRow:
    return parse_row(7, NAMES, list({**GOOD, **changed}.values()), BOARDS.get)


def test_a_row_becomes_a_unit_with_the_usual_where_nothing_is_said() -> None:
    mac = MacAddress.parse("8C:1F:64:AA:B0:00")
    expected = ImportRow(7, "PT000000018", (mac,), "simulated", 1, UnitCondition.NEW, Ownership.OPERATOR, None)
    assert parse() == expected
    assert parse(mac="8C-1F-64-AA-B0-00", serial=" pt000000018 ", condition="NEW", ownership="operator") == expected
    assert parse(board_uid="00000000000000ff").board_uid == b"\0" * 7 + b"\xff"
    assert parse(condition="refurbished").condition is UnitCondition.REFURBISHED
    assert parse(ownership="customer").ownership is Ownership.CUSTOMER


@pytest.mark.parametrize("between", [" ", "|", "  | "])
def test_further_addresses_stand_side_by_side(between: str) -> None:
    row = parse(board="pair", hardware_revision="0", mac="8C1F64AAB001", further_macs="8C1F64AAB000")
    assert [str(mac) for mac in row.macs] == ["8C:1F:64:AA:B0:01", "8C:1F:64:AA:B0:00"]
    with pytest.raises(RowError, match="has 2 MAC addresses, got 3"):
        parse(board="pair", hardware_revision="0", further_macs=between.join(["8C1F64AAB001", "8C1F64AAB002"]))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"serial": "PT000000017"}, "'PT000000017' fails its check digit"),
        ({"serial": ""}, "not a serial number: ''"),
        ({"mac": "8c:1f:64"}, "not a MAC address: '8c:1f:64'"),
        ({"mac": "8d1f64aab000"}, "8D:1F:64:AA:B0:00 is multicast"),
        ({"mac": "8e1f64aab000"}, "8E:1F:64:AA:B0:00 is locally administered"),
        ({"further_macs": "8c1f64aab001"}, "simulated has 1 MAC addresses, got 2"),
        ({"further_macs": "8c1f64aab001 " * 8}, "at most 8 MAC addresses, got 9"),
        ({"board": "pair", "hardware_revision": "0", "further_macs": "8c1f64aab000"}, "comes twice"),
        ({"board": "toaster"}, "no board is called 'toaster'"),
        ({"hardware_revision": "5"}, "simulated has revisions 1 to 4, got 5"),
        ({"hardware_revision": "0"}, "simulated has revisions 1 to 4, got 0"),
        ({"hardware_revision": "one"}, "a hardware revision is a number, got 'one'"),
        ({"hardware_revision": "\u0661"}, "a hardware revision is a number"),
        ({"condition": "used"}, "condition is one of new, refurbished, got 'used'"),
        ({"ownership": "mine"}, "ownership is one of operator, leased, customer, got 'mine'"),
        ({"board_uid": "ff"}, "16 hex digits, got 'ff'"),
        ({"board_uid": "ffffff0000000001"}, "16 hex digits"),
        ({"board": "x" * 3000}, "no board is called 'x{60}'$"),
    ],
)
def test_a_row_that_is_no_unit_is_refused_with_the_value_seen(changed: dict[str, str], words: str) -> None:
    with pytest.raises(RowError, match=words):
        parse(**changed)


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(RowError, match="has 2 cells, the first row 8"):
        parse_row(2, NAMES, ["a", "b"], BOARDS.get)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_header_tells_delimiter_and_columns(delimiter: str) -> None:
    line = delimiter.join(['"Serial"', "MAC", " Board ", "hardware revision", "made_at"])
    assert read_header(line) == (delimiter, ["serial", "mac", "board", "hardware_revision", "made_at"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "serial, mac, board, hardware_revision missing"),
        ("serial,mac,board,hardware_revision,colour", "no column is called 'colour'"),
        ("serial,mac,board,hardware_revision,mac", "twice"),
    ],
)
def test_a_header_of_something_else_is_refused(line: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        read_header(line)


@given(st.text(max_size=20))
def test_a_cell_is_never_a_formula_and_comes_back_as_it_was(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    if text.startswith("="):
        with pytest.raises(RowError, match="no board is called '="):
            parse(board=cell)


@given(st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_what_stands_for_an_unseen_board_is_one_for_each_serial_number(one: int, other: int) -> None:
    first, second = unseen_board_uid(make_serial(one)), unseen_board_uid(make_serial(other))
    assert len(first) == 8
    assert (first == second) == (one == other)


HEADER = b"serial,mac,board,hardware_revision\n"


def rows_of(data: bytes) -> list[ImportRow | RowReport]:
    return list(UnitListFile(io.BytesIO(data)).rows())


@given(st.binary(max_size=400))
def test_any_bytes_after_the_header_are_rows_or_refused(data: bytes) -> None:
    for number, row in enumerate(rows_of(HEADER + data), start=2):
        assert row.line >= number


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=6), max_size=8))
def test_any_table_is_read_row_by_row(table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(table)
    try:
        data = text.getvalue().encode()
    except UnicodeEncodeError:
        return
    rows_of(HEADER + data)


def test_bytes_before_and_within_the_file() -> None:
    good = b"PT000000018,8c1f64aab000,simulated,1\r\n"
    (row,) = rows_of(b"\xef\xbb\xbf" + HEADER + b"\n" + good)
    assert (row.line, row.serial) == (3, "PT000000018")
    bad, still = rows_of(HEADER + b"PT\xff\n" + good)
    assert isinstance(bad, RowReport)
    assert "not UTF-8" in bad.reason
    assert still.line == 3
    quoted, *_ = rows_of(HEADER + b'"PT000000018\n' + good)
    assert isinstance(quoted, RowReport)
    assert "not CSV" in quoted.reason
    with pytest.raises(InvalidError, match="UTF-16"):
        UnitListFile(io.BytesIO("serial".encode("utf-16")))
    with pytest.raises(InvalidError, match="more than 2048 bytes"):
        rows_of(HEADER + b"x" * 3000)
