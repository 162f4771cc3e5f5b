"""The composition root: builds the unit from its parts and runs it.

`run(handover)` is called once by boot.py. A unit that is not locked yet only listens to the station on its
USB link; a locked one plugs itself in. What is not needed on the way to the fleet's configuration is
imported after it: the way there is timed (`configured_ms`).
"""

import asyncio
import gc
import sys
import time

from adapter import lights
from adapter.activation import Activation
from adapter.clock import Clock, Uptime
from adapter.event_log import EventLog
from adapter.plug_in import PlugIn
from adapter.records import RecordPair
from adapter.reports import Reports
from adapter.settings import Settings
from adapter.supervisor import Supervisor
from adapter.uplink import Uplink
from ports.unix.board import Board
from ports.unix.net import Net, tls_context
from protocol.wire.layouts import COMMAND_RESULTS, EVENTS, LINE_STATES, UPDATE_STATES

USB_DELAY_MS = 2000  # a locked unit listens to its USB link once it is configured, or after that time
UPDATES_DELAY_MS = 15_000  # and so it looks after updates
SILENCE_MS = 20_000  # a task shows progress at least that often: a TLS handshake's limit and more
RESTART_GRACE_MS = 2000  # for the result of the command `restart` to reach the fleet
IDENTIFY_MAX_S = 600
EVENTS_A_MESSAGE = 64
_NO_LINE = LINE_STATES.index("not_configured")


def run(handover):
    """Runs the unit until the board resets."""
    asyncio.run(_run(handover))


async def _run(handover):
    board = Board(handover)
    uptime = Uptime(time.ticks_ms, time.ticks_diff, handover.started_ms)
    if handover.locked:
        await Unit(handover, board, uptime).run()
    else:
        await _run_factory(handover, board, uptime)


async def _run_factory(handover, board, uptime):
    def crashed(name, error):
        sys.print_exception(error, sys.stderr)

    board.led(lights.pattern("factory"))
    board.pins.report({"state": "factory"})
    supervisor = Supervisor(uptime, board.feed_watchdog, board.restart, crashed)
    supervisor.start("usb", lambda beat: listen(handover, board, uptime, None))
    await supervisor.run()


async def listen(handover, board, uptime, activation):
    """Answers the USB link for ever; restarts the board when the station asks for it."""
    from adapter.factory import FactoryLink
    from adapter.identity import IdentityStore

    store = IdentityStore(board.partition("identity"))
    link = FactoryLink(store, board, handover.header.version, uptime)
    while True:
        data = await board.usb.read()
        if activation is not None:
            link.state = activation.index
        await board.usb.write(link.feed(data))
        if link.restart_wanted:
            board.restart("restart")


