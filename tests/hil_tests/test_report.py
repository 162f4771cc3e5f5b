"""The page of a session and JUnit's file say of each test: board, state, outcome, and what was measured."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil_tests.rig.report import Measured, Page

ROOT = Path(__file__).parents[2]
SESSION_LIMIT_S = 120


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("heap", 98176, "bytes"), "heap: 98,176 bytes"),
        (("dial tone", 0.1234, "s"), "dial tone: 0.12 s"),
        (("codec", "PCMU"), "codec: PCMU"),
    ],
)
def test_figures_are_told_for_people(given: tuple[str, float | str], told: str) -> None:
    properties: list[tuple[str, object]] = []
    Measured(properties)(*given)
    assert properties == [("measured", told)]


def test_what_did_not_come_about_has_no_time() -> None:
    properties: list[tuple[str, object]] = []
    with pytest.raises(ValueError, match="not seen"), Measured(properties).timed("service"):
        raise ValueError("not seen")
    assert properties == []


def test_nothing_of_a_board_is_markup() -> None:
    page, told = Page("rig"), list[str]()
    page.say("<script> on /dev/ttyUSB0")
    page.pytest_html_results_summary(told)
    assert told == ["<p>&lt;script&gt; on /dev/ttyUSB0</p>"]


def test_a_session_leaves_a_page_and_junits_file(tmp_path: Path) -> None:
    page, xml = tmp_path / "report.html", tmp_path / "report.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "hil_tests/test_power.py", "-k", "is_silent",
         "-o", "junit_family=xunit1", "--junitxml", str(xml), "--html", str(page), "--self-contained-html"],
        cwd=ROOT, capture_output=True, text=True, timeout=SESSION_LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    text = page.read_text(encoding="utf-8")
    assert "Plugtone rig: simulated" in text
    assert "simulated: power switch proved" in text
    blob = re.search(r'data-jsonblob="([^"]*)"', text)
    assert blob is not None
    ((test,),) = json.loads(html.unescape(blob[1]))["tests"].values()
    outcome, name, board, state, measured, duration = (
        re.sub("<br>", "; ", re.sub(r"</?td[^>]*>", "", cell)) for cell in test["resultsTableRow"][:6]
    )
    assert (outcome, board, state) == ("Passed", "simulated", "off")
    assert name.endswith("test_is_silent_without_power")
    assert re.match(r"off reached in: \d+\.\d\d s", measured)
    assert re.fullmatch(r"\d+\.\d\d s", duration)
    properties = [(each.get("name"), each.get("value")) for each in ElementTree.parse(xml).iter("property")]
    assert ("board", "simulated") in properties
    assert ("state", "off") in properties
    assert "; ".join(str(value) for key, value in properties if key == "measured") == measured
