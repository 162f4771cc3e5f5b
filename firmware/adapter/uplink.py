"""The session with the fleet: register, configuration, heartbeats, commands, reports. No I/O.

The driver opens a TLS connection, calls `open`, and then moves bytes: `feed` what came in, send what
`poll` gives, wait until `next_timer`. CONNECT, SUBSCRIBE and `register` leave in one flight. Reports wait in
`Reports` until the fleet acknowledges them, and follow as soon as the fleet accepted the unit.

`feed` returns events for the unit: ("configured", values), to be handed to the line before `line_changed` is called,
("command", id, name, argument), ("refused", result, retry_s). UplinkError: this connection is of no more use; close
it, wait, open another.
"""

from micropython import const

from adapter.clock import ClockError
from adapter.errors import AdapterError
from protocol.wire.enumerations import COMMANDS, LINE_STATES, REGISTER_RESULTS
from protocol.wire.errors import WireError
from protocol.wire.messages import UnknownTypeError, pack, unpack
from protocol.wire.topics import down_topic, up_topic

ANSWER_TIMEOUT_MS = const(15_000)  # from register to registered, and from there to configuration
_CLOCK_TOLERANCE_S = const(2)
_COMMANDS_REMEMBERED = const(16)
_ROOM_FOR_OTHERS = const(4)  # requests in flight that reports leave free
_CLOCK_BYTES = const(8)
_SETTLED = ("not_configured", "registered", "emergency_only", "in_call")  # no account, or registered with it
_LOGGED_CONNACK = const(100)  # event "refused": 100 + CONNACK's return code, or an index of REGISTER_RESULTS


class UplinkError(AdapterError):
    """The session cannot go on; says why."""


