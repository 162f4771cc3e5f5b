"""docs/boards.md shows the catalogue as it is."""

from pathlib import Path

from boards import catalogue
from boards.table import render

PAGE = Path(catalogue.__file__).parents[1] / "docs" / "boards.md"


def test_the_page_holds_the_table_of_the_catalogue() -> None:
    assert render() in PAGE.read_text()


def test_every_board_has_a_row() -> None:
    rows = render().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(catalogue.names())
