"""docs/protocol.md is drawn from the layouts, and every enumerated field has its names."""

import pytest

from protocol.host.enumerations import ENUMERATIONS
from protocol.host.reference import DOCUMENT, rewritten
from protocol.host.table import MESSAGES
from protocol.wire.layouts import LIST

BOUNDS = {(row[1], field[0]): field[3] for row in MESSAGES for field in row[3]} | {
    (field[0], inner[0]): inner[3] for row in MESSAGES for field in row[3] if field[1] == LIST for inner in field[5]
}


def test_tables_are_current() -> None:
    text = DOCUMENT.read_text()
    assert rewritten(text) == text, "run: python -m protocol.host.reference"


@pytest.mark.parametrize("field", ENUMERATIONS, ids=".".join)
def test_enumeration_is_as_long_as_its_field_allows(field: tuple[str, str]) -> None:
    assert BOUNDS[field] == len(ENUMERATIONS[field]) - 1
