"""The line's part in the session with the fleet: when the unit is ready, and where the records of calls wait."""

from __future__ import annotations

from adapter.call_log import CallLog
from protocol.wire.enumerations import LINE_STATES
from tests.firmware.adapter.test_event_log import SmallPartition
from tests.firmware.adapter.test_uplink import NOW_S, Bench


def test_a_unit_is_ready_when_its_line_is_registered_and_says_so_once() -> None:
    bench = Bench()
    bench.status["line_state"] = LINE_STATES.index("registering")
    bench.open()
    bench.down("registered", result=0, config_version=1, retry_s=0, clock_s=NOW_S)
    bench.configure(1)
    assert (bench.activation.state, bench.sent()) == ("line", [])
    bench.line("failed")
    assert (bench.activation.state, bench.sent()) == ("line", [])
    bench.line("registered")
    assert bench.activation.state == "ready"
    (ready,) = bench.sent()
    assert (ready.name, LINE_STATES[ready["line_state"]]) == ("service_ready", "registered")
    bench.line("in_call")
    assert bench.activation.state == "ready"
    bench.line("unregistered")
    assert bench.activation.state == "line"
    bench.line("registered")
    assert (bench.activation.state, bench.sent()) == ("ready", [])


def test_a_line_that_changes_while_there_is_no_session_changes_nothing() -> None:
    bench = Bench()
    bench.line("registered")
    assert (bench.activation.state, len(bench.reports)) == ("connect", 0)


CALL = {
    "direction": 0, "number": "+15555550100", "setup_ms": 3000, "duration_ms": 60_000, "ended_by": 0, "status": 200,
    "codec": 1, "secured": 0, "emergency": 0, "packets_sent": 3000, "packets_received": 3000, "packets_lost": 0,
    "packets_discarded": 0, "burst_loss_permille": 0, "jitter_ms": 1, "jitter_max_ms": 2, "buffer_ms": 40,
    "round_trip_ms": 20, "r_factor": 93, "mos_tenths": 44,
}  # fmt: skip


def test_a_call_record_is_kept_until_the_fleet_has_it() -> None:
    bench = Bench()
    bench.uplink.calls = CallLog(SmallPartition())
    bench.uplink.report_call(dict(CALL), bench.now_ms)  # the fleet is away
    bench.uplink.report_call(dict(CALL), bench.now_ms)
    bench.get_ready()
    sent = [message for message in bench.sent() if message.name == "call_record"]
    assert [message["record_id"] for message in sent] == [1, 2]
    assert (sent[0]["started_s"], sent[0]["clock_s"]) == (NOW_S - 63, NOW_S)
    bench.acknowledge(sent[0])
    bench.uplink.lost()
    bench.get_ready()
    bench.now_ms += 20_000
    again = [message for message in bench.sent() if message.name == "call_record"]
    assert [(message["record_id"], message.sequence) for message in again] == [(2, sent[1].sequence)]
    assert (again[0]["started_s"], again[0]["clock_s"]) == (NOW_S - 63, NOW_S + 20)  # an older call by now
    bench.acknowledge(again[0])
    assert len(bench.uplink.calls) == 0
