"""A whole unit without a cable: through the computer on its USB port it registers, calls, updates, and changes over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil_tests.rig.usb_bridge import BridgeProcess
from protocol.wire.enumerations import CALL_ENDS, LINE_STATES
from tests.firmware.bridge_process import bridge_at
from tests.firmware.loopback_fleet import loopback_fleet
from tests.firmware.pace import Pace, capture_wanted
from tests.firmware.plugged_unit import PluggedUnit
from tests.firmware.test_calls_in_service import Office
from tests.firmware.updating_board import images, update

PACED_S = 4
TRIES = 5  # at what other processes may spoil
LOST_S = 3.0
UPDATING_KB = 232  # docs/usb-bridge.md: the bridge takes more than the simulated board leaves for sure
NOTICED_S = 1.5  # of looks at the link, by the unit and by this test


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(stack, tmp_path_factory.mktemp("office"), by_usb=True)


def bridge_of(office: Office) -> BridgeProcess:
    assert office.bridge
    return office.bridge


def wait_ready(unit: PluggedUnit) -> None:
    unit.wait(lambda pins: pins.get("state") == "ready" and pins.get("line") == "registered")


def test_a_unit_without_a_cable_gets_ready_by_usb(office: Office) -> None:
    assert LINE_STATES[office.ready["line_state"]] == "registered"
    bridge_of(office).wait_for("unit_attached")
    bridge_of(office).wait_for("flow_opened", kind="tcp", port=office.fleet.port)


def test_a_call_is_heard_both_ways(office: Office) -> None:
    office.call()
    assert office.is_heard()
    record = office.hang_up()
    assert (CALL_ENDS[record["ended_by"]], record["packets_lost"]) == ("us", 0)


def test_packets_of_a_call_leave_on_time(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    capture_wanted()
    office.call()
    ours, theirs = office.exchange.audio_ports[-2:]
    free_bytes = office.fleet.wait_for("heartbeat")["free_heap_bytes"]
    seen = []
    for _ in range(TRIES):
        with Pace() as pace:
            time.sleep(PACED_S)
        assert pace.flows()[ours, theirs] >= 45 * PACED_S
        assert pace.flows()[theirs, ours] >= 45 * PACED_S
        seen.append(pace.p99_ms((ours, theirs)))
        if seen[-1] < 5:
            break
    office.hang_up()
    with capsys.disabled():
        print(f"\nby USB, in a call: p99 pacing error {seen} ms, {free_bytes} B of heap free")
    assert seen[-1] < 5


def test_a_bridge_that_was_killed_is_missed_in_3_s_and_back_with_a_new_session(office: Office) -> None:
    bridge, unit = bridge_of(office), office.unit
    mark = len(bridge.events)
    bridge.kill()
    killed = time.monotonic()
    unit.wait(lambda pins: pins.get("state") == "link")
    assert time.monotonic() - killed < LOST_S + NOTICED_S
    bridge.start()
    bridge.wait_for("unit_attached", mark)
    office.fleet.wait_for("register")
    wait_ready(unit)


def test_a_cable_takes_over_and_usb_serves_again_when_it_is_out(office: Office) -> None:
    bridge, unit = bridge_of(office), office.unit
    mark = len(bridge.events)
    unit.set_ethernet(True)
    bridge.wait_for("unit_lost", mark, why="the unit has an Ethernet link")
    office.fleet.wait_for("register")
    mark = len(bridge.events)
    unit.set_ethernet(False)
    bridge.wait_for("unit_attached", mark)
    office.fleet.wait_for("register")
    wait_ready(unit)


def test_a_locked_unit_on_the_bridge_still_answers_hello(office: Office) -> None:
    bridge = bridge_of(office)
    bridge.kill()
    reply = office.unit.ask("hello", 1)
    assert reply["serial"] == office.unit.serial
    mark = len(bridge.events)
    bridge.start()
    bridge.wait_for("unit_attached", mark)


def test_an_update_comes_over_usb(tmp_path: Path) -> None:
    found = update(tmp_path / "updated", *images(), UPDATING_KB, by_delta=False, by_usb=True)
    assert found.how.startswith("whole")


def test_a_unit_that_was_unplugged_is_found_again(tmp_path: Path) -> None:
    with ExitStack() as stack:
        fleet = stack.enter_context(loopback_fleet(tmp_path))
        unit = PluggedUnit.create(tmp_path / "unit", fleet)
        stack.callback(unit.cut_power)
        port = tmp_path / "port"
        unit.set_ethernet(False)
        unit.start()
        port.symlink_to(unit.usb)
        bridge = stack.enter_context(bridge_at(str(port)))
        fleet.wait_for("register")
        mark = len(bridge.events)
        port.unlink()
        unit.cut_power()
        bridge.wait_for("port_closed", mark)
        unit.start()
        port.symlink_to(unit.usb)
        bridge.wait_for("unit_attached", mark)
        fleet.wait_for("register")
