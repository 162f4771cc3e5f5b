"""The session with the fleet, both ends in one process: a unit's Uplink and the fleet's answers."""

import struct
from typing import Any

import pytest

from adapter.activation import Activation
from adapter.clock import Clock
from adapter.mqtt import MqttPeerError, MqttTimeoutError, packet
from adapter.reports import RESEND_MS, Reports
from adapter.uplink import ANSWER_TIMEOUT_MS, Uplink, UplinkError
from protocol.wire import messages, topics
from protocol.wire.enumerations import COMMANDS, LINE_STATES, REGISTER_RESULTS
from tests.conftest import RunMicroPython

SERIAL = "PT000000018"
BOOT_ID = 0xB007
NOW_S = 1_795_388_154
FACTS = {
    "mac": bytes(6), "epoch": 1, "board": "simulated", "hardware_revision": 1, "version": "1.0.0", "release_counter": 1,
    "image_sha256": bytes(32), "slot": 0, "abi": 6, "boot_reason": 0,
}  # fmt: skip
ACCEPTED = b"\x20\x02\x00\x00\x90\x03\x00\x01\x01"  # CONNACK and SUBACK
STATUS = {"line_state": 0, "update_state": 0, "free_heap_bytes": 100_000}


class Memory:
    """What the unit keeps on flash."""

    def __init__(self) -> None:
        self.data = b""

    def load(self) -> bytes:
        return self.data

    def store(self, data: bytes) -> None:
        self.data = data


class Bench:
    """A unit in state connect, and the broker and fleet that it talks to."""

    def __init__(self, store: Memory | None = None) -> None:
        self.now_ms = 1000
        self.logged: list[tuple[str, int]] = []
        self.activation = Activation(lambda state: None)
        for event in ("link_up", "address_got", "time_set"):
            self.activation.handle(event)
        self.clock = Clock()
        self.clock.set(NOW_S * 1000, self.now_ms)
        self.reports = Reports(store or Memory())
        log = lambda event, value: self.logged.append((event, value))  # noqa: E731
        self.uplink = Uplink(
            SERIAL, FACTS, lambda: dict(self.status), self.activation, self.reports, self.clock, log, BOOT_ID
        )
        self._sequence = 0
        self.status = dict(STATUS)

    def line(self, state: str) -> None:
        """The line comes to another state."""
        self.status["line_state"] = LINE_STATES.index(state)
        self.uplink.line_changed(self.now_ms)

    def open(self) -> list[messages.Message]:
        """A fresh connection; what the unit sent in its first flight, accepted by the broker."""
        self.uplink.open(self.now_ms)
        sent = self.sent()
        assert self.take(ACCEPTED + b"\x40\x02\x00\x02") == []
        return sent

    def get_ready(self, config_version: int = 1) -> None:
        self.open()
        self.down("registered", result=0, config_version=config_version, retry_s=0, clock_s=NOW_S)
        self.configure(config_version)
        assert self.activation.state == "ready"

    def configure(self, config_version: int, heartbeat_s: int = 30) -> list[Any]:
        return self.down(
            "configuration", config_version=config_version, heartbeat_s=heartbeat_s, channel=0, maintenance_from_s=0,
            maintenance_until_s=0, line_allowed=0, update_mirrors=[], line_level=0, voice=[],
        )  # fmt: skip

    def take(self, data: bytes) -> list[Any]:
        events = list(self.uplink.feed(data, self.now_ms))
        if any(event[0] == "configured" for event in events):
            self.uplink.line_changed(self.now_ms)  # as the unit does, once the line has its account
        return events

    def down(self, name: str, **values: object) -> list[Any]:
        """The fleet sends a message; the unit's events."""
        self._sequence += 1
        return self.down_raw(messages.pack(name, values, 9, self._sequence))

    def down_raw(self, payload: bytes, topic: str = topics.down_topic(SERIAL)) -> list[Any]:
        body = struct.pack(">H", len(topic)) + topic.encode() + b"\x00\x07" + payload
        return self.take(packet(3, 2, body))

    def sent(self) -> list[messages.Message]:
        """What the unit publishes now; the broker acknowledges it."""
        data = self.uplink.poll(self.now_ms)
        found, acknowledgements = [], b""
        while data:
            length, at = 0, 1
            while True:
                length |= (data[at] & 0x7F) << (7 * (at - 1))
                at += 1
                if not data[at - 1] & 0x80:
                    break
            kind, body, data = data[0] >> 4, data[at : at + length], data[at + length :]
            if kind == 3:
                topic_bytes = struct.unpack(">H", body[:2])[0]
                serial, _ = topics.parse_up_topic(body[2 : 2 + topic_bytes].decode())
                assert serial == SERIAL
                acknowledgements += b"\x40\x02" + body[2 + topic_bytes : 4 + topic_bytes]
                found.append(messages.unpack(body[4 + topic_bytes :]))
        if self.activation.state not in ("connect",):
            self.take(acknowledgements)
        return found

    def acknowledge(self, message: messages.Message) -> None:
        self.down("acknowledge", boot_id=message.boot_id, sequence=message.sequence)


