"""The table of causes in the docs is that of the code."""

from __future__ import annotations

from tests.causes_table import PAGE, drawn


def test_the_table_is_drawn_from_the_code() -> None:
    assert PAGE.read_text() == drawn(PAGE.read_text()), "run python -m tests.causes_table"
