"""Rows as the text of a CSV file (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """`rows` as lines that end in CRLF; a cell is quoted where it has to be."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # its default dialect ends lines as RFC 4180, 2 has it
    return text.getvalue()
