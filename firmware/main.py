"""The composition root: builds the unit from its parts and runs it.

`run(handover)` is called once by boot.py. A unit that is not locked yet only listens to the station on its
USB link; a locked one plugs itself in. What is not needed on the way to the fleet's configuration is
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
from adapter.records import RecordPair
from adapter.reports import Reports
from adapter.settings import Settings
from adapter.supervisor import Supervisor
from adapter.turn import Turn
from adapter.uplink import Uplink
from ports.unix.board import Board
from ports.unix.net import Net, tls_context
from protocol.wire.enumerations import COMMAND_RESULTS, EVENTS, LINE_STATES, UPDATE_STATES
from protocol.wire.errors import WireError
from protocol.wire.messages import pack, unpack

_UPDATES_DELAY_MS = 15_000  # a unit looks after updates once it is configured, or after that time
_SPARED_MS = 86_400_000  # after a start no fault of updates is reason enough for the next one
_SILENCE_MS = 20_000  # a task shows progress at least that often: a TLS handshake's limit and more
_RESTART_GRACE_MS = 2000  # for the result of the command `restart` to reach the fleet
_IDENTIFY_MAX_S = 600
_COLLECT_BYTES = 8192  # collected often, garbage does not spread over the heap, which has to hold pieces of 4 KB
_EVENTS_A_MESSAGE = 64
_NO_LINE = LINE_STATES.index("not_configured")


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
        await _run_factory(handover, board, uptime)


async def _run_factory(handover, board, uptime):
    def crashed(name, error):
        sys.print_exception(error, sys.stderr)

    board.led(lights.pattern("factory"))
    board.pins.report({"state": "factory"})
    supervisor = Supervisor(uptime, board.feed_watchdog, board.restart, crashed)
    supervisor.start("usb", lambda beat: listen(handover, board, uptime, None, None))
    await supervisor.run()


async def listen(handover, board, uptime, activation, identity):
    """Answers the USB link for ever; restarts the board when the station asks for it.

    A locked unit has an `activation` and an `identity`; its part for the link is loaded when somebody speaks.
    """
    link = None
    while True:
        data = await board.usb.read()
        if link is None:
            from adapter.factory import FactoryLink

            link = FactoryLink(identity or _identity_store(board), board, handover.header.version, uptime)
        if activation is not None:
            link.state = activation.index
        await board.usb.write(link.feed(data))
        if link.restart_wanted:
            board.restart("restart")


def _identity_store(board):
    from adapter.identity import IdentityStore

    return IdentityStore(board.partition("identity"))


def _unload(name):
    """Gives a module back to the heap. Only for one whose classes and functions are not in use any more."""
    parent, child = name.rsplit(".", 1)
    delattr(sys.modules[parent], child)
    del sys.modules[name]


class LockedIdentity:
    """What stays of an Identity when its blobs are in use and its module is given back; its own store (`load`)."""

    locked = True
    provisioned = True

    def __init__(self, identity):
        self.serial = identity.serial
        self.mac = identity.mac
        self.epoch = identity.epoch

    def load(self):
        """Itself, in place of an IdentityStore."""
        return self


class Unit:
    """A locked unit and the parts it is made of."""

    def __init__(self, handover, board, uptime):
        identity = _identity_store(board).load()
        self._handover = handover
        self._board = board
        self._uptime = uptime
        self._addresses = identity.addresses
        self._broker_tls = tls_context(identity.anchors_der, identity.certificate_der, identity.key_der)
        self._updates_tls = tls_context(identity.anchors_der)
        self._root_metadata = identity.root_metadata
        self._identity = LockedIdentity(identity)
        _unload("adapter.identity")
        self._settings = Settings(board.partition("settings"), handover.slot)
        self._clock = Clock(self._settings.floor_s)
        self._events = EventLog(board.partition("event_log"))
        self._reports = Reports(self._settings)
        self._activation = Activation(self._entered)
        self._net = Net(board.ethernet_up)
        self._turn = Turn()
        self._files = None  # the MetadataFiles, mounted once
        self._session = None  # the UpdateSession, once there is one
        self._kept_configuration = None  # the last start's, until the fleet sends one
        self._check_wanted = False
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
            self._board, self._net, self._uptime, self._addresses, self._broker_tls, self._activation, self._uplink,
            self._clock, self._log, self._on_event, self._note, self._turn,
        )  # fmt: skip
        self._log("boot", self._handover.boot_reason)
        self._entered(self._activation.state)
        self._supervisor.start("plug_in", plug_in.run, _SILENCE_MS)
        self._supervisor.start("usb", self._listen)
        self._supervisor.start("updates", self._update, _SILENCE_MS, self._updates_worth_restart)
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

    async def _listen(self, beat):
        await listen(self._handover, self._board, self._uptime, self._activation, self._identity)

    async def _update(self, beat):
        try:
            await asyncio.wait_for(self._configured.wait(), _UPDATES_DELAY_MS / 1000)
        except asyncio.TimeoutError:
            self._note("not configured yet")
        updater = self._make_updater()
        if self._handover.trial:
            from adapter.self_test import of_image

            failed = of_image(self._failed_tests())
            if not self._settings.try_steps():
                failed.append("settings")
            self._session.self_test(not failed, ", ".join(failed))
        else:
            self._reports.adopt(self._settings.left_behind())
            self._settings.forget_left_behind()
        if self._configured.is_set():
            self._session.fleet_answered()
        if self._check_wanted:
            self._session.check()
        gc.collect()
        self._board.pins.report({"free_heap_bytes": gc.mem_free()})
        try:
            await updater.run(beat)
        finally:
            self._turn.give_back()  # also where it failed while it waited for it

    def _updates_worth_restart(self):
        """An image on trial that cannot update goes back; one in service serves on, and a day later starts afresh."""
        return self._handover.trial or (self._uptime() >= _SPARED_MS and not self._call_up())

    def _make_updater(self):
        from ports.unix.metadata_files import MetadataFiles

        gc.collect()
        if self._files is None:
            self._files = MetadataFiles(self._board.partition("data"))
        from adapter.update.assignment import UnitFacts
        from adapter.update.session import UpdateSession
        from ports.unix.slots import Slots
        from ports.unix.updater import Server, Updater

        board, handover = self._board, self._handover
        slots = Slots(handover.flash, handover.slot)
        facts = UnitFacts(
            self._identity.serial, board.name, board.hardware_revision, handover.header.abi, slots.other.size,
            handover.heap_bytes,
        )  # fmt: skip
        header = handover.header
        self._session = UpdateSession(
            facts, (handover.image_sha256, header.release_counter, header.version), slots, self._files,
            RecordPair(board.partition("journal")), self._root_metadata, self._settings, self._time_seen,
        )  # fmt: skip
        server = Server(self._net, self._update_places, lambda: self._updates_tls, self._uptime)
        return Updater(
            self._session, server, self._uptime, lambda: self._clock.at_least_s(self._uptime()), board.entropy,
            self._may_restart, self._call_up, self._keep_update_report, self._note, self._entered_update,
            board.restart, self._turn,
        )  # fmt: skip

    def _update_places(self):
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
        if self._kept_configuration is None and self._settings.configuration:
            try:
                self._kept_configuration = unpack(self._settings.configuration).values
            except WireError as error:
                self._note(error)
                self._settings.keep_configuration(b"")
        return self._kept_configuration

    def _time_seen(self, utc_s):
        """The director issued an order then."""
        self._clock.raise_floor(self._clock.floor_for(utc_s))
        self._settings.raise_floor(self._clock.floor_s)

    def _call_up(self):
        """True while somebody is on the telephone: there is no line yet."""
        return False

    def _may_restart(self):
        """The hours that the configuration allows; equal ends allow any."""
        hours = self._configuration()
        if hours is None:
            return True
        now_s = self._clock.utc_s(self._uptime())
        return in_daily_window(now_s, hours["maintenance_from_s"], hours["maintenance_until_s"])

    def _keep_update_report(self, values):
        self._uplink.report("update_report", values, self._uptime())

    def _entered_update(self, state):
        self._log("update_state", UPDATE_STATES.index(state))
        self._board.pins.report({"update_state": state})
        self._show()

    def _on_event(self, event):
        if event[0] == "configured":
            self._settings.raise_floor(self._clock.next_floor_s(self._uptime()))
            self._settings.keep_configuration(pack("configuration", event[1]))
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
        until_ms = self._uptime() + _RESTART_GRACE_MS
        await asyncio.sleep(0)
        while self._uptime() < until_ms and self._reports.has_result_of(command_id):
            await asyncio.sleep(0.05)
        self._log("restart", command_id)
        self._board.restart("restart")

    def _identify(self, command_id, argument):
        seconds = min(argument, _IDENTIFY_MAX_S)
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
        rows = self._events.recent(min(argument or _EVENTS_A_MESSAGE, _EVENTS_A_MESSAGE))
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
