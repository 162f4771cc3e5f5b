"""A trace: what is done to a unit and what it says, in order, told so that two units' traces can be compared.

Nothing in it names a unit, a release or this machine: starts are counted from 0, slots are `first` and `other`, images
`old` and `ordered`, as seen from where the story began. Times are seconds since then. Of heartbeats only the changes
are kept; each story begins with a unit that has nothing to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from protocol.wire.enumerations import BOOT_REASONS, COMMAND_RESULTS, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import Message
from tests.real_units.listener import Heard
from tests.real_units.stage import in_s

if TYPE_CHECKING:
    from tests.real_units.stage import RealUnit

GOLDEN: Final = Path(__file__).with_name("traces.json")
LASTING: Final = ("idle", "staged")
Row = dict[str, Any]


class Telling:
    """Notes the traces of one unit, a story after the other."""

    def __init__(self, unit: RealUnit) -> None:
        self._unit = unit
        self._done: list[Row] = []
        self._before: list[Heard] = []
        self._mark = 0
        self._begun_s = 0.0
        self.name = ""

    def begin(self, name: str) -> Any:
        """A story begins now; what waits for what the unit says in it."""
        self.name, self._done = name, []
        listener, serial = self._unit.stage.listener, self._unit.serial
        self._before = [each for each in listener.since(0, serial) if each.message.name == "heartbeat"][-1:]
        self._mark, self._begun_s = listener.mark(), time.monotonic()
        return self._unit.hears_from_now()

    def note(self, what: str, **facts: Any) -> None:
        """Something is done to the unit now."""
        self._done.append({"at_s": time.monotonic() - self._begun_s, "done": what, **facts})

    def order(self, version: str, **limits: float) -> str:
        """A rollout of `version` to the unit alone; `limits`: not_before, deadline, in seconds from now. Its id."""
        self.note("order", **limits)
        instants = {name: in_s(seconds) for name, seconds in limits.items()}
        return self._unit.stage.order(version, [self._unit.serial], **instants)

    def stop(self, rollout: str) -> None:
        """The rollout is stopped."""
        self.note("taken_back")
        self._unit.stage.stop(rollout)

    def check(self, unit: RealUnit) -> None:
        """The unit is asked to look for orders."""
        self.note("check")
        unit.command("check_update")

    def trace(self) -> list[Row]:
        """The rows of the story, the unit's and ours, by time."""
        said = [*self._before, *self._unit.stage.listener.since(self._mark, self._unit.serial)]
        rows = rows_of((each.at_s - self._begun_s, each.message) for each in said)
        merged = sorted([*self._done, *rows], key=lambda row: float(row["at_s"]))
        return [{**row, "at_s": round(row["at_s"], 1)} for row in merged]


def rows_of(said: Iterable[tuple[float, Message]]) -> Iterator[Row]:
    """What a unit said, and when in seconds, as rows; first a heartbeat of before, which makes none."""
    seen: set[tuple[int, int]] = set()
    first: dict[str, Any] = {}
    starts: list[int] = []  # boot ids, in their order
    last: Row = {"start": 0, "says": "heartbeat", "update_state": "idle", "slot": "first", "runs": "old"}
    for at_s, message in said:
        again = (message.boot_id, message.sequence) in seen
        seen.add((message.boot_id, message.sequence))
        if message.boot_id not in starts:
            starts.append(message.boot_id)
        row = {"start": starts.index(message.boot_id), "says": message.name, **_facts(message, first)}
        if again:
            row["again"] = True
        if message.name == "heartbeat":
            if row == last:
                continue
            last = row
        yield {"at_s": at_s, **row}


def _facts(message: Message, first: dict[str, Any]) -> Row:
    """The fields that tell where the unit stands; `first` keeps what the story began with."""
    values = message.values
    row: Row = {}
    for field, names in (("boot_reason", BOOT_REASONS), ("update_state", UPDATE_STATES), ("result", COMMAND_RESULTS)):
        if field in values:
            row[field] = names[values[field]]
    if message.name == "update_report":
        row["state"], row["reason"] = UPDATE_STATES[values["state"]], UPDATE_REASONS[values["reason"]]
    if "slot" in values:
        row["slot"] = "first" if values["slot"] == first.setdefault("slot", values["slot"]) else "other"
    if "release_counter" in values:
        counter = values["release_counter"]
        row["runs"] = "old" if counter == first.setdefault("runs", counter) else "ordered"
    return row


def outline(rows: Sequence[Row]) -> list[Row]:
    """What is the same whenever the story is told: no times, no repetitions, no heartbeat in a state that soon ends."""
    return [
        {name: value for name, value in row.items() if name != "at_s"}
        for row in rows
        if "again" not in row and (row.get("says") != "heartbeat" or row["update_state"] in LASTING)
    ]


def load() -> dict[str, list[Row]]:
    """The golden traces by their story's name."""
    found: dict[str, list[Row]] = json.loads(GOLDEN.read_text())
    return found


def save(traces: Mapping[str, Sequence[Row]]) -> None:
    """Keeps the golden traces, a row a line."""
    stories = []
    for name, rows in traces.items():
        lines = ",\n".join("  " + json.dumps(row) for row in rows)
        stories.append(f"{json.dumps(name)}: [\n{lines}\n]")
    GOLDEN.write_text("{\n" + ",\n".join(stories) + "\n}\n")