def test_registration_leaves_with_the_connection_and_names_the_unit() -> None:
    bench = Bench()
    (register,) = bench.open()
    assert register.name == "register"
    assert (register.boot_id, register.sequence) == (BOOT_ID, 1)
    assert (register["serial"], register["clock_s"], register["free_heap_bytes"]) == (SERIAL, NOW_S, 100_000)
    assert bench.activation.state == "register"


def test_an_accepted_unit_gets_ready_and_says_so_until_it_is_heard() -> None:
    bench = Bench()
    bench.uplink.count_handshake(52)
    bench.open()
    assert bench.down("registered", result=0, config_version=3, retry_s=0, clock_s=NOW_S) == []
    assert bench.activation.state == "configure"
    bench.now_ms = 1100
    ((name, values),) = bench.configure(3)
    assert (name, values["config_version"], bench.activation.state) == ("configured", 3, "ready")
    (ready,) = bench.sent()
    assert (ready.name, ready["configured_ms"], ready["tls_ms"]) == ("service_ready", 1100, 52)
    bench.now_ms += RESEND_MS
    assert [message.name for message in bench.sent()] == ["service_ready"]
    bench.acknowledge(ready)
    bench.now_ms += RESEND_MS
    assert len(bench.reports) == 0
    assert [message.name for message in bench.sent()] == ["heartbeat"]


def test_a_reconnect_sends_what_waits_but_does_not_get_ready_twice() -> None:
    bench = Bench()
    bench.get_ready()
    (first,) = bench.sent()
    bench.uplink.lost()
    assert bench.activation.state == "connect"
    bench.get_ready()
    (again,) = bench.sent()
    assert (again.sequence, again.boot_id) == (first.sequence, first.boot_id)
    bench.acknowledge(first)
    bench.uplink.lost()
    bench.get_ready()
    assert bench.sent() == []
    bench.configure(2)
    assert [message["config_version"] for message in bench.sent()] == [2]


def test_a_configuration_known_from_before_the_reconnect_need_not_be_sent_again() -> None:
    bench = Bench()
    bench.get_ready(5)
    bench.uplink.lost()
    bench.open()
    ((name, values),) = bench.down("registered", result=0, config_version=5, retry_s=0, clock_s=NOW_S)
    assert (name, values["config_version"], bench.activation.state) == ("configured", 5, "ready")


def test_reports_made_before_a_restart_are_sent_after_it() -> None:
    store = Memory()
    Bench(store).uplink.report("command_result", {"command_id": 5, "result": 0, "detail": ""}, 0)
    later = Bench(store)
    later.get_ready()
    assert [message.name for message in later.sent()] == ["command_result", "service_ready"]


