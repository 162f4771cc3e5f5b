"""The diagrams in the docs are those of the tables."""

from __future__ import annotations

from tests.state_diagrams import PAGE, page


def test_the_page_is_drawn_from_the_tables() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.state_diagrams"
