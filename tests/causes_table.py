"""Draws the table of causes in docs/rollouts.md from the table the code runs on; `python -m tests.causes_table`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from fleet.domain.update_advice import ADVICE
from fleet.domain.update_cause import Cause
from fleet.domain.update_diagnosis import REFUSALS, RETURNS
from fleet.domain.update_explanation import REASONS

PAGE = Path(__file__).parent.parent / "docs" / "rollouts.md"
BEGIN, END = "<!-- causes -->\n", "<!-- end of causes -->"
AT = "2026-11-22 09:00 UTC"
# What a unit of the page would have.
EXAMPLE = {
    "rollout": "RO-1",
    "release": "2.0.0",
    "version": "1.0.0",
    "service": "unplaced",
    "custody": "in stock",
    "window": "02:00-05:00",
    "since": AT,
    "until": f" until {AT}",
    "group": "rest",
    "left_out": "its channel is beta, and it takes stable",
}
_REASON_OF = {cause: reason for reason, _, cause in (*RETURNS[::-1], *REFUSALS[::-1])}


def table() -> str:
    """The rows, in the order in which causes are solved."""
    rows = ["| cause | the unit's sentence goes on | what to do | who |", "|---|---|---|---|"]
    for cause, advice in ADVICE.items():
        rows.append(f"| `{cause}` | {_clause(cause)} | {advice.remedy} | {advice.who} |")
    return "\n".join(rows) + "\n"


def drawn(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _clause(cause: Cause) -> str:
    words = defaultdict(str, EXAMPLE, rollout_state=cause.replace("_", " "))
    if cause in _REASON_OF:
        words["because"] = f" because {REASONS[_REASON_OF[cause]]}"
    return ADVICE[cause].clause.format_map(words)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