def test_heartbeats_keep_the_configured_pace() -> None:
    bench = Bench()
    bench.get_ready()
    (ready,) = bench.sent()
    bench.acknowledge(ready)
    beats = 0
    for _ in range(100):
        bench.now_ms += 1000
        for message in bench.sent():
            beats += message.name == "heartbeat"
            assert message["state"] == bench.activation.index
    assert beats == 3
    assert bench.uplink.next_timer() <= bench.now_ms + 30_000


@pytest.mark.parametrize("result", REGISTER_RESULTS[1:])
def test_a_refused_unit_stops_and_says_why(result: str) -> None:
    bench = Bench()
    bench.open()
    events = bench.down("registered", result=REGISTER_RESULTS.index(result), config_version=0, retry_s=7, clock_s=NOW_S)
    assert events == [("refused", result, 7)]
    assert bench.activation.state == "refused"
    assert ("refused", REGISTER_RESULTS.index(result)) in bench.logged
    bench.uplink.lost()
    assert bench.activation.state == "refused"


def test_a_live_unit_can_be_refused_too() -> None:
    bench = Bench()
    bench.get_ready()
    bench.down("registered", result=REGISTER_RESULTS.index("revoked"), config_version=0, retry_s=0, clock_s=NOW_S)
    assert bench.activation.state == "refused"


def test_each_command_is_carried_out_once() -> None:
    bench = Bench()
    bench.get_ready()
    command = COMMANDS.index("identify")
    assert bench.down("command", command_id=8, command=command, argument=3) == [("command", 8, "identify", 3)]
    assert bench.down("command", command_id=8, command=command, argument=3) == []


def test_a_command_whose_result_waits_since_before_the_restart_is_not_done_again() -> None:
    store = Memory()
    Bench(store).uplink.report("command_result", {"command_id": 8, "result": 0, "detail": ""}, 0)
    later = Bench(store)
    later.get_ready()
    assert later.down("command", command_id=8, command=COMMANDS.index("restart"), argument=0) == []


def test_the_fleets_clock_beats_the_time_servers() -> None:
    bench = Bench()
    bench.open()
    bench.down("registered", result=0, config_version=1, retry_s=0, clock_s=NOW_S + 3600)
    assert bench.clock.utc_s(bench.now_ms) == NOW_S + 3600
    bench.down("registered", result=0, config_version=1, retry_s=0, clock_s=5)
    assert bench.clock.utc_s(bench.now_ms) == NOW_S + 3600
    assert ("clock_refused", 5) in bench.logged


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"junk",
        messages.pack("hello", {}),
        messages.pack("acknowledge", {"boot_id": 1, "sequence": 1})[:-1],
        messages.pack("acknowledge", {"boot_id": 1, "sequence": 1}) + b"\x00",
    ],
)
def test_a_damaged_message_is_dropped_and_counted(payload: bytes) -> None:
    bench = Bench()
    bench.get_ready()
    before = bench.activation.state
    assert bench.down_raw(payload) == []
    assert bench.down_raw(payload) == []
    assert (bench.uplink.wire_errors, bench.activation.state) == (2, before)
    assert bench.logged.count(("wire_error", 1)) == 1


def test_a_newer_fleets_message_is_ignored() -> None:
    bench = Bench()
    bench.get_ready()
    assert bench.down_raw(b"\xc8\x01" + bytes(8)) == []
    assert bench.uplink.wire_errors == 0


def test_a_message_on_a_foreign_topic_is_dropped() -> None:
    bench = Bench()
    bench.get_ready()
    command = messages.pack("command", {"command_id": 1, "command": 1, "argument": 0})
    assert bench.down_raw(command, "pt/1/aa/PT000000026/down") == []
    assert bench.uplink.wire_errors == 1


