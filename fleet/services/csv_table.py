"""A small CSV file of the operator's as rows: UTF-8 with or without BOM, a header of known columns, bounded."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from typing import BinaryIO

from fleet.domain.errors import InvalidError


def csv_rows(file: BinaryIO, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of each row that is not blank, in the order of `columns`; InvalidError for another file.

    The last columns may be missing; a cell that is missing is empty.
    """
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if not header or header != list(columns[: len(header)]):
            raise InvalidError(f"the first line names the columns {','.join(columns)}, got {','.join(header)[:80]!r}")
        for cells in reader:
            if len(cells) > len(columns):
                raise InvalidError(
                    f"line {reader.line_num} has {len(cells)} cells; the columns are {','.join(columns)}"
                )
            if any(cells):
                yield reader.line_num, [*cells, *[""] * (len(columns) - len(cells))]
    except UnicodeDecodeError:
        raise InvalidError("the file is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise InvalidError(f"line {reader.line_num} is not CSV: {error}") from None
    finally:
        text.detach()
