"""The stories of which there are golden traces: what is done to a real unit, and until what was heard of it.

Each gets a unit in service with nothing to do, a `Telling` that notes what is done, and leaves the unit as it was
found, but for the release it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from protocol.wire.enumerations import UPDATE_STATES
from tests.real_units.listener import Heard
from tests.real_units.stage import ANY_HOUR, RealUnit, other_hours, sources_with
from tests.real_units.traces import Telling
from tools.sim.phone import Phone

STEP_LIMIT_S: Final = 60.0
STAGED_LIMIT_S: Final = 90.0  # what is staged is looked at each minute
SOON_S: Final = 5.0
LATER_S: Final = 15.0  # an update beside a registered line may take a start more
CALL_S: Final = 3.0
DIAL_TONE: Final = (350, 440)
ECHO: Final = "*43"
DOWNLOAD_ENDED: Final = ".img from "  # what a unit notes of a file that did not come
CRASH: Final = ("main.py", "async def _run(handover):\n", "async def _run(handover):\n    raise OSError(handover)\n")
FAILED_TEST: Final = ("adapter/self_test.py", '"ram": lambda: _ram(board),', '"ram": lambda: (1, _ram(board)[1]),')

Wait = Callable[[str, Callable[[Sequence[Heard]], Any], float], Any]
Story = Callable[[RealUnit, Telling], None]


def reported(state: str) -> Callable[[Sequence[Heard]], bool]:
    """Whether an `update_report` of that state came."""
    return lambda said: any(_is_report(each, state) for each in said)


def rests_after(state: str) -> Callable[[Sequence[Heard]], bool]:
    """Whether such a report came, and a heartbeat with nothing to do and nothing to tell behind it."""

    def look(said: Sequence[Heard]) -> bool:
        ends = [at for at, each in enumerate(said) if _is_report(each, state)]
        return bool(ends) and any(_rests(each) for each in said[ends[0] :])

    return look


def _is_report(heard: Heard, state: str) -> bool:
    return heard.message.name == "update_report" and heard.message["state"] == UPDATE_STATES.index(state)


def _rests(heard: Heard) -> bool:
    message = heard.message
    return (
        message.name == "heartbeat"
        and UPDATE_STATES[message["update_state"]] == "idle"
        and not message["waiting_reports"]
    )


def beats(state: str, count: int) -> Callable[[Sequence[Heard]], bool]:
    """Whether so many heartbeats told that update state."""
    number = UPDATE_STATES.index(state)
    return lambda said: (
        sum(each.message.name == "heartbeat" and each.message["update_state"] == number for each in said) >= count
    )


def clean(unit: RealUnit, telling: Telling) -> None:
    """A release is ordered at any hour."""
    version = unit.stage.house.publish_next()
    wait = telling.begin("clean")
    telling.order(version)
    wait("confirmed", rests_after("confirmed"), STEP_LIMIT_S)


def _bad(unit: RealUnit, telling: Telling, name: str, change: tuple[str, str, str]) -> None:
    source = sources_with(unit.stage.folder / f"{name}-{unit.serial}", *change)
    version = unit.stage.house.publish_next(source)
    wait = telling.begin(name)
    telling.order(version)
    wait("reverted", rests_after("reverted"), STEP_LIMIT_S)


def crash(unit: RealUnit, telling: Telling) -> None:
    """A release that crashes as it starts."""
    _bad(unit, telling, "crash", CRASH)


def self_test(unit: RealUnit, telling: Telling) -> None:
    """A release whose self-test fails on every board."""
    _bad(unit, telling, "self_test", FAILED_TEST)


def past(limit_s: float) -> Callable[[Sequence[Heard]], bool]:
    """Whether a heartbeat came that was made more than so many seconds from now, by the unit's own clock."""
    until_s = time.time() + limit_s
    return lambda said: any(each.message.name == "heartbeat" and each.message["clock_s"] > until_s for each in said)


def _stage_it(unit: RealUnit, telling: Telling, name: str, **limits: float) -> tuple[Wait, str]:
    """Up to staged, outside its hours; what waits, and the rollout."""
    version = unit.stage.house.publish_next()
    wait = telling.begin(name)
    telling.note("hours", open=False)
    unit.set_hours(other_hours())
    wait("its hours taken", _says("service_ready", 1), STEP_LIMIT_S)
    rollout = telling.order(version, **limits)
    wait("staged", reported("staged"), STEP_LIMIT_S)
    wait("staged in its heartbeats", beats("staged", 1), STEP_LIMIT_S)
    return wait, rollout


def forced(unit: RealUnit, telling: Telling) -> None:
    """Outside its hours, with a deadline that passes; it is asked to look."""
    deadline = past(SOON_S)
    wait, _ = _stage_it(unit, telling, "forced", deadline=SOON_S)
    wait("the deadline", deadline, STEP_LIMIT_S)
    telling.check(unit)
    wait("confirmed", rests_after("confirmed"), STEP_LIMIT_S)
    unit.set_hours(ANY_HOUR)


