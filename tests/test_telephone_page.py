"""The countries of the page on telephones are those of the data."""

from __future__ import annotations

from tests.telephone_page import PAGE, START, STOP, page, table


def test_the_page_is_drawn_from_the_data() -> None:
    text = PAGE.read_text()
    assert text.count(START) == text.count(STOP) == 1
    assert text == page(text), "run python -m tests.telephone_page"
    assert "| US, CA | 350+440 | 440+480: 2000 4000 |" in table()
