"""No order restarts a unit in a call: real units that talk to each other, with the service and its broker."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from hil_tests.rig.strategy import State
from protocol.wire.enumerations import LINE_STATES
from tests.real_units.stage import RealUnit, Stage, in_s, opened, other_hours
from tests.real_units.stories import beats, past, reported
from tools.demo.calling import DIAL_TONE
from tools.sim.phone import Phone

LIMIT_S = 45.0
DEADLINE_S = 12.0
BEATS = 3  # of the fleet's heartbeats, a second each
RATE_HZ = 8000
BEEPS_HZ = (1400, 950)
PACKETS_A_S = 45  # of 50
MOST_LOST = 0.02


def beep(hertz: int) -> bytes:
    """A second of it."""
    return struct.pack(
        f"<{RATE_HZ}h", *(int(6000 * math.sin(2 * math.pi * hertz * at / RATE_HZ)) for at in range(RATE_HZ))
    )


class Call:
    """Two units that talk; each is watched: no start since the call began."""

    def __init__(self, caller: RealUnit, called: RealUnit, stack: ExitStack) -> None:
        self.units = (caller, called)
        self.phones = [stack.enter_context(Phone(unit.hand.folder)) for unit in self.units]
        for phone in self.phones:
            phone.attach()
        one, other = self.phones
        one.lift()
        assert one.wait_for(lambda: one.tones() == DIAL_TONE, LIMIT_S), one.tones()
        one.dial(number_of(called), 60, 60)
        assert other.wait_for(lambda: other.ringing, LIMIT_S)
        other.lift()
        for unit in self.units:
            unit.board.wait(lambda pins: pins.more.get("line") == "in_call", LIMIT_S)
        self._processes = [unit.board.pins().pid for unit in self.units]

    def goes_on(self) -> None:
        """Both hear each other, and neither has started again."""
        for phone, hertz in zip(self.phones, BEEPS_HZ, strict=True):
            phone.say(beep(hertz))
        for phone, hertz in zip(self.phones, reversed(BEEPS_HZ), strict=True):
            assert phone.wait_for(lambda phone=phone, hertz=hertz: phone.tones() == (hertz,), LIMIT_S), phone.tones()  # type: ignore[misc]
        pins = [unit.board.pins() for unit in self.units]
        assert [each.pid for each in pins] == self._processes
        assert [each.more["line"] for each in pins] == ["in_call", "in_call"]

    def hang_up(self) -> None:
        """The caller ends it, then the other puts the handset down."""
        for phone in self.phones:
            phone.hang_up()


def number_of(unit: RealUnit) -> str:
    """As a neighbour dials it."""
    people = unit.stage.house.world.people
    listed = people.registrar.client.download(f"/v1/subscribers?format=json&serial={unit.serial}")
    return str(json.loads(listed)["user"]).removeprefix("+1")


def record_of(unit: RealUnit) -> dict[str, Any]:
    """The fleet's record of its last call, once it has one."""
    client = unit.stage.house.world.people.support.client

    def look() -> Any:
        return next((call for call in client.items(f"/v1/units/{unit.serial}/calls") if call["duration_ms"]), None)

    found: dict[str, Any] = unit.hand.wait("the record of the call", look, LIMIT_S)
    return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with opened(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture(scope="module")
def units(stage: Stage) -> tuple[RealUnit, RealUnit]:
    return stage.unit("one", State.REGISTERED), stage.unit("other", State.REGISTERED)


def test_neither_a_deadline_that_passes_nor_an_urgent_order_restarts_a_unit_in_a_call(
    stage: Stage, units: tuple[RealUnit, RealUnit]
) -> None:
    """The caller has its image staged and its deadline passes; the called one is sent an urgent order meanwhile."""
    staged, urgent = units
    staged.set_hours(other_hours())
    urgent.set_hours(other_hours())
    first, second = stage.house.publish_next(), stage.house.publish_next(security=True)
    waits = [unit.hears_from_now() for unit in units]
    deadline = past(DEADLINE_S)
    stage.order(first, [staged.serial], deadline=in_s(DEADLINE_S))
    waits[0]("staged", beats("staged", 1), LIMIT_S)
    with ExitStack() as stack:
        call = Call(staged, urgent, stack)
        call.goes_on()
        stage.order(second, [urgent.serial], urgent=True)
        waits[0]("its deadline", deadline, LIMIT_S)
        for unit in units:
            unit.command("check_update")  # each looks now, and not only at the end of its minute
        watched = [unit.hears_from_now() for unit in units]
        for watch in watched:
            watch("heartbeats in the call", in_call(BEATS), LIMIT_S)
            call.goes_on()
        call.hang_up()
        for wait in waits:
            wait("confirmed", reported("confirmed"), 2 * LIMIT_S)
    for unit, version in zip(units, (first, second), strict=True):
        assert stage.house.world.unit(unit.serial)["version"] == version
        sound_went_on(record_of(unit))


def in_call(count: int) -> Any:
    """Whether so many heartbeats told of a call, each of a longer life than the one before."""

    def look(said: Any) -> bool:
        lives = [each.message["uptime_s"] for each in said if each.message.name == "heartbeat"]
        lines = {LINE_STATES[each.message["line_state"]] for each in said if each.message.name == "heartbeat"}
        return len(lives) >= count and lives == sorted(lives) and lines == {"in_call"}

    return look


def sound_went_on(record: dict[str, Any]) -> None:
    assert record["ended_by"] in ("us", "peer"), record
    assert record["packets_received"] >= PACKETS_A_S * record["duration_ms"] / 1000, record
    assert record["packets_lost"] <= MOST_LOST * record["packets_received"], record


def test_a_handset_lifted_as_the_unit_arms_finds_dial_tone_after_the_restart_and_nothing_ends_it(
    stage: Stage, units: tuple[RealUnit, RealUnit]
) -> None:
    """From the decision to the restart nobody else has a turn, so no call can begin; and on trial none is ended."""
    unit, _ = units
    unit.start_anew()
    version = stage.house.publish_next()
    wait = unit.hears_from_now()
    with Phone(unit.hand.folder) as phone:
        phone.attach()
        stage.order(version, [unit.serial], mode="forced")
        unit.board.wait(lambda pins: pins.more.get("update_state") in ("armed", "trial"), LIMIT_S)
        phone.lift()
        assert phone.wait_for(lambda: phone.tones() == DIAL_TONE, LIMIT_S)
        pid = unit.board.pins().pid
        wait("heartbeats with the handset lifted", beats("trial", BEATS), LIMIT_S)
        assert unit.board.pins().pid == pid
        phone.hang_up()
        wait("confirmed", reported("confirmed"), 2 * LIMIT_S)
    assert stage.house.world.unit(unit.serial)["version"] == version
