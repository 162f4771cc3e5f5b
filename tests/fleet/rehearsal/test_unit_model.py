"""What a simulated unit says, in which order, and that it never restarts by itself in a call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.domain.rollout import REPORTED, STATE_OF_REPORT, UnitState
from fleet.rehearsal.behaviour import (
    DAY_S,
    NEVER_S,
    Absence,
    Background,
    Behaviour,
    CallPattern,
    Fate,
    Image,
    Odds,
)
from fleet.rehearsal.unit_model import UnitModel
from fleet.rehearsal.unit_session import Hardware
from protocol.wire.enumerations import BOOT_REASONS, COMMANDS, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import Message, pack, unpack
from tests.fleet.services.fleet_of_units import serial_of

NOW_S = int(datetime(2026, 3, 2, 15, 0, tzinfo=UTC).timestamp())
FROM_S = NOW_S - NOW_S % DAY_S + 7 * 3600  # 02:00 in New York
UNTIL_S = FROM_S + 3 * 3600
OLD, NEW = (Image(f"{n}.0.0", n, f"{n}" * 64, "simulated") for n in (1, 2))
OTHER_BOARD = Image("2.0.0", 2, "3" * 64, "wide")
IMAGES = {image.sha256: image for image in (OLD, NEW, OTHER_BOARD)}
MAX_STEPS = 2000
ENDS = {UnitState.CONFIRMED, UnitState.REVERTED}


def model(fate: Fate = Fate.WELL, seed: int = 1, **changed: Any) -> UnitModel:
    behaviour = Behaviour(images=IMAGES, odds={NEW.version: Odds(((fate, 1.0),))}, **changed)
    return UnitModel(Hardware(serial_of(1), bytes(6), "simulated", 1), behaviour, OLD, seed)


def document(sequence: int, image: Image | None, **times: int) -> bytes:
    """A director's file, not signed."""
    signed: dict[str, Any] = {"version": sequence, "expires": instant(NOW_S + 14 * DAY_S), "target": None}
    if image is not None:
        signed["target"] = {"sha256": image.sha256, "board": image.board, "release_counter": image.release_counter}
    signed |= {name: instant(at_s) for name, at_s in times.items()}
    return json.dumps({"signed": signed, "signatures": []}).encode()


def instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Fleet:
    """Accepts, configures and acknowledges as the gateway does; `deaf`: messages it loses."""

    unit: UnitModel
    now_s: int = NOW_S
    document: bytes | None = None
    deaf: int = 0
    heard: list[Message] = field(default_factory=list)
    commands: int = 0

    def take(self, said: list[Message]) -> None:
        """Hear it out, answers to answers included."""
        while said or self.unit.wants_order:
            if not said:
                said = self.unit.take_order(self.now_s, self.document)
                continue
            message = said.pop(0)
            packed = pack(message.name, message.values, message.boot_id, message.sequence)
            assert unpack(packed).values == message.values
            if self.deaf:
                self.deaf -= 1
                continue
            self.heard.append(message)
            for answer in self._answers(message):
                said += self.unit.hear(self.now_s, answer)

    def check_update(self) -> None:
        self.commands += 1
        values = {"command_id": self.commands, "command": COMMANDS.index("check_update"), "argument": 0}
        self.take(self.unit.hear(self.now_s, Message("command", values)))

    def run(self, until_s: int) -> None:
        """Let time pass, as often as the unit wants to be called."""
        for _ in range(MAX_STEPS):
            if self.unit.next_s > until_s:
                self.now_s = until_s
                return
            assert self.unit.next_s >= self.now_s
            self.now_s = self.unit.next_s
            self.take(self.unit.wake(self.now_s))
        raise AssertionError(f"{MAX_STEPS} steps until {self.now_s}, and no end: {self.unit}")

    def said(self) -> list[str]:
        """What was heard but for heartbeats, in words."""
        return [in_words(message) for message in self.heard if message.name != "heartbeat"]

    def _answers(self, message: Message) -> list[Message]:
        if message.name == "register":
            hours = {"maintenance_from_s": FROM_S, "maintenance_until_s": UNTIL_S}
            accepted = {"result": 0, "config_version": 1, "retry_s": 0, "clock_s": self.now_s}
            configured = {"config_version": 1, "heartbeat_s": 7200} | hours
            return [Message("registered", accepted), Message("configuration", configured)]
        if message.name == "heartbeat":
            return []
        return [Message("acknowledge", {"boot_id": message.boot_id, "sequence": message.sequence})]


def in_words(message: Message) -> str:
    if message.name == "register":
        return f"register {BOOT_REASONS[message['boot_reason']]} {message['version']}"
    if message.name == "update_report":
        reason = UPDATE_REASONS[message["reason"]]
        return f"{UPDATE_STATES[message['state']]}{'' if reason == 'none' else ' ' + reason}"
    return message.name