class Unit:
    """A locked unit and the parts it is made of."""

    def __init__(self, handover, board, uptime):
        from adapter.identity import IdentityStore

        self._handover = handover
        self._board = board
        self._uptime = uptime
        self._identity = IdentityStore(board.partition("identity")).load()
        self._settings = Settings(RecordPair(board.partition("settings")))
        self._clock = Clock(self._settings.floor_s)
        self._events = EventLog(board.partition("event_log"))
        self._reports = Reports(self._settings)
        self._activation = Activation(self._entered)
        self._net = Net(board.ethernet_up)
        self._session = None  # the UpdateSession, once there is one
        self._check_wanted = False
        self._context = None
        self._restarting = None
        self._identify_until_ms = 0
        self._configured = asyncio.Event()
        self._shown = ""
        self._supervisor = Supervisor(uptime, self._tick, board.restart, self._crashed)
        boot_id = int.from_bytes(board.entropy(4), "big")
        self._uplink = Uplink(
            self._identity.serial, self._facts(), self._status, self._activation, self._reports, self._clock,
            self._log, boot_id,
        )  # fmt: skip

    async def run(self):
        """Plugs in, and stays plugged in."""
        plug_in = PlugIn(
            self._board, self._net, self._uptime, self._identity.addresses, self._tls, self._activation, self._uplink,
            self._clock, self._log, self._on_event, self._note,
        )  # fmt: skip
        self._log("boot", self._handover.boot_reason)
        self._entered(self._activation.state)
        self._supervisor.start("plug_in", plug_in.run, SILENCE_MS)
        self._supervisor.start("usb", self._listen)
        self._supervisor.start("updates", self._update, SILENCE_MS)
        await self._supervisor.run()

    def _facts(self):
        """The fields of `register` that never change while this image runs."""
        header = self._handover.header
        return {
            "mac": self._identity.mac.octets,
            "epoch": self._identity.epoch,
            "board": self._board.name,
            "hardware_revision": self._board.hardware_revision,
            "version": header.version,
            "release_counter": header.release_counter,
            "image_sha256": self._handover.image_sha256,
            "slot": self._handover.slot,
            "abi": header.abi,
            "boot_reason": self._handover.boot_reason,
        }

    def _status(self):
        """The fields of `heartbeat` that only the unit knows."""
        return {
            "line_state": _NO_LINE,
            "update_state": UPDATE_STATES.index(self._update_state()),
            "free_heap_bytes": gc.mem_free(),
        }

    def _update_state(self):
        return self._session.state if self._session is not None else "idle"

    def _tls(self):
        """The TLS context of the broker's connection, made once: the key is parsed in it."""
        if self._context is None:
            identity = self._identity
            self._context = tls_context(identity.anchors_der, identity.certificate_der, identity.key_der)
        return self._context

    def _log(self, event, value):
        now_ms = self._uptime()
        self._events.append(EVENTS.index(event), value, self._clock.utc_s(now_ms), now_ms)

    def _note(self, error):
        """A failed try: for people who read the unit's standard error."""
        sys.stderr.write("%d ms, %s: %s\n" % (self._uptime(), self._activation.state, error))

    def _crashed(self, name, error):
        sys.print_exception(error, sys.stderr)
        self._log("crash", 0)

    def _entered(self, state):
        self._board.pins.report({"state": state})
        self._show()

    def _show(self):
        identify = self._uptime() < self._identify_until_ms
        shown = lights.pattern(lights.condition(self._activation.state, False, identify, self._update_state()))
        if shown != self._shown:
            self._shown = shown
            self._board.led(shown)

    def _tick(self):
        self._board.feed_watchdog()
        self._show()

    async def _after_configuration(self, limit_ms):
        try:
            await asyncio.wait_for(self._configured.wait(), limit_ms / 1000)
        except asyncio.TimeoutError:
            return

    async def _listen(self, beat):
        await self._after_configuration(USB_DELAY_MS)
        await listen(self._handover, self._board, self._uptime, self._activation)

    async def _update(self, beat):
        await self._after_configuration(UPDATES_DELAY_MS)
        updater = self._make_updater()
        if self._handover.trial:
            # Whether the cable is in is not the image's fault; the fleet's answer will prove the Ethernet.
            failed = [name for name in self._failed_tests() if name != "ethernet"]
            self._session.self_test(not failed, ", ".join(failed))
        if self._configured.is_set():
            self._session.fleet_answered()
        if self._check_wanted:
            self._session.check()
        gc.collect()
        self._board.pins.report({"free_heap_bytes": gc.mem_free()})
        await updater.run(beat)

    def _make_updater(self):
        from adapter.update.assignment import UnitFacts
        from adapter.update.session import UpdateSession
        from ports.unix.metadata_files import MetadataFiles
        from ports.unix.slots import Slots
        from ports.unix.updater import Server, Updater

        identity, board, handover = self._identity, self._board, self._handover
        slots = Slots(handover.flash, handover.slot)
        facts = UnitFacts(
            identity.serial, board.name, board.hardware_revision, handover.header.abi, slots.other.size,
            handover.heap_bytes,
        )  # fmt: skip
        self._session = UpdateSession(
            facts, (handover.image_sha256, handover.header.release_counter), slots,
            MetadataFiles(board.partition("data")), RecordPair(board.partition("journal")), identity.root_metadata,
        )  # fmt: skip
        addresses = identity.addresses
        server = Server(
            self._net, addresses["updates_host"], addresses["updates_port"], lambda: tls_context(identity.anchors_der),
            self._uptime,
        )  # fmt: skip
        return Updater(
            self._session, server, self._uptime, lambda: self._clock.at_least_s(self._uptime()), board.entropy,
            self._may_restart, self._keep_update_report, self._note, self._entered_update, board.restart,
        )  # fmt: skip

    def _may_restart(self):
        """The hours that the configuration allows; equal ends allow any."""
        configuration = self._uplink.configuration
        if configuration is None or configuration["maintenance_from_s"] == configuration["maintenance_until_s"]:
            return True
        now_s = self._clock.utc_s(self._uptime())
        return configuration["maintenance_from_s"] <= now_s < configuration["maintenance_until_s"]

    def _keep_update_report(self, values):
        self._uplink.report("update_report", values, self._uptime())

    def _entered_update(self, state):
        self._log("update_state", UPDATE_STATES.index(state))
        self._board.pins.report({"update_state": state})
        self._show()

    def _on_event(self, event):
        if event[0] == "configured":
            self._settings.raise_floor(self._clock.utc_s(self._uptime()))
            if not self._configured.is_set():
                self._board.pins.report({"configured_ms": self._uplink.configured_ms, "tls_ms": self._uplink.tls_ms})
            self._configured.set()
            if self._session is not None:
                self._session.fleet_answered()
        elif event[0] == "command":
            _, command_id, name, argument = event
            result, detail = _COMMANDS[name](self, command_id, argument)
            values = {"command_id": command_id, "result": COMMAND_RESULTS.index(result), "detail": detail}
            self._uplink.report("command_result", values, self._uptime())

    def _restart(self, command_id, argument):
        self._restarting = asyncio.create_task(self._restart_soon(command_id))
        return "done", "restarting"

    async def _restart_soon(self, command_id):
        until_ms = self._uptime() + RESTART_GRACE_MS
        await asyncio.sleep(0)
        while self._uptime() < until_ms and self._reports.has_result_of(command_id):
            await asyncio.sleep(0.05)
        self._log("restart", command_id)
        self._board.restart("restart")

    def _identify(self, command_id, argument):
        seconds = min(argument, IDENTIFY_MAX_S)
        self._identify_until_ms = self._uptime() + 1000 * seconds
        self._show()
        return "done", "for %d s" % seconds

    def _self_test(self, command_id, argument):
        failed = self._failed_tests()
        return ("failed", ", ".join(failed)) if failed else ("done", "all passed")

    def _failed_tests(self):
        from adapter import self_test

        failed = self_test.failures(self_test.run(self._board, self._identity, self._uptime))
        self._log("self_test", len(failed))
        self._shown = ""  # the test used the light
        self._show()
        return failed

    def _send_events(self, command_id, argument):
        rows = self._events.recent(min(argument or EVENTS_A_MESSAGE, EVENTS_A_MESSAGE))
        sent = self._uplink.send_events(rows, self._uptime())
        return ("done", "%d events" % len(rows)) if sent else ("failed", "too much in flight")

    def _check_update(self, command_id, argument):
        self._check_wanted = True
        if self._session is not None:
            self._session.check()
        return "done", ""


_COMMANDS = {
    "check_update": Unit._check_update,
    "restart": Unit._restart,
    "identify": Unit._identify,
    "self_test": Unit._self_test,
    "send_events": Unit._send_events,
}
