"""The composition root: builds the unit from its parts and runs it.

`run(handover)` is called once by boot.py. A unit that is not locked yet only listens to the station (factory_mode);
a locked one plugs itself in. What is not needed on the way to the fleet's configuration is
imported when it is: the way there is timed (`configured_ms`), and the heap is small.
"""

import asyncio
import gc
import sys
import time

from adapter import lights
from adapter.activation import Activation
from adapter.clock import Clock, Uptime, in_daily_window
from adapter.event_log import EventLog
from adapter.plug_in import PlugIn
from adapter.reports import Reports
from adapter.room import Room, unload
from adapter.settings import Settings
from adapter.sift import sift
from adapter.supervisor import Supervisor
from adapter.turn import Turn
from adapter.uplink import Uplink
from ports.unix.board import Board
from ports.unix.net import Net, tls_context
from ports.unix.telephone import Telephone
from ports.unix.updates import Updates
from ports.unix.voice import VoiceService
from protocol.wire.enumerations import COMMAND_RESULTS, EVENTS, LINE_LEVELS, LINE_STATES, UPDATE_STATES
from protocol.wire.errors import WireError
from protocol.wire.messages import pack, unpack

_SPARED_MS = 86_400_000  # after a start no fault of updates is reason enough for the next one
_SILENCE_MS = 20_000  # a task shows progress at least that often: a TLS handshake's limit and more
_RESTART_GRACE_MS = 2000  # for the result of the command `restart` to reach the fleet
_RELEASE_LOOKS, _RELEASE_PAUSE_MS = 100, 100
_IDENTIFY_MAX_S = 600
_COLLECT_BYTES = 8192  # collected often, garbage does not spread over the heap, which has to hold pieces of 4 KB
_EVENTS_A_MESSAGE = 64
_IDENTITY = ("adapter.identity", "adapter.crypto")
_CERTIFICATE = 0  # of the identity's blobs (adapter/identity.py)
_ANCHORS = 1
_ADDRESSES = 3
_TOKEN_KEYS = 4
_BENCH = 5
_LINE_UP = ("registered", "emergency_only", "in_call")


def run(handover):
    """Runs the unit until the board resets."""
    gc.collect()
    gc.threshold(_COLLECT_BYTES)
    asyncio.run(_run(handover))


async def _run(handover):
    board = Board(handover)
    uptime = Uptime(time.ticks_ms, time.ticks_diff, handover.started_ms)
    if handover.locked:
        await Unit(handover, board, uptime).run()
    else:
        import factory_mode

        await factory_mode.run(handover, board, uptime)


class LockedIdentity:
    """What stays of an Identity when its blobs are in use and its module is given back.

    `resettable`: a factory reset would leave a unit that the fleet can let in again.
    """

    locked = True
    provisioned = True

    def __init__(self, identity):
        self.serial = identity.serial
        self.mac = identity.mac
        self.epoch = identity.epoch
        self.resettable = identity.resettable


