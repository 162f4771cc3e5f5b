"""What the report has of a test beside its outcome: on which board, in which state, and what was measured there.

They are properties of the test, so that JUnit's file has them; the page for people is pytest-html's, each in a column.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, Final

import pytest

_COLUMNS: Final = ("board", "state", "measured")
_FIRST_COLUMN: Final = 2  # after outcome and name


class Measured:
    """Notes what a test measures: `measured("dial tone", 180, "ms")`."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def __call__(self, what: str, value: float | str, unit: str = "") -> None:
        """A figure, or words."""
        told = f"{value:,}" if isinstance(value, int) else f"{value:.2f}" if isinstance(value, float) else value
        self._properties.append(("measured", f"{what}: {told} {unit}".rstrip()))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """How long what stands inside took, if it came about."""
        since = time.monotonic()
        yield
        self(what, time.monotonic() - since, "s")


class Page:
    """The page of one session. What is said with `say` stands above its table."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._said: list[str] = []

    def say(self, text: str) -> None:
        """One line, plain text."""
        self._said.append(text)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        report.title = self._title

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_duration_format(self, duration: float) -> str:
        return f"{duration:.2f} s"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        prefix.extend(f"<p>{escape(text)}</p>" for text in self._said)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        cells[_FIRST_COLUMN:_FIRST_COLUMN] = [
            f'<th class="sortable" data-column-type="{name}">{name.capitalize()}</th>' for name in _COLUMNS
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        for at, name in enumerate(_COLUMNS, _FIRST_COLUMN):
            told = "<br>".join(escape(str(value)) for key, value in report.user_properties if key == name)
            cells.insert(at, f'<td class="col-{name}">{told}</td>')


def link_to(folder: Path, page: str | None) -> list[dict[str, Any]]:
    """What makes pytest-html link a test to `folder`, from the page at that path."""
    if page is None:
        return []
    address = os.path.relpath(folder, Path(page).resolve().parent)
    return [{"name": "evidence", "format_type": "url", "content": address, "mime_type": None, "extension": None}]