class Uplink:
    """The unit's side, over one connection after the other."""

    def __init__(self, serial, facts, status, activation, reports, clock, log, boot_id):
        """`facts`: the fixed fields of `register`; `status()`: the changing ones of `heartbeat`;
        `log(event, value)` keeps an event; `boot_id`: u32 drawn at this start.
        """
        self.configuration = None
        self.configured_ms = 0  # uptime when the first configuration of this start came
        self.tls_ms = 0  # all TLS handshakes until then
        self.wire_errors = 0
        self.calls = None  # the CallLog, once there is one
        self._serial = serial
        self._facts = facts
        self._status = status
        self._activation = activation
        self._reports = reports
        self._clock = clock
        self._log = log
        self._boot_id = boot_id
        self._sequence = 0
        self._mqtt = None
        self._down = down_topic(serial)
        self._answer_by_ms = None
        self._heartbeat_ms = None
        self._seen_commands = []
        self._reported_version = None
        self._handlers = {
            "registered": self._registered,
            "configuration": self._configured,
            "command": self._commanded,
            "acknowledge": self._acknowledged,
        }

    def open(self, now_ms):
        """A fresh connection stands: asks for everything at once."""
        from adapter.mqtt import MqttClient  # an update without a session needs its heap

        self._mqtt = MqttClient(self._serial)
        self._mqtt.connect(now_ms)
        self._mqtt.subscribe(self._down, now_ms)
        self._publish("register", "register", self._register_values(now_ms), now_ms)
        self._answer_by_ms = now_ms + ANSWER_TIMEOUT_MS

    def count_handshake(self, handshake_ms):
        """The connection's TLS handshake took that long."""
        if not self.configured_ms:
            self.tls_ms += handshake_ms

    def feed(self, data, now_ms):
        """The events in `data`; UplinkError or MqttError ends the connection."""
        events = []
        for event in self._mqtt.feed(data, now_ms):
            if event[0] == "message":
                found = self._receive(event[1], event[2], now_ms)
                if found:
                    events.append(found)
            elif event[0] == "connected":
                self._activation.handle("connected")
                self._log("connected", 0)
            elif event[0] == "connect_refused":
                from adapter.mqtt import REFUSALS

                self._log("refused", _LOGGED_CONNACK + event[1])
                raise UplinkError("broker refuses us: %s (%d)" % (REFUSALS[event[1]], event[1]))
            elif event[0] == "subscribe_refused":
                raise UplinkError("broker refuses the subscription to %s" % self._down)
        return events

    def poll(self, now_ms):
        """The bytes to send now; UplinkError or MqttError ends the connection."""
        if self._answer_by_ms is not None and now_ms >= self._answer_by_ms:
            raise UplinkError(
                "no answer from the fleet in %d ms, in state %s" % (ANSWER_TIMEOUT_MS, self._activation.state)
            )
        if self._heartbeat_ms is not None and now_ms >= self._heartbeat_ms and self._mqtt.room:
            self._publish("heartbeat", "heartbeat", self._heartbeat_values(now_ms), now_ms)
            self._heartbeat_ms = now_ms + 1000 * self.configuration["heartbeat_s"]
        if self._accepted():
            due = self._reports.due(now_ms, self._mqtt.room - _ROOM_FOR_OTHERS)
            if self.calls is not None:
                for message in self.calls.due(now_ms, self._mqtt.room - _ROOM_FOR_OTHERS - len(due)):
                    # Its last field, the clock, is that of now: so the fleet knows how long ago the call was.
                    due.append(message[:-_CLOCK_BYTES] + self._clock.utc_s(now_ms).to_bytes(_CLOCK_BYTES, "big"))
            for message in due:
                self._mqtt.publish(up_topic(self._serial, "report"), message, 1, now_ms)
        return self._mqtt.poll(now_ms)

    def next_timer(self):
        """When `poll` has something to do at the latest, in ms; None if never."""
        times = [self._mqtt.next_timer(), self._answer_by_ms, self._heartbeat_ms]
        if self._accepted():
            times.append(self._reports.next_timer())
            if self.calls is not None and self._mqtt.room > _ROOM_FOR_OTHERS:
                times.append(self.calls.next_timer())
        times = [time_ms for time_ms in times if time_ms is not None]
        return min(times) if times else None

    def close(self, now_ms):
        """The last bytes of an orderly end; b"" if there is nothing to end."""
        if self._mqtt is None or self._mqtt.state != "open":
            return b""
        self._mqtt.disconnect(now_ms)
        return self._mqtt.poll(now_ms)

    def lost(self):
        """The connection is gone, however it ended."""
        self._mqtt = None
        self._answer_by_ms = None
        self._heartbeat_ms = None
        self._reports.connection_lost()
        if self.calls is not None:
            self.calls.connection_lost()
        if self._activation.allows("disconnected"):
            if self._activation.state != "connect":
                self._log("disconnected", 0)
            self._activation.handle("disconnected")

    def report(self, name, values, now_ms):
        """Keeps a critical report and sends it as soon as there is a session; fills its clock."""
        if name != "command_result":
            values["clock_s"] = self._clock.utc_s(now_ms)
        self._reports.add(self._pack(name, values))

    def report_call(self, values, now_ms):
        """Keeps the record of a call that is over: `values` of a call_record without its number and its times."""
        values["record_id"] = self.calls.last_number + 1
        values["clock_s"] = utc_s = self._clock.utc_s(now_ms)
        values["started_s"] = max(0, utc_s - (values["setup_ms"] + values["duration_ms"]) // 1000)
        self.calls.add(self._pack("call_record", values))

    def line_changed(self, now_ms):
        """The line is in another state, or what the fleet configured has reached it."""
        settled = LINE_STATES[self._status()["line_state"]] in _SETTLED
        if self._activation.state == "line" and settled:
            self._activation.handle("line_settled")
            if self._reported_version != self.configuration["config_version"]:
                self._reported_version = self.configuration["config_version"]
                self._report_ready(now_ms)
        elif self._activation.state == "ready" and not settled:
            self._activation.handle("line_lost")

    def send_events(self, rows, now_ms):
        """Sends the log's (utc_s, event, value) rows, if there is room in flight; True if they went out."""
        if not self._accepted() or not self._mqtt.room:
            return False
        events = []
        for utc_s, event, value in rows:
            events.append({"clock_s": utc_s, "event": event, "value": value})
        self._publish("report", "events", {"events": events}, now_ms)
        return True

    def _accepted(self):
        return self._mqtt is not None and self._activation.state in ("configure", "line", "ready")

    def _pack(self, name, values):
        self._sequence += 1
        return pack(name, values, self._boot_id, self._sequence)

    def _publish(self, kind, name, values, now_ms):
        self._mqtt.publish(up_topic(self._serial, kind), self._pack(name, values), 1, now_ms)

    def _register_values(self, now_ms):
        values = dict(self._facts)
        values["serial"] = self._serial
        values["free_heap_bytes"] = self._status()["free_heap_bytes"]
        values["clock_s"] = self._clock.utc_s(now_ms)
        return values

    def _heartbeat_values(self, now_ms):
        values = self._status()
        values["uptime_s"] = now_ms // 1000
        values["state"] = self._activation.index
        values["slot"] = self._facts["slot"]
        values["release_counter"] = self._facts["release_counter"]
        values["config_version"] = self.configuration["config_version"]
        values["waiting_reports"] = min(len(self._reports) + (len(self.calls) if self.calls is not None else 0), 255)
        values["clock_s"] = self._clock.utc_s(now_ms)
        return values

    def _receive(self, topic, payload, now_ms):
        """One message of the fleet; what is damaged or unknown is counted and dropped (docs/protocol.md)."""
        try:
            if topic != self._down:
                raise WireError("message on topic %r" % topic)
            message = unpack(payload)
            if message.name not in self._handlers:
                raise WireError("%s is no message to a unit" % message.name)
        except UnknownTypeError:
            return None
        except WireError:
            self.wire_errors += 1
            if self.wire_errors == 1:  # one a start, so that nobody can wear out the flash
                self._log("wire_error", self.wire_errors)
            return None
        return self._handlers[message.name](message.values, now_ms)

    def _registered(self, values, now_ms):
        result = REGISTER_RESULTS[values["result"]]
        self._set_clock(values["clock_s"], now_ms)
        if result != "accepted":
            self._reported_version = None
            self._answer_by_ms = None
            self._activation.handle("refused")
            self._log("refused", values["result"])
            return ("refused", result, values["retry_s"])
        if self._activation.state == "register":
            self._log("registered", 0)
            self._answer_by_ms = now_ms + ANSWER_TIMEOUT_MS
        self._activation.handle("accepted")
        if self.configuration and self.configuration["config_version"] == values["config_version"]:
            return self._configured(self.configuration, now_ms)  # we hold it already, from before the reconnect
        return None

    def _set_clock(self, utc_s, now_ms):
        """The fleet's time came over mutual TLS; SNTP's did not. So the fleet's wins."""
        if abs(self._clock.utc_s(now_ms) - utc_s) <= _CLOCK_TOLERANCE_S:
            return
        try:
            self._clock.set(utc_s * 1000, now_ms)
            self._log("time_set", 1)
        except ClockError:
            self._log("clock_refused", utc_s & 0xFFFFFFFF)

    def _configured(self, values, now_ms):
        if not self._accepted():
            return None  # configuration before `registered`: an answer to an earlier connection
        if not self.configured_ms:
            self.configured_ms = now_ms
        self.configuration = values
        self._answer_by_ms = None
        self._heartbeat_ms = now_ms + 1000 * values["heartbeat_s"]
        self._activation.handle("configured")
        if self._reported_version != values["config_version"]:
            self._log("configured", values["config_version"])
        return ("configured", values)

    def _report_ready(self, now_ms):
        values = {
            "config_version": self.configuration["config_version"],
            "line_state": self._status()["line_state"],
            "configured_ms": self.configured_ms,
            "tls_ms": self.tls_ms,
        }
        self._log("ready", self.configured_ms)
        self.report("service_ready", values, now_ms)

    def _commanded(self, values, now_ms):
        command_id = values["command_id"]
        if command_id in self._seen_commands or self._reports.has_result_of(command_id):
            return None
        self._seen_commands.append(command_id)
        if len(self._seen_commands) > _COMMANDS_REMEMBERED:
            self._seen_commands.pop(0)
        name = COMMANDS[values["command"]]
        self._log("command", values["command"])
        return ("command", command_id, name, values["argument"])

    def _acknowledged(self, values, now_ms):
        if not self._reports.acknowledge(values["boot_id"], values["sequence"]) and self.calls is not None:
            self.calls.acknowledge(values["boot_id"], values["sequence"])