@pytest.mark.parametrize("heard", ["nothing", "registered"])
def test_a_silent_fleet_ends_the_connection(heard: str) -> None:
    bench = Bench()
    bench.open()
    if heard == "registered":
        bench.down("registered", result=0, config_version=1, retry_s=0, clock_s=NOW_S)
    assert bench.uplink.next_timer() <= bench.now_ms + ANSWER_TIMEOUT_MS
    bench.now_ms += ANSWER_TIMEOUT_MS
    with pytest.raises((UplinkError, MqttTimeoutError)):
        bench.uplink.poll(bench.now_ms)


@pytest.mark.parametrize(
    "data", [b"\x20\x02\x00\x05", b"\x20\x02\x00\x00\x90\x03\x00\x01\x80", b"\x30\xff\xff\xff\x7f"]
)
def test_a_broker_that_refuses_or_errs_ends_the_connection(data: bytes) -> None:
    bench = Bench()
    bench.uplink.open(bench.now_ms)
    bench.sent()
    with pytest.raises((UplinkError, MqttPeerError)):
        bench.take(data)
    bench.uplink.lost()
    assert bench.activation.state == "connect"


def test_reports_leave_room_in_flight_for_heartbeats() -> None:
    bench = Bench()
    for number in range(20):
        bench.uplink.report("command_result", {"command_id": number, "result": 0, "detail": ""}, 0)
    bench.get_ready()
    bench.uplink.poll(bench.now_ms)  # not acknowledged by the broker
    bench.now_ms += 9_000
    assert bench.uplink.send_events([(NOW_S, 0, 0)], bench.now_ms)


def test_an_orderly_end_is_a_disconnect() -> None:
    bench = Bench()
    assert bench.uplink.close(0) == b""
    bench.get_ready()
    assert bench.uplink.close(bench.now_ms)[-2:] == b"\xe0\x00"


def test_micropython_gets_ready_too(micropython: RunMicroPython) -> None:
    there = micropython(
        "from adapter.activation import Activation\nfrom adapter.clock import Clock\n"
        "from adapter.reports import Reports\nfrom adapter.uplink import Uplink\nfrom adapter.mqtt import packet\n"
        "from protocol.wire import messages, topics\n"
        f"facts = {FACTS!r}\nstatus = {STATUS!r}\n"
        "class Memory:\n    data = b''\n    def load(self):\n        return self.data\n"
        "    def store(self, data):\n        self.data = data\n"
        "activation = Activation(print)\n"
        "for event in ('link_up', 'address_got', 'time_set'):\n    activation.handle(event)\n"
        "reports = Reports(Memory())\n"
        f"uplink = Uplink('{SERIAL}', facts, lambda: dict(status), activation, reports, Clock(), print, 1)\n"
        "uplink.open(0)\nlength = len(uplink.poll(0))\n"
        "def down(name, values):\n"
        f"    topic = topics.down_topic('{SERIAL}')\n"
        "    body = bytes([0, len(topic)]) + topic.encode() + b'\\x00\\x07' + messages.pack(name, values)\n"
        "    return uplink.feed(packet(3, 2, body), 60)\n"
        "uplink.feed(b'\\x20\\x02\\x00\\x00\\x90\\x03\\x00\\x01\\x01', 50)\n"
        f"down('registered', {{'result': 0, 'config_version': 1, 'retry_s': 0, 'clock_s': {NOW_S}}})\n"
        "down('configuration', {'config_version': 1, 'heartbeat_s': 30, 'channel': 0, 'maintenance_from_s': 0,"
        " 'maintenance_until_s': 0, 'line_allowed': 0, 'update_mirrors': [], 'line_level': 0, 'voice': []})\n"
        "uplink.line_changed(60)\n"
        "print(len(reports), uplink.configured_ms)\n"
    )
    states = [line for line in there.splitlines() if " " not in line]
    assert states == ["address", "time", "connect", "register", "configure", "line", "ready"]
    assert there.splitlines()[-1] == "1 60"
