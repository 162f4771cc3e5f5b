"""docs/tuf-client.md names a test for every section of the workflow, and each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.conftest import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "tuf-client.md"
STEPS = {"5.1": 0, "5.2": 0, "5.3": 12, "5.4": 5, "5.5": 7, "5.6": 7, "5.7": 3}
# Steps that only define a word or say to go on: nothing can be seen of them.
NOT_RULES = {"5.3.2", "5.3.9", "5.7.1"}


def rows() -> list[tuple[str, list[str]]]:
    """(sections, names of tests) of each row of the table of rules."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text[text.index("| section |") :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert all(len(row) == 3 for row in cells)
    return [(row[0], re.findall(r"`(test_\w+)`", row[2])) for row in cells]


def written_tests() -> set[str]:
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return found


def test_each_test_in_the_table_is_there() -> None:
    named = {name for _, names in rows() for name in names}
    assert all(names for _, names in rows())
    assert named - written_tests() == set()


def test_each_step_of_the_workflow_is_in_the_table() -> None:
    wanted = {f"{section}.{step}" for section, last in STEPS.items() for step in range(1, last + 1)}
    wanted |= {section for section, last in STEPS.items() if not last}
    covered: set[str] = set()
    for sections, _ in rows():
        for section in sections.split(", "):
            covered |= {section, ".".join(section.split(".")[:3])}
    assert wanted - NOT_RULES - covered == set()
