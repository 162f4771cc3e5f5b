"""The simulated unit says what a real one said when the same was done to it, in every story but one.

In `link_down` the network fails in the middle of a download: the model has no network that fails. It has no telephone
line that registers either, so `call_record` is left out; its calls are the story's.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.rehearsal.behaviour import DAY_S, NEVER_S, Behaviour, CallPattern, Fate, Image, Odds
from fleet.rehearsal.unit_model import UnitModel
from fleet.rehearsal.unit_session import Hardware
from protocol.wire.enumerations import COMMANDS
from protocol.wire.messages import Message
from tests.real_units import traces
from tests.real_units.stories import STORIES
from tests.real_units.traces import Row

NOW_S = int(datetime(2026, 3, 2, 15, 0, tzinfo=UTC).timestamp())
OLD, ORDERED = (Image(f"{n}.0.0", n, f"{n}" * 64, "simulated") for n in (1, 2))
FATES = {"crash": Fate.CRASHES, "self_test": Fate.REVERTS}
NO_NETWORK_FAILS = {"link_down"}
CLOSED = {"maintenance_from_s": NOW_S + DAY_S // 2, "maintenance_until_s": NOW_S + DAY_S // 2 + 3600}
OPEN = {"maintenance_from_s": NOW_S, "maintenance_until_s": NOW_S}
BEFORE_S = 5
AFTER_S = 90  # what is staged is looked at each minute


@dataclass(frozen=True, slots=True)
class Told(CallPattern):
    """The calls of a story: from when to when."""

    calls: tuple[tuple[int, int], ...] = ()

    def until(self, seed: int, now_s: int) -> int:
        return max([0, *(ends for begins, ends in self.calls if begins <= now_s < ends)])


@dataclass(slots=True)
class Play:
    """A story's deeds, done to a model by a fleet that accepts, configures and acknowledges."""

    unit: UnitModel
    now_s: int = NOW_S
    hours: dict[str, int] = field(default_factory=lambda: OPEN)
    version: int = 1
    order: bytes | None = None
    orders: int = 0
    commands: int = 0
    hears: bool = True
    said: list[tuple[float, Message]] = field(default_factory=list)

    def do(self, row: Row) -> None:
        """One row of what was done."""
        what = row["done"]
        if what == "hours":
            self.version, self.hours = self.version + 1, OPEN if row["open"] else CLOSED
            self.take(self.unit.hear(self.now_s, self.configuration()))
        elif what == "order":
            self.order = self.document(
                ORDERED, **{name: row[name] for name in ("not_before", "deadline") if name in row}
            )
            self.check()
        elif what == "taken_back":
            self.order = self.document(None)
            self.check()
        elif what == "check":
            self.check()
        elif what == "fleet":
            self.hears = row["hears"]
        else:
            assert what == "call", row  # the model's own

    def document(self, image: Image | None, **limits: float) -> bytes:
        self.orders += 1
        signed: dict[str, Any] = {"version": self.orders, "expires": _instant(NOW_S + DAY_S), "target": None}
        if image is not None:
            signed["target"] = {"sha256": image.sha256, "board": image.board, "release_counter": image.release_counter}
        signed |= {name: _instant(self.now_s + math.ceil(wait_s)) for name, wait_s in limits.items()}
        return json.dumps({"signed": signed, "signatures": []}).encode()

    def check(self) -> None:
        self.commands += 1
        values = {"command_id": self.commands, "command": COMMANDS.index("check_update"), "argument": 0}
        self.take(self.unit.hear(self.now_s, Message("command", values)))

    def configuration(self) -> Message:
        return Message("configuration", {"config_version": self.version, "heartbeat_s": 1, **self.hours})

    def run(self, until_s: int) -> None:
        """Time passes."""
        while self.unit.next_s <= until_s:
            self.now_s = self.unit.next_s
            self.take(self.unit.wake(self.now_s))
        self.now_s = until_s

    def take(self, said: list[Message]) -> None:
        """Hears the unit out, answers to answers included."""
        while said or self.unit.wants_order:
            if not said:
                said = self.unit.take_order(self.now_s, self.order)
                continue
            message = said.pop(0)
            self.said.append((self.now_s - NOW_S, message))
            if self.hears:
                for answer in self.answers(message):
                    said += self.unit.hear(self.now_s, answer)

    def answers(self, message: Message) -> list[Message]:
        if message.name == "register":
            accepted = {"result": 0, "config_version": self.version, "retry_s": 0, "clock_s": self.now_s}
            return [Message("registered", accepted), self.configuration()]
        if message.name == "heartbeat":
            return []
        return [Message("acknowledge", {"boot_id": message.boot_id, "sequence": message.sequence})]


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def calls_in(rows: list[Row]) -> Told:
    """The calls of a story."""
    changes = [(NOW_S + math.ceil(row["at_s"]), row["up"]) for row in rows if row.get("done") == "call"]
    begun = [at_s for at_s, up in changes if up]
    ended = [at_s for at_s, up in changes if not up]
    return Told(calls=tuple(zip(begun, ended or [NEVER_S] * len(begun), strict=True)))


def played(name: str, rows: list[Row]) -> list[Row]:
    """What the model says to the story."""
    fate = FATES.get(name, Fate.WELL)
    behaviour = Behaviour(
        images={image.sha256: image for image in (OLD, ORDERED)}, odds={ORDERED.version: Odds(((fate, 1.0),))},
        calls=calls_in(rows), load_s=(1, 1), trial_s=(2, 2),
    )  # fmt: skip
    unit = UnitModel(Hardware("PT000000018", bytes(6), "simulated", 1), behaviour, OLD, 1)
    play = Play(unit)
    play.now_s -= BEFORE_S
    play.take(unit.plug_in(play.now_s))
    play.run(NOW_S)
    del play.said[:-1]
    for row in rows:
        if "done" in row:
            play.run(NOW_S + math.ceil(row["at_s"]))
            play.do(row)
    play.run(play.now_s + AFTER_S)
    return list(traces.rows_of(play.said))


def without_calls(rows: list[Row]) -> list[Row]:
    return [row for row in traces.outline(rows) if row.get("says") not in (None, "call_record")]


@pytest.mark.parametrize("name", [name for name in STORIES if name not in NO_NETWORK_FAILS])
def test_the_model_says_what_a_real_unit_said(name: str) -> None:
    rows = traces.load()[name]
    assert without_calls(played(name, rows)) == without_calls(rows)


def test_the_model_says_again_what_was_not_acknowledged_as_a_real_unit_does() -> None:
    rows = traces.load()["repeated"]
    for told in (rows, played("repeated", rows)):
        ends = [row for row in told if row.get("state") == "confirmed"]
        assert [row.get("again", False) for row in ends[:2]] == [False, True]
        assert ends[1]["at_s"] - ends[0]["at_s"] == pytest.approx(20, abs=1.5)
