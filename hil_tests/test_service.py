"""A unit in service: heartbeat, commands, clock, cable and power."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hil_tests.link import Link
from hil_tests.rig.report import Measured
from hil_tests.rig.strategy import Strategy
from protocol.wire.enumerations import UNIT_STATES
from protocol.wire.link_enumerations import LINK_MODES

BEAT_LIMIT_S = 15
BACK_LIMIT_S = 60
SERVING = ("line", "ready")


def _unit(found: Strategy) -> dict[str, Any]:
    unit = found.house.unit(found.serial)
    assert unit is not None
    return unit


def _beat_after(found: Strategy, moment: str) -> dict[str, Any]:
    """The first heartbeat that the fleet received after that one."""

    def look() -> Any:
        beat = _unit(found)["heartbeat"]
        return beat if beat and beat["received_at"] > moment else None

    return found.hand.wait("a heartbeat", look, BEAT_LIMIT_S)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _command(found: Strategy, name: str, argument: int = 0) -> dict[str, Any]:
    """A command's end, as the fleet has it."""
    support = found.house.world.people.admin.client
    sent = support.post(f"/v1/units/{found.serial}/commands", {"command": name, "argument": argument})

    def look() -> Any:
        done = [each for each in _unit(found)["commands"] if each["id"] == sent["id"]]
        return done[0] if done and done[0]["result"] else None

    return found.hand.wait(f"the result of {name}", look, BEAT_LIMIT_S)


def test_tells_the_fleet_how_it_is(active: Strategy, measured: Measured) -> None:
    beat = _beat_after(active, _now())
    measured("free heap, by its heartbeat", beat["free_heap_bytes"], "bytes")
    assert beat["state"] in SERVING
    assert beat["slot"] in (0, 1)
    assert beat["free_heap_bytes"] > 10_000


def test_beats_again_and_again(active: Strategy) -> None:
    first = _beat_after(active, "")
    second = _beat_after(active, first["received_at"])
    assert second["uptime_s"] >= first["uptime_s"]


def test_says_its_state_on_usb(active: Strategy, link: Link) -> None:
    hello = link.ask("hello")
    assert LINK_MODES[hello["mode"]] == "locked"
    assert UNIT_STATES[hello["state"]] in SERVING
    assert hello["version"] == _unit(active)["version"]


def test_told_the_fleet_how_long_the_way_into_service_took(active: Strategy, measured: Measured) -> None:
    ready = _unit(active)["ready"]
    measured("link to configured", ready["configured_ms"], "ms")
    measured("TLS handshake", ready["tls_ms"], "ms")
    assert 0 < ready["configured_ms"] < 60_000
    assert 0 < ready["tls_ms"] < ready["configured_ms"]


def test_tests_itself_on_command(active: Strategy, measured: Measured) -> None:
    with measured.timed("command to result"):
        done = _command(active, "self_test")
    assert done["result"] == "done", done


@pytest.mark.needs("light")
def test_shows_itself_on_command(active: Strategy) -> None:
    support = active.house.world.people.admin.client
    support.post(f"/v1/units/{active.serial}/commands", {"command": "identify", "argument": 2})
    active.hand.wait("flicker", lambda: active.hand.simulated.pins().led == "flicker", BEAT_LIMIT_S)
    active.hand.wait("the light as before", lambda: active.hand.simulated.pins().led != "flicker", BEAT_LIMIT_S)


def test_restarts_on_command_and_comes_back(active: Strategy, measured: Measured) -> None:
    before = _beat_after(active, "")["uptime_s"]
    with measured.timed("command to service again"):
        _command(active, "restart")
        active.hand.wait("service after the restart", lambda: _serves(active), BACK_LIMIT_S)
    beat = _beat_after(active, _now())
    assert beat["uptime_s"] <= max(before, BEAT_LIMIT_S)


@pytest.mark.needs("ethernet", "light")
def test_says_by_its_light_that_the_cable_is_out_and_comes_back_by_itself(active: Strategy, measured: Measured) -> None:
    hand = active.hand
    hand.ethernet.off()
    with measured.timed("cable out to its light"):
        hand.wait("one flash", lambda: hand.simulated.pins().led == "one_flash", BACK_LIMIT_S)
    with measured.timed("cable in to service"):
        hand.ethernet.on()
        hand.wait("service again", lambda: _serves(active), BACK_LIMIT_S)
    assert hand.simulated.pins().led == "on"


@pytest.mark.needs("power")
def test_comes_back_by_itself_after_a_power_cut(active: Strategy, measured: Measured) -> None:
    hand = active.hand
    hand.power.off()
    with measured.timed("power to service"):
        hand.power.on()
        hand.wait("service again", lambda: _serves(active), BACK_LIMIT_S)
    _beat_after(active, _now())


@pytest.mark.needs("faults")
def test_comes_back_by_itself_after_its_program_was_killed(active: Strategy, measured: Measured) -> None:
    board = active.hand.simulated
    before = board.pins().boots
    board.kill_unit()
    with measured.timed("killed to service"):
        board.wait(lambda pins: pins.boots > before and pins.state in SERVING, BACK_LIMIT_S)


def _serves(found: Strategy) -> bool:
    hello = found.hand.hello()
    return bool(hello is not None and hello.name == "hello_reply" and UNIT_STATES[hello["state"]] in SERVING)
