"""An operator's CSV file as rows, one line at a time: bounded, UTF-8 with or without BOM, comma, semicolon or tab."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO, Final

from boards import catalogue
from fleet.domain.errors import InvalidError
from fleet.domain.lease import Outcome
from fleet.domain.unit_import import (
    MAX_IMPORT_ROWS,
    MAX_LINE_CHARACTERS,
    MAX_SHOWN_CHARACTERS,
    BoardFacts,
    ImportRow,
    RowError,
    RowReport,
    parse_row,
    read_header,
)

_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@cache
def board_facts(name: str) -> BoardFacts | None:
    """What the board catalogue says of a board; None for one it does not know."""
    if name not in catalogue.names():
        return None
    board = catalogue.load(name)
    first, last = board.hardware_revisions
    return BoardFacts(first, last, board.macs)


class UnitListFile:
    """A file whose header was read; InvalidError if it is no list of units."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        line = self._line()
        if line.startswith(_UTF_16):
            raise InvalidError("the file is UTF-16; save it as CSV in UTF-8")
        try:
            text = line.removeprefix(_BOM).decode()
        except UnicodeDecodeError:
            raise InvalidError("the file is not UTF-8; save it as CSV in UTF-8") from None
        self._delimiter, self._names = read_header(text.rstrip("\r\n"))
        self._first_row = file.tell()

    def rows(self) -> Iterator[ImportRow | RowReport]:
        """Every row from the first on, a report in place of one that cannot be read; blank lines are none.

        InvalidError after more than MAX_IMPORT_ROWS.
        """
        self._file.seek(self._first_row)
        number = 1
        while data := self._line():
            number += 1
            if number > MAX_IMPORT_ROWS + 1:
                raise InvalidError(f"more than {MAX_IMPORT_ROWS} rows; import the list in parts")
            if data.strip():
                yield self._row(number, data)

    def _row(self, number: int, data: bytes) -> ImportRow | RowReport:
        cells: list[str] = []
        try:
            text = data.decode()
            (cells,) = csv.reader([text], delimiter=self._delimiter, strict=True)
            return parse_row(number, self._names, cells, board_facts)
        except UnicodeDecodeError:
            reason = f"is not UTF-8: {data[:MAX_SHOWN_CHARACTERS]!r}"
        except csv.Error as error:
            reason = f"is not CSV: {error}"
        except ValueError:
            reason = "is not one row of CSV"
        except RowError as error:
            reason = str(error)
        return RowReport(number, cells[0][:MAX_SHOWN_CHARACTERS] if cells else "", Outcome.REFUSED, reason)

    def _line(self) -> bytes:
        data = self._file.readline(MAX_LINE_CHARACTERS + 1)
        if len(data) > MAX_LINE_CHARACTERS:
            raise InvalidError(f"a line has more than {MAX_LINE_CHARACTERS} bytes, from {data[:40]!r} on")
        return data
