"""docs/protocol.md is drawn from the layouts, and every enumerated field has its names."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from protocol.host.enumerations import ENUMERATIONS
from protocol.host.reference import DOCUMENT, rewritten
from protocol.host.table import MESSAGES
from protocol.wire.layouts import LIST


def bounds(where: str, fields: Sequence[Any]) -> Iterator[tuple[tuple[str, str], int]]:
    for name, kind, _, high, _, *rows in fields:
        yield (where, name), high
        if kind == LIST:
            yield from bounds(name, rows[0])


BOUNDS = {name: high for row in MESSAGES for name, high in bounds(row[1], row[3])}


def test_tables_are_current() -> None:
    text = DOCUMENT.read_text()
    assert rewritten(text) == text, "run: python -m protocol.host.reference"


@pytest.mark.parametrize("field", ENUMERATIONS, ids=".".join)
def test_enumeration_is_as_long_as_its_field_allows(field: tuple[str, str]) -> None:
    assert BOUNDS[field] == len(ENUMERATIONS[field]) - 1
