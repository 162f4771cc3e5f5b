"""A whole unit, for real: boot ROM, image, MicroPython, mutual TLS, NATS; faults included, and the figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.settings import Settings
from adapter.sntp import REPLY_TIMEOUT_MS
from protocol.wire import messages
from protocol.wire.enumerations import BOOT_REASONS, COMMAND_RESULTS, COMMANDS, EVENTS, UNIT_STATES
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS
from tests.firmware.loopback_fleet import Authority, LoopbackFleet, loopback_fleet
from tests.firmware.model_flash import CuttingFlash
from tests.firmware.plugged_unit import PluggedUnit

TIMES = 20
MAX_RATIO = 3.0


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[LoopbackFleet]:
    directory = tmp_path / "fleet"
    directory.mkdir()
    with loopback_fleet(directory) as running:
        yield running


@pytest.fixture
def unit(tmp_path: Path, fleet: LoopbackFleet) -> Iterator[PluggedUnit]:
    made = PluggedUnit.create(tmp_path / "unit", fleet)
    yield made
    made.cut_power()


def command(fleet: LoopbackFleet, unit: PluggedUnit, command_id: int, name: str, argument: int = 0) -> messages.Message:
    """Sends a command; the unit's result."""
    fleet.send(unit.serial, "command", command_id=command_id, command=COMMANDS.index(name), argument=argument)
    result = fleet.wait_for("command_result")
    assert result["command_id"] == command_id
    return result


