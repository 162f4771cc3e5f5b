"""No order restarts a unit in a call: real units that talk to each other, with the service and its broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from hil_tests.rig.strategy import State
from protocol.wire.enumerations import LINE_STATES
from tests.real_units.calling import LIMIT_S, Call
from tests.real_units.stage import RealUnit, Stage, in_s, opened, other_hours
from tests.real_units.stories import beats, past, reported
from tools.demo.calling import DIAL_TONE
from tools.sim.phone import Phone

DEADLINE_S = 12.0
BEATS = 3  # of the fleet's heartbeats, a second each
PACKETS_A_S = 45  # of 50
MOST_LOST = 0.02


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