def begun(unit: UnitModel, order: bytes | None = None) -> Fleet:
    """A unit in service that is asked to look for that order."""
    fleet = Fleet(unit, document=order)
    fleet.take(unit.plug_in(NOW_S))
    if order is not None:
        fleet.check_update()
    return fleet


BEGINNING = ["register power_on 1.0.0", "service_ready", "command_result"]
LOADED = ["register power_on 1.0.0", "downloading", "staged"]


@pytest.mark.parametrize(
    ("fate", "rest"),
    [
        (Fate.WELL, ["register update_trial 2.0.0", "service_ready", "confirmed"]),
        (
            Fate.REVERTS,
            [
                "register update_trial 2.0.0",
                "service_ready",
                "register restart 1.0.0",
                "service_ready",
                "reverted self_test",
            ],
        ),
        (Fate.CRASHES, ["register update_revert 1.0.0", "service_ready", "reverted crash"]),
        (Fate.GOES_DARK, []),
        (
            Fate.CRASH_LOOPS,
            ["register update_trial 2.0.0", "service_ready", "confirmed"]
            + ["register crash 2.0.0", "service_ready"] * 4,
        ),
    ],
)
def test_an_update_is_told_in_the_firmwares_order(fate: Fate, rest: list[str]) -> None:
    fleet = begun(model(fate), document(7, NEW))
    fleet.run(NOW_S + 3 * DAY_S)
    assert sorted(fleet.said()) == sorted(BEGINNING + LOADED + rest)
    assert [each for each in fleet.said() if each != "service_ready"] == [
        each for each in BEGINNING + LOADED + rest if each != "service_ready"
    ]
    assert fleet.unit.image == (NEW if fate in {Fate.WELL, Fate.CRASH_LOOPS, Fate.GOES_DARK} else OLD)
    assert not fleet.unit.session.waiting
    for message in fleet.heard:
        if message.name == "update_report":
            assert (message["assignment"], message["target_sha256"].hex()) == (7, NEW.sha256)


def test_it_restarts_in_its_hours_only_and_from_the_deadline_on_at_any_hour() -> None:
    in_hours = begun(model(), document(7, NEW))
    in_hours.run(NOW_S + 2 * DAY_S)
    ((restarted_s, reason),) = in_hours.unit.restarts
    assert reason == "update_trial"
    assert FROM_S + DAY_S <= restarted_s <= FROM_S + DAY_S + 61
    hurried = begun(model(), document(7, NEW, deadline=NOW_S + 3600))
    hurried.run(NOW_S + 2 * DAY_S)
    assert NOW_S + 3600 <= hurried.unit.restarts[0][0] <= NOW_S + 3661
    later = begun(model(), document(7, NEW, not_before=FROM_S + DAY_S + 4 * 3600))
    later.run(NOW_S + 3 * DAY_S)
    assert FROM_S + 2 * DAY_S <= later.unit.restarts[0][0] <= FROM_S + 2 * DAY_S + 61


def test_it_waits_for_the_end_of_a_call_and_of_the_next_one() -> None:
    calls = CallPattern(24.0, 3600)
    seed = next(seed for seed in range(100) if calls.until(seed, calls.until(seed, NOW_S)) > NOW_S + 1800)
    fleet = begun(model(calls=calls, seed=seed), document(7, NEW, deadline=NOW_S))
    fleet.run(NOW_S + 4 * DAY_S)
    ((restarted_s, _),) = fleet.unit.restarts
    assert not calls.until(seed, restarted_s)
    assert restarted_s >= calls.until(seed, calls.until(seed, NOW_S))
    assert fleet.said()[-1] == "confirmed"


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ([document(7, OTHER_BOARD)], ["failed wrong_board"]),
        ([document(7, Image("9", 9, "9" * 64, "simulated"))], ["failed mismatch"]),
        ([document(7, OLD)], []),
        ([document(7, None)], []),
        ([None], []),
        ([document(7, NEW), document(6, NEW)], ["failed rollback"]),
        ([document(7, OTHER_BOARD), document(7, OTHER_BOARD)], ["failed wrong_board"]),
    ],
)
def test_what_it_will_not_have_is_told_once(orders: list[bytes | None], said: list[str]) -> None:
    fleet = begun(model())
    for order in orders:
        fleet.document = order
        fleet.check_update()
        fleet.run(fleet.now_s + 3600)
    told = [each for each in fleet.said() if each.startswith("failed")]
    assert told == said
    assert fleet.unit.image == OLD


def test_an_order_that_is_taken_back_is_given_up() -> None:
    fleet = begun(model(), document(7, NEW))
    fleet.run(NOW_S + 3600)
    fleet.document = document(8, None)
    fleet.check_update()
    fleet.run(NOW_S + 3 * DAY_S)
    assert fleet.said()[-1] == "failed cancelled"
    assert fleet.unit.restarts == []


