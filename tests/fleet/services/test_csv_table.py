"""A small CSV file is read as people's programs write it, and anything else is refused with its line."""

from __future__ import annotations

from io import BytesIO

import pytest

from fleet.domain.errors import InvalidError
from fleet.services.csv_table import csv_rows

COLUMNS = ("first", "last")


def read(data: bytes) -> list[tuple[int, list[str]]]:
    return list(csv_rows(BytesIO(data), COLUMNS))


@pytest.mark.parametrize(
    "data",
    [b"first,last\na,b\n", b"\xef\xbb\xbffirst,last\r\na,b\r\n", b'First, LAST\n"a",b', b"first,last\na,b\n\n,\n"],
)
def test_rows_come_with_their_lines(data: bytes) -> None:
    assert read(data) == [(2, ["a", "b"])]


def test_last_columns_and_cells_may_be_missing() -> None:
    assert read(b"first\na\nb\n") == [(2, ["a", ""]), (3, ["b", ""])]
    assert read(b"first,last\na\n") == [(2, ["a", ""])]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "first line names the columns first,last, got ''"),
        (b"last,first\n", "got 'last,first'"),
        (b"first,last,more\n", "first line"),
        (b"first,last\na,b\na,b,c\n", "line 3 has"),
        (b"first\n\xff\n", "not UTF-8"),
        (b'first\n"a\n', "line 2 is not CSV"),
    ],
)
def test_what_is_no_such_table_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        read(data)


def test_the_file_stays_open_for_who_gave_it() -> None:
    file = BytesIO(b"first\na\n")
    assert list(csv_rows(file, COLUMNS))
    assert not file.closed
