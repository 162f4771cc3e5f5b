"""Rows as CSV: lines end as RFC 4180 says, and what a cell holds cannot end it."""

from __future__ import annotations

from fleet.services.csv_text import csv_text


def test_each_line_ends_in_crlf_and_cells_are_quoted_where_they_must() -> None:
    assert csv_text([("a", "b"), ("1,2", 'say "no"'), ("two\nlines", "")]) == (
        'a,b\r\n"1,2","say ""no"""\r\n"two\nlines",\r\n'
    )
