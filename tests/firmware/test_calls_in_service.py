"""A whole unit with its line: what goes on behind a call does not touch it, and the fleet learns of it."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from protocol.wire.enumerations import BOOT_REASONS, CALL_ENDS, COMMANDS, LINE_STATES
from tests.firmware.bridge_process import bridge_at
from tests.firmware.exchange import UdpExchange
from tests.firmware.loopback_fleet import LoopbackFleet, loopback_fleet
from tests.firmware.pace import Pace, capture_wanted
from tests.firmware.plugged_unit import PluggedUnit
from tests.firmware.voice_accounts import account
from tests.firmware.voice_board import VoiceBoard, undisturbed
from tools.sim.phone import Phone

A, B = "5550100", "5550101"
DIAL_TONE = (350, 440)
BEEP_HZ = 1400
BEEP = struct.pack("<8000h", *(int(6000 * math.sin(2 * math.pi * BEEP_HZ * at / 8000)) for at in range(8000)))
PACED_S = 5
MEASURED_S = 2
TRIES = 5  # at what other processes may spoil
MOST_OF_A_CORE = {"at rest": 0.015, "in a call": 0.02}  # LINE's limit for a call, with the fleet's session beside it
REGISTERED_MS = 150


class Office:
    """A unit of the fleet's with a telephone, and a board to call; `by_usb`: a bridge in place of its cable."""

    def __init__(self, stack: ExitStack, folder: Path, by_usb: bool = False) -> None:
        self.exchange = stack.enter_context(UdpExchange())
        (folder / "fleet").mkdir()
        self.fleet: LoopbackFleet = stack.enter_context(loopback_fleet(folder / "fleet"))
        self.fleet.heartbeat_s = 1
        self.fleet.line_level = "full"
        self.fleet.voice = [account(A, self.exchange.port)]
        self.unit = PluggedUnit.create(folder / "unit", self.fleet)
        stack.callback(self.unit.cut_power)
        self.phone = stack.enter_context(Phone(folder / "unit"))
        self.far = stack.enter_context(VoiceBoard(folder / "far", account(B, self.exchange.port)))
        self.unit.set_ethernet(not by_usb)
        self.unit.start(prefix=undisturbed())
        self.bridge = stack.enter_context(bridge_at(self.unit.usb)) if by_usb else None
        self.ready = self.fleet.wait_for("service_ready")
        self.far.wait_line("registered")
        self.phone.attach()
        self.far.phone.attach()

    def call(self) -> None:
        """The unit's telephone calls the board's, which is lifted."""
        mark, ports = len(self.far.events), len(self.exchange.audio_ports)
        self.phone.lift()
        assert self.phone.wait_for(lambda: self.phone.tones() == DIAL_TONE, 5)
        self.phone.dial(B, 60, 60)
        assert self.far.phone.wait_for(lambda: self.far.phone.ringing, 10)
        self.far.phone.lift()
        self.far.wait_media(after=mark)
        self.unit.wait(lambda pins: pins.get("line") == "in_call")
        # The far end has media before its answer went by the exchange, and the line counts as in a call as it dials.
        assert self.phone.wait_for(lambda: len(self.exchange.audio_ports) >= ports + 2, 5)

    def is_heard(self) -> bool:
        """The unit's telephone hears what is said at the other end, and the other way round."""
        ours, theirs = self.phone, self.far.phone
        ours.say(BEEP)
        theirs.say(BEEP)
        return ours.wait_for(lambda: ours.tones() == (BEEP_HZ,), 5) and theirs.wait_for(
            lambda: theirs.tones() == (BEEP_HZ,), 5
        )

    def hang_up(self) -> dict[str, Any]:
        """Ends the call; the record that the fleet gets of it."""
        self.phone.hang_up()
        record = self.fleet.wait_for("call_record")
        self.far.phone.hang_up()
        self.unit.wait(lambda pins: pins.get("line") == "registered")
        return dict(record.values)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(stack, tmp_path_factory.mktemp("office"))


def test_a_unit_is_ready_with_its_line_registered(office: Office) -> None:
    assert LINE_STATES[office.ready["line_state"]] == "registered"


