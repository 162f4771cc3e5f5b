"""The page of rollouts shows what was measured: shares of runs, in the order of the fleet's share."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.rollout_curves import (
    BEFORE_AT_PROTOCOL,
    COLOURS,
    CURVES,
    PAGE,
    PICTURE,
    PROTOCOL,
    page,
    picture,
    stopped_by,
    table,
)
from tests.sweeps.rollout import TRIED

ONE = {"count": 10, "stopped": 9, "stopped_up_to_0.5_percent": 6, "stopped_up_to_1_percent": 3, "in_time": 8}
TOTALS = dict.fromkeys(TRIED, ONE)


def test_a_curve_counts_up_and_ends_at_the_share_that_was_stopped() -> None:
    curve = stopped_by(ONE)
    assert curve == sorted(curve)
    assert dict(curve)[0.005] == 0.6
    assert curve[-1] == (1.0, 0.9)


def test_the_table_has_a_row_for_each_scenario() -> None:
    rows = table(TOTALS).splitlines()[2:]
    assert len(rows) == len(TRIED)
    assert rows[0] == "| 10 points | 10 | 90.0 % | 0.5 % |  | 80.0 % before 1 % |"


def test_the_picture_is_svg_with_a_line_for_each_curve() -> None:
    lines = ElementTree.fromstring(picture(TOTALS)).findall("{http://www.w3.org/2000/svg}polyline")
    assert [line.get("stroke") for line in lines] == list(COLOURS.values())


def test_a_page_is_changed_between_its_marks_only() -> None:
    for begin, end in (CURVES, PROTOCOL):
        assert page(f"a\n{begin}old\n{end}b\n", "new\n", (begin, end)) == f"a\n{begin}new\n{end}b\n"


def test_what_was_not_measured_has_no_row() -> None:
    rows = table({"5 points": ONE}, BEFORE_AT_PROTOCOL).splitlines()[2:]
    assert rows == ["| 5 points | 10 | 90.0 % | 0.5 % |  | 80.0 % before 2 % |"]


def test_the_page_of_the_docs_has_been_drawn() -> None:
    text = PAGE.read_text()
    drawn = text[text.index(CURVES[0]) : text.index(CURVES[1])]
    assert [name for name in TRIED if f"| {name} | " not in drawn] == []
    assert ElementTree.fromstring(PICTURE.read_text()).tag.endswith("svg")


def test_a_scenario_that_never_stopped_has_no_figure() -> None:
    never = {"count": 10, "finished": 10}
    assert "| sound | 10 | 0.0 % |  |  |  |" in table({**TOTALS, "sound": never})
    assert stopped_by(never)[-1] == (1.0, pytest.approx(0.0))
