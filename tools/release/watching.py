"""How a rollout looks in a terminal: its units by state, its groups in order, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

BAR_CELLS = 32
GROUP_CELLS = 16
# In the order of a unit's way, each with the colour of its cells.
STATES = {
    "confirmed": "green",
    "staged": "bright_green",
    "trial": "cyan",
    "downloading": "blue",
    "assigned": "bright_blue",
    "superseded": "magenta",
    "reverted": "red",
    "failed": "red",
    "held_back": "yellow",
    "waiting": "bright_black",
}


def line(rollout: Mapping[str, Any]) -> str:
    """A rollout in one line."""
    reason = f": {rollout['reason']}" if rollout["reason"] else ""
    beta = " (beta)" if rollout["beta"] else ""
    what = f"{rollout['id']} release {rollout['release']}{beta} to {rollout['targets']} units"
    return f"{what}{_treatment(rollout)} is {rollout['state']}{reason}"


def _treatment(rollout: Mapping[str, Any]) -> str:
    """How units take it, where that is not the usual way."""
    words = "urgent" if rollout["urgent"] else rollout["mode"].replace("_", " ")
    return "" if words == "soft" else f", {words},"


def picture(rollout: Mapping[str, Any]) -> Group:
    """What it is, a bar of its units by state with the numbers, and how its groups go."""
    counts = dict(rollout["counts"])
    total = max(rollout["expected"], sum(counts.values()), 1)
    counts["waiting"] = total - sum(number for state, number in counts.items() if state != "waiting")
    numbers = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts.get(state))
    whole = bar(dict.fromkeys(STATES.values(), 0) | _by_colour(counts), total, BAR_CELLS)
    parts: list[Text | Table] = [Text(line(rollout)), whole, Text(numbers)]
    course = rollout.get("course")
    if course:
        parts.append(_groups(course["groups"], rollout["state"]))
        if any(each["treated"] or each["held_back"] for each in course["revisions"]):
            parts.append(_evidence(course["revisions"]))
        if course["due"]:
            due = course["due"]
            parts.append(Text(f"At the latest {_time(due['at'])}: {due['event']}, {due['reason']}"))
    return Group(*parts)


def foretold(forecast: Mapping[str, Any]) -> Text:
    """When its groups will open and be over, if all goes well; a line each."""
    lines = ["If all goes well:"]
    for group in forecast["groups"]:
        after = ", then waits for a person" if group["waits_for_person"] else ""
        units = f"about {group['units']:,} unit{'' if group['units'] == 1 else 's'}"
        lines.append(f"  {_time(group['opens_at'])} to {_time(group['ends_at'])}  {group['name']}, {units}{after}")
    lines.append(
        f"  over {_time(forecast['ends_at'])}" if forecast["ends_at"] else f"  it pauses: {forecast['reason']}"
    )
    return Text("\n".join(lines))


def bar(counts: Mapping[str, int], total: int, cells: int) -> Text:
    """`cells` cells in the colours of `counts`, which are `total` together; what is there is seen: a cell at least."""
    drawn = Text()
    left, still = cells, sum(1 for count in counts.values() if count)
    done, filled = 0, 0
    for colour, count in counts.items():
        done += count
        if not count:
            continue
        still -= 1
        width = min(max(round(cells * done / max(total, 1)) - filled, 1), left - still)
        drawn.append("█" * width, style=colour)
        filled, left = filled + width, left - width
    return drawn.append("░" * left, style="bright_black")


def _by_colour(counts: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for state, colour in STATES.items():
        found[colour] = found.get(colour, 0) + counts.get(state, 0)
    return found


def _groups(groups: list[dict[str, Any]], state: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in ("group", "", "assigned", "confirmed", "failed"):
        table.add_column(name, justify="right" if name in ("assigned", "confirmed", "failed") else "left")
    table.add_column("")
    last = max((number for number, each in enumerate(groups) if each["opened_at"]), default=None)
    for number, each in enumerate(groups):
        if each["opened_at"] is None:
            table.add_row(each["name"], *[""] * 4, "not yet")
            continue
        under_way = each["assigned"] - each["confirmed"] - each["failed"]
        colours = {"green": each["confirmed"], "blue": under_way, "red": each["failed"]}
        cells = bar(colours, max(each["assigned"], each["minimum"]), GROUP_CELLS)
        numbers = (f"{each[key]:,}" for key in ("assigned", "confirmed", "failed"))
        table.add_row(each["name"], cells, *numbers, _stage(each, number == last, state))
    return table


def _stage(group: Mapping[str, Any], is_last: bool, state: str) -> str:
    """What the group that was opened last waits for; of the others, that they are over."""
    if not is_last:
        return "done"
    if state != "running":
        return state.replace("_", " ")
    if group["soaks_until"]:
        return f"soaks until {_time(group['soaks_until'])}"
    return f"{group['confirmed'] + group['failed']:,} of {group['minimum']:,} settled"


def _evidence(revisions: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in ("failed", "with the release", "held back", "excess"):
        table.add_column(name, justify="left" if name == "failed" else "right")
    for each in revisions:
        if each["treated"] or each["held_back"]:
            arms = (f"{each[arm + '_failed']:,} of {each[arm]:,}" for arm in ("treated", "held_back"))
            table.add_row(each["name"], *arms, f"{each['excess_percent']:+.2f} points")
    return table


def _time(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M} UTC"
