"""Draws how far a bad release gets, from what `make soak AREA=rollout` measured; `python -m tests.rollout_curves`.

The table goes into docs/rollouts.md between its two marks, the curves into docs/rollout-curves.svg; what the areas
rollout_protocol and rollout_protocol_sound measured into a table of its own. What was not measured here stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.soak import read_totals
from tests.sweeps import rollout_protocol
from tests.sweeps.rollout import REACHED_BINS, TRIED

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = DOCS / "rollouts.md", DOCS / "rollout-curves.svg"
CURVES = "<!-- curves -->\n", "<!-- end of curves -->\n"
PROTOCOL = "<!-- protocol -->\n", "<!-- end of protocol -->\n"
BEFORE = {name: before for name, (_, before) in TRIED.items()}
BEFORE_AT_PROTOCOL = {name: BEFORE[name] for name in (*rollout_protocol.TRIED, "sound")}
COLOURS = {"10 points": "#b2182b", "5 points": "#ef8a62", "2 points": "#2166ac", "1 point": "#67a9cf"}
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 52, 16, 16, 44
LEAST, MOST = 0.001, 1.0  # shares of the fleet at both ends of the axis, which is logarithmic
Totals = Mapping[str, Mapping[str, Any]]


def stopped_by(total: Mapping[str, Any]) -> list[tuple[float, float]]:
    """(share of the fleet, share of the runs that were stopped before more than that had the release)."""
    runs, so_far, curve = total["count"], 0, [(LEAST, 0.0)]
    for reached in REACHED_BINS:
        so_far += total.get(f"stopped_up_to_{reached * 100:g}_percent", 0)
        curve.append((reached, so_far / runs))
    return curve


def at_percent(total: Mapping[str, Any], percent: int) -> str:
    """The share of the fleet below which so many of a hundred runs were stopped, as a bin; empty if fewer were."""
    found = [reached for reached, share in stopped_by(total) if share * 100 >= percent]
    return f"{found[0] * 100:g} %" if found else ""


def table(totals: Totals, tried: Mapping[str, float | None] = BEFORE) -> str:
    """A row for each scenario that was measured; `tried`: the share of the fleet it has to be stopped before."""
    rows = [
        "| more failures in the bad revision | runs | stopped | in half of the runs below | in 95 % below | in time |",
        "|---|---|---|---|---|---|",
    ]
    for name, before in tried.items():
        if name not in totals:
            continue
        total = totals[name]
        runs = total["count"]
        stopped = total.get("stopped", 0)
        in_time = "" if before is None else f"{total.get('in_time', 0) / runs * 100:.1f} % before {before * 100:g} %"
        by = f"{stopped / runs * 100:.1f} % | {at_percent(total, 50)} | {at_percent(total, 95)}"
        rows.append(f"| {name} | {runs:,} | {by} | {in_time} |")
    return "\n".join(rows) + "\n"


def picture(totals: Totals) -> str:
    """The curves as SVG."""
    marks = [mark for share in (0.001, 0.01, 0.1, 1.0) for mark in _upright(share)]
    marks += [mark for share in (0.0, 0.5, 0.95, 1.0) for mark in _level(share)]
    curves = []
    for number, (name, colour) in enumerate(COLOURS.items()):
        points = " ".join(f"{_x(at):.1f},{_y(share):.1f}" for at, share in stopped_by(totals[name]))
        curves.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = HEIGHT - BOTTOM - 14 - 16 * (len(COLOURS) - 1 - number)
        curves.append(f'<text x="{WIDTH - RIGHT - 64}" y="{at}" fill="{colour}">{name}</text>')
    title = f'<text x="{LEFT}" y="{HEIGHT - 8}">share of the fleet that had the release when it was stopped</text>'
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join(
        [head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *marks, *curves, title, "</svg>\n"]
    )


def _x(share: float) -> float:
    along = math.log(max(share, LEAST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + along * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _upright(share: float) -> list[str]:
    x = _x(share)
    return [
        f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>',
        f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{share * 100:g} %</text>',
    ]


def _level(share: float) -> list[str]:
    y = _y(share)
    return [
        f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>',
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * 100:g} %</text>',
    ]


def page(text: str, drawn: str, marks: tuple[str, str] = CURVES) -> str:
    """The page with that table between its marks."""
    begin, end = marks
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return before + begin + drawn + end + after


def main() -> None:
    """Draw what was measured."""
    measured = read_totals("rollout")
    if measured:
        PAGE.write_text(page(PAGE.read_text(), table(measured)))
        PICTURE.write_text(picture(measured))
    at_protocol = read_totals("rollout_protocol") | read_totals("rollout_protocol_sound")
    if at_protocol:
        PAGE.write_text(page(PAGE.read_text(), table(at_protocol, BEFORE_AT_PROTOCOL), PROTOCOL))


if __name__ == "__main__":
    main()