def test_a_unit_gets_ready_and_tells_the_fleet_the_truth(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.start()
    register = fleet.wait_for("register")
    ready = fleet.wait_for("service_ready")
    pins = unit.wait(lambda pins: pins.get("state") == "ready" and pins.get("led") == "on")
    assert (register["serial"], register["version"], register["abi"]) == (unit.serial, "1.0.0", 6)
    assert BOOT_REASONS[register["boot_reason"]] == "power_on"
    assert (ready["configured_ms"], ready["tls_ms"]) == (pins["configured_ms"], pins["tls_ms"])
    assert fleet.sntp.asked == 1
    assert pins["runtime"] == "micropython"


def test_from_boot_to_configuration_takes_at_most_three_handshakes(
    fleet: LoopbackFleet, unit: PluggedUnit, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for _ in range(TIMES):
        unit.start()
        found.append(fleet.wait_for("service_ready"))
        unit.cut_power()
    ratios = [ready["configured_ms"] / ready["tls_ms"] for ready in found]
    configured = statistics.median(ready["configured_ms"] for ready in found)
    handshake = statistics.median(ready["tls_ms"] for ready in found)
    with capsys.disabled():
        print(
            f"\nboot to configuration, median of {TIMES}: {configured:.0f} ms, of it TLS {handshake:.0f} ms; "
            f"ratio {statistics.median(ratios):.2f}, worst {max(ratios):.2f}"
        )
    assert statistics.median(ratios) <= MAX_RATIO


def test_commands_are_carried_out_and_reported(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.start()
    fleet.wait_for("service_ready")
    assert command(fleet, unit, 1, "identify", 1)["detail"] == "for 1 s"
    unit.wait(lambda pins: pins["led"] == "flicker")
    unit.wait(lambda pins: pins["led"] == "on")
    tested = command(fleet, unit, 2, "self_test")
    assert (COMMAND_RESULTS[tested["result"]], tested["detail"]) == ("done", "all passed")
    assert COMMAND_RESULTS[command(fleet, unit, 3, "check_update")["result"]] == "done"


def test_a_restart_by_command_is_reported_before_and_logged_over_it(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.start()
    first = fleet.wait_for("service_ready")
    assert COMMAND_RESULTS[command(fleet, unit, 9, "restart")["result"]] == "done"
    assert unit.wait_exit() == 64 + BOOT_REASONS.index("restart")
    unit.start("restart")
    register = fleet.wait_for("register")
    assert BOOT_REASONS[register["boot_reason"]] == "restart"
    assert register.boot_id != first.boot_id
    fleet.wait_for("service_ready")
    fleet.send(unit.serial, "command", command_id=10, command=COMMANDS.index("send_events"), argument=64)
    rows = fleet.wait_for("events")["events"]
    names = [EVENTS[row["event"]] for row in rows]
    start = ["boot", "link_up", "address", "time_set", "connected", "registered", "configured", "ready"]
    assert names[:8] == start
    assert names[names.index("restart") + 1 :][:8] == start
    assert all(row["clock_s"] > 0 for row in rows)


def test_a_report_that_nobody_acknowledged_comes_again_after_a_power_cut(
    fleet: LoopbackFleet, unit: PluggedUnit
) -> None:
    fleet.acknowledging = False
    unit.start()
    first = fleet.wait_for("service_ready")
    unit.cut_power()
    fleet.acknowledging = True
    unit.start()
    again = fleet.wait_for("service_ready")
    assert (again.boot_id, again.sequence) == (first.boot_id, first.sequence)
    assert fleet.wait_for("service_ready").boot_id != first.boot_id


def test_a_killed_broker_is_reached_again_and_registered_with(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.start()
    fleet.wait_for("service_ready")
    fleet.stop_broker()
    unit.wait(lambda pins: pins["state"] == "connect" and pins["led"] == "four_flashes")
    fleet.start_broker()
    fleet.wait_for("register")
    unit.wait(lambda pins: pins["state"] == "ready" and pins["led"] == "on")


def test_a_pulled_cable_shows_and_putting_it_back_is_enough(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.set_ethernet(False)
    unit.start()
    unit.wait(lambda pins: pins.get("state") == "link" and pins["led"] == "one_flash")
    unit.set_ethernet(True)
    fleet.wait_for("service_ready")
    unit.set_ethernet(False)
    unit.wait(lambda pins: pins["state"] == "link" and pins["led"] == "one_flash")
    unit.set_ethernet(True)
    fleet.wait_for("register")
    unit.wait(lambda pins: pins["state"] == "ready")


def test_without_the_time_no_connection_is_tried(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    fleet.sntp.offset_s = -20 * 365.25 * 86400  # before any unit was made
    unit.start()
    unit.wait(lambda pins: pins.get("state") == "time" and pins["led"] == "three_flashes")
    unit.wait(lambda pins: fleet.sntp.asked >= 2)
    assert "certainly past" in unit.log()
    assert unit.pins["state"] == "time"
    fleet.sntp.offset_s = 0.0
    fleet.wait_for("service_ready")


def test_an_answer_with_another_cookie_is_ignored(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    fleet.sntp.change = lambda answer: answer[:24] + bytes(8) + answer[32:]
    unit.start()
    unit.wait(lambda pins: "no answer" in unit.log(), timeout_s=5 + REPLY_TIMEOUT_MS / 1000)
    assert unit.pins["state"] == "time"
    fleet.sntp.change = lambda answer: answer
    fleet.wait_for("service_ready")


def test_a_unit_refused_by_the_fleet_shows_it_and_asks_again(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    fleet.register_result = "not_in_stock"
    unit.start()
    unit.wait(lambda pins: pins.get("state") == "refused" and pins["led"] == "off")
    fleet.register_result = "accepted"
    fleet.wait_for("service_ready")


@pytest.mark.parametrize("fault", ["foreign_unit", "foreign_server", "expired_server"])
def test_a_certificate_of_the_wrong_kind_gets_nowhere(tmp_path: Path, fault: str) -> None:
    directory = tmp_path / "fleet"
    directory.mkdir()
    with loopback_fleet(directory) as fleet:
        leaf = Authority.create("somebody else").issue("PT000000018") if fault == "foreign_unit" else None
        unit = PluggedUnit.create(tmp_path / "unit", fleet, leaf=leaf)
        if fault != "foreign_unit":
            issuer = fleet.servers if fault == "expired_server" else Authority.create("test servers")
            fleet.serve_with(issuer.issue("test broker", days=-1 if fault == "expired_server" else 365, hosts=True))
        unit.start()
        try:
            unit.wait(lambda pins: unit.log().count("connect: ") >= 2)
            assert unit.pins["state"] == "connect"
            assert fleet.received.empty()
        finally:
            unit.cut_power()


def test_garbage_from_the_fleet_changes_nothing(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.start()
    fleet.wait_for("service_ready")
    for payload in (b"", b"\x00", b"\xff" * 64, messages.pack("hello", {}), bytes(4096)):
        fleet.send_raw(unit.serial, payload)
    assert COMMAND_RESULTS[command(fleet, unit, 1, "identify")["result"]] == "done"
    assert unit.pins["state"] == "ready"


def test_a_message_beyond_the_bound_ends_the_connection_not_the_unit(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    unit.start()
    fleet.wait_for("service_ready")
    fleet.send_raw(unit.serial, bytes(5000))
    assert fleet.wait_for("register")["serial"] == unit.serial
    unit.wait(lambda pins: "PUBLISH of" in unit.log())


def test_heartbeats_come_and_the_watchdog_is_fed(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    fleet.heartbeat_s = 1
    unit.start()
    fed = unit.wait(lambda pins: pins.get("state") == "ready")["fed"]
    first, second = fleet.wait_for("heartbeat"), fleet.wait_for("heartbeat")
    assert UNIT_STATES[second["state"]] == "ready"
    assert 1 <= second["uptime_s"] - first["uptime_s"] <= 2
    assert unit.wait(lambda pins: pins["fed"] > fed + 1)


def test_a_locked_unit_in_service_answers_hello_on_its_usb_link_and_nothing_else(
    fleet: LoopbackFleet, unit: PluggedUnit
) -> None:
    unit.start()
    fleet.wait_for("service_ready")
    hello = unit.ask("hello", 7)
    assert (LINK_MODES[hello["mode"]], hello["serial"], hello.sequence) == ("locked", unit.serial, 7)
    assert UNIT_STATES[hello["state"]] == "ready"
    assert LINK_RESULTS[unit.ask("run_self_test", 8)["result"]] == "refused"


def test_the_fleets_configuration_is_kept_for_the_next_start(fleet: LoopbackFleet, unit: PluggedUnit) -> None:
    fleet.heartbeat_s = 77
    unit.start()
    fleet.wait_for("service_ready")
    unit.cut_power()
    kept = Settings(CuttingFlash(unit.directory / "flash.bin").partition("settings")).configuration
    assert messages.unpack(kept)["heartbeat_s"] == 77


def test_the_heap_left_in_service_and_to_an_update_is_enough(
    fleet: LoopbackFleet, unit: PluggedUnit, capsys: pytest.CaptureFixture[str]
) -> None:
    unit.start()
    fleet.wait_for("service_ready")
    before = unit.wait(lambda pins: "updating_heap_bytes" in pins)
    at_rest = unit.wait(lambda pins: pins["free_heap_bytes"] != before["free_heap_bytes"])["free_heap_bytes"]
    with capsys.disabled():
        print(
            f"\nimage {before['image_bytes']} B; heap {before['heap_bytes']} B, free when connected and at rest "
            f"{at_rest} B, and with the update stack loaded {before['updating_heap_bytes']} B"
        )
    assert at_rest >= 88 * 1024
    assert before["updating_heap_bytes"] >= 32 * 1024