def test_packets_leave_on_time_while_heartbeats_run_and_the_record_reaches_the_fleet(office: Office) -> None:
    capture_wanted()
    office.call()
    flow = tuple(office.exchange.audio_ports[-2:])
    seen = []
    for _ in range(TRIES):
        office.fleet.wait_for("heartbeat")
        with Pace() as pace:
            time.sleep(PACED_S)
        assert office.fleet.wait_for("heartbeat")
        seen.append(pace.p99_ms((flow[0], flow[1])))
        assert pace.flows()[flow[0], flow[1]] >= 45 * PACED_S
        if seen[-1] < 2:
            break
    else:
        pytest.fail(f"p99 of {seen} ms")
    record = office.hang_up()
    assert (record["number"], record["direction"], CALL_ENDS[record["ended_by"]]) == (B, 0, "us")
    assert record["duration_ms"] >= 1000 * PACED_S
    assert record["packets_lost"] == 0
    assert abs(record["started_s"] - time.time()) < 120


def share_of_a_core(unit: PluggedUnit, limit: float) -> float:
    """The least of some windows' shares, up to the first that is within `limit`."""
    shares = []
    for _ in range(TRIES):
        before_s, since_s = unit.cpu_s, time.monotonic()
        time.sleep(MEASURED_S)
        shares.append((unit.cpu_s - before_s) / (time.monotonic() - since_s))
        if shares[-1] <= limit:
            break
    return min(shares)


def test_a_call_takes_a_whole_unit_at_most_2_percent_of_a_core(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its session with the fleet, over TLS, and a heartbeat a second; the line alone is measured in test_voice."""
    shares = {"at rest": share_of_a_core(office.unit, MOST_OF_A_CORE["at rest"])}
    office.call()
    shares["in a call"] = share_of_a_core(office.unit, MOST_OF_A_CORE["in a call"])
    office.hang_up()
    with capsys.disabled():
        print("\nof a core, the whole unit: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()))
    assert all(share <= MOST_OF_A_CORE[name] for name, share in shares.items())


def test_a_call_outlives_the_fleets_broker_and_an_assigned_update(office: Office) -> None:
    office.call()
    assert office.is_heard()
    office.fleet.send(office.unit.serial, "command", command_id=7, command=COMMANDS.index("check_update"), argument=0)
    time.sleep(1)
    assert office.is_heard()
    office.fleet.stop_broker()
    time.sleep(1)
    assert office.is_heard()
    office.fleet.start_broker()
    time.sleep(1)
    assert office.is_heard()
    assert office.unit.pins["line"] == "in_call"
    assert CALL_ENDS[office.hang_up()["ended_by"]] == "us"


def test_one_call_after_the_other_leaves_heap_for_the_next(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """The SIP of a call that is over is kept for 32 s: it is little."""
    left = []
    for _ in range(7):
        office.call()
        office.hang_up()
        left.append(int(office.fleet.wait_for("heartbeat")["free_heap_bytes"]))
    with capsys.disabled():
        print(f"\nfree heap after each of {len(left)} calls in a row: {left}")
    assert min(left) >= 16 * 1024


def test_service_is_ready_with_a_new_account_only_once_that_is_registered(office: Office) -> None:
    office.call()
    old = list(office.fleet.voice)
    office.fleet.voice = [old[0] | {"user": "5550109", "auth_user": "5550109"}]
    office.fleet.config_version = 2
    office.fleet.configure(office.unit.serial)
    time.sleep(1)
    assert "5550109" not in office.exchange.bindings  # the call is still the old account's
    assert "service_ready" not in [message.name for _, message in list(office.fleet.received.queue)]
    office.phone.hang_up()
    ready = office.fleet.wait_for("service_ready")
    office.far.phone.hang_up()
    assert ready["config_version"] == 2
    assert "5550109" in office.exchange.bindings


def test_a_restart_waits_for_the_end_of_the_call(office: Office) -> None:
    office.call()
    office.fleet.send(office.unit.serial, "command", command_id=8, command=COMMANDS.index("restart"), argument=0)
    office.fleet.wait_for("command_result")
    time.sleep(2.5)
    assert office.is_heard()
    office.phone.hang_up()
    assert office.unit.wait_exit() == 64 + BOOT_REASONS.index("restart")
    office.unit.start("restart")
    assert CALL_ENDS[office.fleet.wait_for("call_record")["ended_by"]] == "us"