def test_an_image_that_went_back_is_refused_from_then_on() -> None:
    fleet = begun(model(Fate.REVERTS), document(7, NEW))
    fleet.run(NOW_S + 2 * DAY_S)
    fleet.document = document(8, NEW)
    fleet.check_update()
    fleet.run(NOW_S + 4 * DAY_S)
    assert fleet.said()[-1] == "failed refused_before"
    assert len(fleet.unit.restarts) == 2


def test_what_nobody_heard_is_said_again() -> None:
    fleet = begun(model(), document(7, NEW))
    fleet.run(FROM_S + DAY_S - 60)
    fleet.deaf = 3
    fleet.run(NOW_S + 2 * DAY_S)
    assert fleet.said()[-1] == "confirmed"


def test_it_is_away_at_its_times_and_goes_on_where_it_was() -> None:
    away = Absence(DAY_S, 8 * 3600, FROM_S - 7 * 3600)  # in the middle of its hours it comes back
    fleet = begun(model(absence=away), document(7, NEW))
    fleet.run(NOW_S + 3 * DAY_S)
    assert "confirmed" in fleet.said()
    assert fleet.unit.restarts[0][0] >= FROM_S + DAY_S + 3600
    for message in fleet.heard:
        if "clock_s" in message.values:
            assert not away.until(message["clock_s"])


def test_trouble_comes_at_its_rate_and_is_the_same_for_all_releases() -> None:
    background = Background(rate_a_day=0.5, silent=0.5)
    starts = 0
    for seed in range(30):
        fleet = begun(model(seed=seed, background=background))
        fleet.run(NOW_S + 20 * DAY_S)
        starts += sum(each.startswith("register") for each in fleet.said()) - 1
    assert 110 < starts < 300  # 300 without the silences in between


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    fate=st.sampled_from(Fate),
    calls=st.sampled_from([CallPattern(), CallPattern(30.0, 1800), CallPattern(2.5, 7200)]),
    absence=st.sampled_from([None, Absence(DAY_S, 8 * 3600, 4 * 3600), Absence(7 * DAY_S, 2 * DAY_S)]),
    trouble=st.sampled_from([0.0, 0.5, 3.0]),
    look_s=st.sampled_from([0, DAY_S]),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["pass", "check", "order", "recall", "lose", "wake", "stray"]), st.integers(0, 2 * DAY_S)
        ),
        max_size=25,
    ),
)
def test_whatever_comes_in_whatever_order_it_keeps_its_rules(
    seed: int,
    fate: Fate,
    calls: CallPattern,
    absence: Absence | None,
    trouble: float,
    look_s: int,
    steps: list[tuple[str, int]],
) -> None:
    background = Background(trouble, 0.5)
    unit = model(fate, seed, calls=calls, absence=absence, background=background, look_s=look_s)
    fleet, sequence = begun(unit), 0
    for what, amount in steps:
        if what == "pass":
            fleet.run(fleet.now_s + amount)
        elif what == "check":
            fleet.check_update()
        elif what in {"order", "recall"}:
            sequence += 1
            fleet.document = document(sequence, NEW if what == "order" else None)
            fleet.check_update()
        elif what == "lose":
            fleet.deaf = amount % 5
        elif what == "wake":  # called when it did not ask for it
            fleet.take(unit.wake(fleet.now_s))
        else:
            fleet.take(unit.hear(fleet.now_s, Message("acknowledge", {"boot_id": amount, "sequence": 1})))
    fleet.run(fleet.now_s + 16 * DAY_S)  # past the order
    for restarted_s, _ in unit.restarts:
        assert not calls.until(unit.seed, restarted_s)
    check_reports(fleet)
    if unit.next_s != NEVER_S and unit.session.online:
        assert unit.state in {"idle", "staged"}
    names = [(message.boot_id, message.sequence) for message in fleet.heard if message.name == "register"]
    assert len(names) == len(set(names))


def check_reports(fleet: Fleet) -> None:
    """Each assignment's reports, a repetition aside, are moves that a rollout knows."""
    states: dict[int, UnitState] = {}
    seen: set[tuple[int, int]] = set()
    for message in fleet.heard:
        if message.name != "update_report" or (message.boot_id, message.sequence) in seen:
            continue
        seen.add((message.boot_id, message.sequence))
        told = STATE_OF_REPORT[UPDATE_STATES[message["state"]]]
        before = states.get(message["assignment"], UnitState.ASSIGNED)
        if told is UnitState.FAILED and before in ENDS:
            continue  # of an order that it looked at again, and that has expired: old news for the fleet
        assert told is before or told in REPORTED[before], (before, told, fleet.said())
        states[message["assignment"]] = told