class Unit:
    """A locked unit and the parts it is made of. What is public, the drivers of the port use."""

    def __init__(self, handover, board, uptime):
        self.board = board
        identity = self.load_identity(_ADDRESSES, _TOKEN_KEYS, _BENCH)
        self.handover = handover
        self.uptime = uptime
        self._addresses = identity.addresses
        self.identity = LockedIdentity(identity)
        self.settings = Settings(board.partition("settings"), handover.slot)
        line_gain, clock_ppm = identity.calibration
        self._clock = Clock(self.settings.floor_s, clock_ppm)
        self._events = EventLog(board.partition("event_log"))
        self.reports = Reports(self.settings)
        self._activation = Activation(self._entered)
        self.net = Net(board.link)
        self.turn = Turn()
        self.configured = False  # by the fleet, in this start
        self._kept_configuration = None  # the last start's, until the fleet sends one
        self._restarting = None
        self._identify_until_ms = 0
        self.talked = False  # a call was up in this start
        self._line_was_up = False
        self._shown = ""
        self._link = None  # of the station, in the middle of something
        self._supervisor = Supervisor(uptime, self._tick, board.restart, self._crashed)
        self._updates = Updates(self)
        unload(_IDENTITY)
        self.room = Room(("adapter.mqtt",))
        self._line = VoiceService(self, Telephone(handover.directory, line_gain), self._told)
        boot_id = int.from_bytes(board.entropy(4), "big")
        self._uplink = Uplink(
            self.identity.serial, self._facts(), self._status, self._activation, self.reports, self._clock,
            self._log, boot_id,
        )  # fmt: skip

    async def run(self):
        """Plugs in, and stays plugged in."""
        plug_in = PlugIn(
            self.board, self.net, self.uptime, self._addresses, self._broker_context, self._activation, self._uplink,
            self._clock, self._log, self._on_event, self.note, self.turn, self.call_up,
        )  # fmt: skip
        self._log("boot", self.handover.boot_reason)
        self._entered(self._activation.state)
        self._configure_line()
        self._supervisor.start("line", self._line.run, _SILENCE_MS)
        self._supervisor.start("plug_in", plug_in.run, _SILENCE_MS)
        self._supervisor.start("usb", self._listen)
        self._supervisor.start("updates", self._updates.run, _SILENCE_MS, self._updates_worth_restart)
        await self._supervisor.run()

    def load_identity(self, *wanted):
        """What the factory sealed in, of its blobs the `wanted` numbers: they take heap only while they are used."""
        from adapter.identity import IdentityStore

        return IdentityStore(self.board.partition("identity")).load(wanted)

    def _broker_context(self):
        """For TLS with our certificate: 3 KB while there is a session, which an update has instead."""
        try:
            identity = self.load_identity(_CERTIFICATE, _ANCHORS)
            return tls_context(identity.anchors_der, identity.certificate_der, identity.key_der)
        finally:
            unload(_IDENTITY)

    def _facts(self):
        """The fields of `register` that never change while this image runs."""
        header = self.handover.header
        return {
            "mac": self.identity.mac.octets,
            "epoch": self.identity.epoch,
            "board": self.board.name,
            "hardware_revision": self.board.hardware_revision,
            "version": header.version,
            "release_counter": header.release_counter,
            "image_sha256": self.handover.image_sha256,
            "slot": self.handover.slot,
            "abi": header.abi,
            "boot_reason": self.handover.boot_reason,
        }

    def _status(self):
        """The fields of `heartbeat` that only the unit knows."""
        return {
            "line_state": LINE_STATES.index(self._line.line_state),
            "update_state": UPDATE_STATES.index(self._updates.state or "idle"),
            "free_heap_bytes": gc.mem_free(),
        }

    def _log(self, event, value):
        now_ms = self.uptime()
        self._events.append(EVENTS.index(event), value, self._clock.utc_s(now_ms), now_ms)

    def note(self, error):
        """A failed try: for people who read the unit's standard error."""
        sys.stderr.write("%d ms, %s: %s\n" % (self.uptime(), self._activation.state, error))

    def _crashed(self, name, error):
        sys.print_exception(error, sys.stderr)
        self._log("crash", 0)

    def _entered(self, state):
        self.board.pins.report({"state": state})
        self._show()

    def _show(self):
        identify = self.uptime() < self._identify_until_ms
        shown = lights.pattern(lights.condition(self._activation.state, False, identify, self._updates.state))
        if shown != self._shown:
            self._shown = shown
            self.board.led(shown)

    def _tick(self):
        self.board.feed_watchdog()
        self._show()

    async def _listen(self, beat):
        """The USB link of a unit in service; its part is there while somebody speaks, beside the bridge."""
        board = self.board
        while True:
            data = sift(board, self.uptime, await board.usb.read())
            if not data:
                continue
            answer = self._answer(data)
            if board.bridge is None:
                await board.usb.write(answer)
            else:
                board.bridge.write(answer)
            if self._link is not None and self._link.restart_wanted:
                for _ in range(_RELEASE_LOOKS):  # a chip that starts with its boot button held runs its loader
                    if not board.button():
                        break
                    await asyncio.sleep_ms(_RELEASE_PAUSE_MS)
                board.restart("restart")

    def _answer(self, data):
        """What the station is to hear; its part of the firmware goes with the next change of whose the heap is."""
        link = self._link
        if link is None:
            from adapter.locked_link import LockedLink

            link = LockedLink(self.identity, self.board, self.handover.header.version, self.uptime)
        link.state = self._activation.index
        out = link.feed(data)
        self._link = link if link.engaged else None
        return out

    def _updates_worth_restart(self):
        """An image on trial that cannot update goes back; one in service serves on, and a day later starts afresh."""
        return self.handover.trial or (self.uptime() >= _SPARED_MS and not self.call_up())

    def update_places(self):
        """The update server and its mirrors, as (host, port)."""
        configuration = self._configuration()
        places = [(self._addresses["updates_host"], self._addresses["updates_port"])]
        for mirror in configuration["update_mirrors"] if configuration else ():
            places.append((mirror["host"], mirror["port"]))
        return places

    def _configuration(self):
        """The fleet's, of this start or else the last one kept; None before the first."""
        if self._uplink.configuration is not None:
            return self._uplink.configuration
        if self._kept_configuration is None and self.settings.configuration:
            try:
                self._kept_configuration = unpack(self.settings.configuration).values
            except WireError as error:
                self.note(error)
                self.settings.keep_configuration(b"")
        return self._kept_configuration

    def now_s(self):
        """UTC in seconds, or a time that is certainly past."""
        return self._clock.at_least_s(self.uptime())

    def time_seen(self, utc_s):
        """The director issued an order then."""
        self._clock.raise_floor(self._clock.floor_for(utc_s))
        self.settings.raise_floor(self._clock.floor_s)

    def call_up(self):
        """True while somebody is on the telephone, or it rings."""
        return self._line.call_up()

    def line_proved(self):
        """True if the line is registered, or none is to be."""
        return self._line.line_state in _LINE_UP or self._line.line_state == "not_configured"

    def _configure_line(self):
        """Hands the line its account: that of the last start, until the fleet sends one."""
        values = self._configuration()
        if values is not None:
            voice = values["voice"]
            self._line.configure(voice[0] if voice else None, LINE_LEVELS[values["line_level"]])

    def _line_changed(self):
        """Tells the uplink, unless the line is still the account's before: a call goes on with that to its end."""
        if not self._line.changed or self._line.line_state == "not_configured":
            self._uplink.line_changed(self.uptime())

    def _told(self, event):
        """By the line: where it stands, and what became of a call."""
        now_ms = self.uptime()
        if event[0] == "line":
            up = event[1] in _LINE_UP
            if up != self._line_was_up:
                self._line_was_up = up
                self._log("line_registered" if up else "line_lost", 0)
                if up:
                    self.board.pins.report({"registered_ms": now_ms})
            self.board.pins.report({"line": event[1]})
            self._line_changed()
        else:
            self.talked = True
            self._open_call_log()
            self._uplink.report_call(event[1], now_ms)
            self._log("call", event[1]["duration_ms"] // 1000)

    def may_restart(self):
        """The hours that the configuration allows; equal ends allow any."""
        hours = self._configuration()
        if hours is None:
            return True
        now_s = self._clock.utc_s(self.uptime())
        return in_daily_window(now_s, hours["maintenance_from_s"], hours["maintenance_until_s"])

    def keep_update_report(self, values):
        """Keeps it on flash until the fleet has it."""
        self._uplink.report("update_report", values, self.uptime())

    def entered_update(self, state):
        """An update's state, one of UPDATE_STATES, is another one now."""
        self._log("update_state", UPDATE_STATES.index(state))
        self.board.pins.report({"update_state": state})
        self._show()

    def _open_call_log(self):
        """Reads through it, so not on the way to a registered line."""
        if self._uplink.calls is None:
            from adapter.call_log import CallLog

            self._uplink.calls = CallLog(self.board.partition("call_log"))

    def _on_event(self, event):
        if event[0] == "configured":
            self.settings.raise_floor(self._clock.next_floor_s(self.uptime()))
            self.settings.keep_configuration(pack("configuration", event[1]))
            if not self.configured:
                self.board.pins.report({"configured_ms": self._uplink.configured_ms, "tls_ms": self._uplink.tls_ms})
            self.configured = True
            self._kept_configuration = None
            self._open_call_log()
            self._configure_line()
            self._line_changed()
        elif event[0] == "command":
            _, command_id, name, argument = event
            result, detail = _COMMANDS[name](self, command_id, argument)
            values = {"command_id": command_id, "result": COMMAND_RESULTS.index(result), "detail": detail}
            self._uplink.report("command_result", values, self.uptime())

    def _restart(self, command_id, argument):
        self._restarting = asyncio.create_task(self._restart_soon(command_id))
        return "done", "restarting"

    async def _restart_soon(self, command_id):
        until_ms = self.uptime() + _RESTART_GRACE_MS
        await asyncio.sleep(0)
        while self.call_up() or (self.uptime() < until_ms and self.reports.has_result_of(command_id)):
            await asyncio.sleep(0.05)
        self._log("restart", command_id)
        self.board.restart("restart")

    def _identify(self, command_id, argument):
        seconds = min(argument, _IDENTIFY_MAX_S)
        self._identify_until_ms = self.uptime() + 1000 * seconds
        self._show()
        return "done", "for %d s" % seconds

    def _self_test(self, command_id, argument):
        failed = self.failed_tests()
        return ("failed", ", ".join(failed)) if failed else ("done", "all passed")

    def failed_tests(self):
        """Runs the self-test; the names of those that failed."""
        from adapter import self_test

        failed = self_test.failures(self_test.run(self.board, self.identity, time.ticks_us))
        self._log("self_test", len(failed))
        self._shown = ""  # the test used the light
        self._show()
        return failed

    def _send_events(self, command_id, argument):
        rows = self._events.recent(min(argument or _EVENTS_A_MESSAGE, _EVENTS_A_MESSAGE))
        sent = self._uplink.send_events(rows, self.uptime())
        return ("done", "%d events" % len(rows)) if sent else ("failed", "too much in flight")

    def _check_update(self, command_id, argument):
        self._updates.check()
        return "done", ""


_COMMANDS = {
    "check_update": Unit._check_update,
    "restart": Unit._restart,
    "identify": Unit._identify,
    "self_test": Unit._self_test,
    "send_events": Unit._send_events,
}