def soft(unit: RealUnit, telling: Telling) -> None:
    """Outside its hours, and not before some seconds; then its hours are open, and nobody asks it to look."""
    wait, _ = _stage_it(unit, telling, "soft", not_before=2 * SOON_S)
    telling.note("hours", open=True)
    unit.set_hours(ANY_HOUR)
    wait("confirmed", rests_after("confirmed"), STAGED_LIMIT_S)


def call_while_staged(unit: RealUnit, telling: Telling) -> None:
    """Somebody telephones when the deadline passes; the unit is asked to look, and restarts once they hang up."""
    deadline = past(LATER_S)
    wait, _ = _stage_it(unit, telling, "call_while_staged", deadline=LATER_S)
    with Phone(unit.hand.folder) as phone:
        phone.attach()
        phone.lift()
        if not phone.wait_for(lambda: phone.tones() == DIAL_TONE, STEP_LIMIT_S):
            raise AssertionError(f"no dial tone; heard {phone.tones()}")
        telling.note("call", up=True)
        phone.dial(ECHO)
        unit.board.wait(lambda pins: pins.more.get("line") == "in_call", STEP_LIMIT_S)
        wait("the deadline", deadline, STEP_LIMIT_S)
        telling.check(unit)
        watched = unit.hears_from_now()
        watched("heartbeats in the call", beats("staged", int(CALL_S)), STEP_LIMIT_S)
        phone.hang_up()
        telling.note("call", up=False)
        wait("confirmed", rests_after("confirmed"), STAGED_LIMIT_S)
    unit.set_hours(ANY_HOUR)


def link_down(unit: RealUnit, telling: Telling) -> None:
    """The cable is out while the image comes, and in again."""
    version = unit.stage.house.publish_next()
    wait = telling.begin("link_down")
    telling.order(version)
    unit.board.wait(lambda pins: pins.more.get("update_state") == "downloading", STEP_LIMIT_S)
    log = unit.board.folder.log
    before = len(log.read_text())
    unit.board.set_ethernet(False)
    telling.note("link", up=False)
    unit.hand.wait("the download ended by it", lambda: DOWNLOAD_ENDED in log.read_text()[before:], STEP_LIMIT_S)
    unit.board.set_ethernet(True)
    telling.note("link", up=True)
    wait("confirmed", rests_after("confirmed"), STAGED_LIMIT_S)


def taken_back_before(unit: RealUnit, telling: Telling) -> None:
    """The order is taken back while the handset is lifted, so before the unit could look at it."""
    version = unit.stage.house.publish_next()
    with Phone(unit.hand.folder) as phone:
        phone.attach()
        phone.lift()
        if not phone.wait_for(lambda: phone.tones() == DIAL_TONE, STEP_LIMIT_S):
            raise AssertionError(f"no dial tone; heard {phone.tones()}")
        wait = telling.begin("taken_back_before")
        telling.note("call", up=True)
        rollout = telling.order(version)
        wait("the command answered", _says("command_result", 1), STEP_LIMIT_S)
        telling.stop(rollout)
        wait("the next one answered", _says("command_result", 2), STEP_LIMIT_S)
        phone.hang_up()
        telling.note("call", up=False)
        wait("in service again", _registered_then_idle, STEP_LIMIT_S)


def taken_back_after(unit: RealUnit, telling: Telling) -> None:
    """The order is taken back when the image is staged."""
    wait, rollout = _stage_it(unit, telling, "taken_back_after")
    telling.stop(rollout)
    wait("given up", rests_after("failed"), STEP_LIMIT_S)
    unit.set_hours(ANY_HOUR)


def repeated(unit: RealUnit, telling: Telling) -> None:
    """The fleet does not hear `confirmed` the first time."""
    version = unit.stage.house.publish_next()
    wait = telling.begin("repeated")
    telling.order(version)
    unit.board.wait(lambda pins: pins.version == version and "configured_ms" in pins.more, STEP_LIMIT_S)
    with unit.stage.deaf():
        telling.note("fleet", hears=False)
        wait("confirmed", reported("confirmed"), STEP_LIMIT_S)
        wait("it again", _twice_confirmed, STEP_LIMIT_S)
    telling.note("fleet", hears=True)
    wait("at rest", rests_after("confirmed"), STEP_LIMIT_S)


def _says(name: str, count: int) -> Callable[[Sequence[Heard]], bool]:
    return lambda said: sum(each.message.name == name for each in said) >= count


def _registered_then_idle(said: Sequence[Heard]) -> bool:
    names = [each.message.name for each in said]
    return "register" in names and "heartbeat" in names[names.index("register") :]


def _twice_confirmed(said: Sequence[Heard]) -> bool:
    return sum(_is_report(each, "confirmed") for each in said) > 1


STORIES: Final[Mapping[str, Story]] = {
    story.__name__: story
    for story in (
        clean, crash, self_test, forced, soft, link_down, taken_back_after, repeated,
        taken_back_before, call_while_staged,
    )
}  # fmt: skip
