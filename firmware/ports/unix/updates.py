"""Has the update stack in the heap while there is something to update; in between a few facts stand for it.

- It is loaded once after each start, to settle and report what came of the last one; for a check, the fleet's or
  the day's; when what is staged may be due; when a trial can be judged. It is given back as soon as it rests.
- The line needs the same heap (adapter/room.py). It may take it back at any moment: the work ends where it is, and
  goes on later from its last checkpoint. Each beginning counts as a try until the next checkpoint.
- An image on trial is judged when self-test, fleet and line have spoken, or the trial's deadline has passed.
"""

import asyncio
import gc

from micropython import const

from adapter.backoff import Backoff
from adapter.records import RecordPair
from adapter.room import unload
from ports.unix.net import tls_context
from protocol.wire.enumerations import BOOT_REASONS

_CONFIGURED_DELAY_MS = const(15_000)  # the first load waits for the fleet, but no longer
_POLL_MS = const(200)
_ROOM_POLL_MS = const(10)
_TRIAL_POLL_MS = const(180_000)  # as session.TRIAL_DEADLINE_MS, which is not loaded until then
_STAGED_POLL_MS = const(60_000)  # between two looks at whether what is staged is due
_WORN_MS = const(600_000)  # after so long the heap may be in pieces without a call
_RECALLED_MS = const(5_000)  # after the line took the heap back
# So that a lost command strands nobody, and a fleet does not knock in step.
_FIRST_LOOK_MS = const(3_600_000)  # after the start, and up to _LOOK_JITTER_MS more
_LOOK_MS = const(82_800_000)  # after the last look, likewise
_LOOK_JITTER_MS = const(7_200_000)
_ANCHORS = const(1)  # of the identity's blobs (adapter/identity.py)
_ROOT = const(2)
_RESTART = BOOT_REASONS.index("restart")


class Updates:
    """`unit` is main's."""

    def __init__(self, unit):
        self.state = ""  # one of UPDATE_STATES, as far as it is known
        self._unit = unit
        self._backoff = Backoff(unit.board.entropy)
        self._check = False
        self._failed = None  # on trial: the self-tests that failed, once they were run
        self._misses = 0
        self._good = []  # signatures that held (adapter/update/keys.py)
        self._staged = None  # when what is staged may be due: UpdateSession.staged
        self._retry_ms = None  # when work that was begun goes on
        self._again_ms = 0  # not before, but for a check
        self._look_ms = self._later(_FIRST_LOOK_MS)
        self._updater = None
        self._files = None

    def check(self):
        """The fleet asks this unit to look for an assignment."""
        self._check = True

    async def run(self, beat):
        """For ever; `beat()` is called at least every few seconds."""
        unit = self._unit
        while not unit.configured and unit.uptime() < _CONFIGURED_DELAY_MS:
            beat()
            await asyncio.sleep(_POLL_MS / 1000)
        if unit.handover.trial:
            from adapter import self_test

            self._failed = self_test.of_image(unit.failed_tests())  # on a bridge there is no cable
            if not unit.settings.try_steps():
                self._failed.append("settings")
            self._entered("trial")
        else:
            unit.reports.adopt(unit.settings.left_behind())
            unit.settings.forget_left_behind()
            self._retry_ms = 0
        while True:
            beat()
            if self._is_due():
                try:
                    await self._use_stack(beat)
                except Exception:
                    self._check = True  # the session knew whether one was wanted; it is no more
                    self._leave()
                    raise
                await asyncio.sleep(_ROOM_POLL_MS / 1000)
                self._leave()
            await asyncio.sleep(_POLL_MS / 1000)

    def _is_due(self):
        """True if the stack has something to do now."""
        unit, now_ms = self._unit, self._unit.uptime()
        if now_ms >= self._look_ms:
            self._look_ms = self._later(_LOOK_MS)
            self._check = True
        if self.state == "trial":
            proved = unit.configured and unit.line_proved()
            return (self._failed or proved or now_ms >= _TRIAL_POLL_MS) and now_ms >= self._again_ms
        if self._check and now_ms >= (self._retry_ms or 0):
            return True
        if self._retry_ms is not None:
            return now_ms >= self._retry_ms
        if self._staged is None or now_ms < self._again_ms:
            return False
        not_before_s, hurry_s = self._staged
        now_s = unit.now_s()
        return (now_s >= not_before_s and unit.may_restart()) or (hurry_s and now_s >= hurry_s)

    async def _use_stack(self, beat):
        """Loads the stack as soon as the line leaves it the heap; until it rests or the line wants the heap back."""
        room = self._unit.room
        while not room.borrow():
            beat()
            await asyncio.sleep(_ROOM_POLL_MS / 1000)
        task = asyncio.create_task(self._drive(beat))
        while not task.done():
            if room.recalled:
                task.cancel()
            await asyncio.sleep(_ROOM_POLL_MS / 1000)
        try:
            await task  # for the error it ended by
        except asyncio.CancelledError:  # no Exception here; and it may come again while the first is being handled
            self._unit.note("an update waits for the line")
            self._updater.next_ms = self._unit.uptime() + _RECALLED_MS
        self._keep()

    async def _drive(self, beat):
        """A task of its own, so that it can be ended wherever it waits."""
        try:
            self._load()
            await self._updater.run(beat)
        except MemoryError:
            # The line leaves the heap in pieces, and only a start makes them whole again. The fleet, or the journal,
            # sees to it that the update goes on. A heap that a start does not mend is no reason for the next one.
            unit = self._unit
            worn = unit.talked or unit.uptime() >= _WORN_MS or unit.handover.boot_reason != _RESTART
            if unit.call_up() or not worn:
                raise
            self._unit.note("an update found the heap in pieces: the unit starts anew")
            self._unit.board.restart("restart")
        # The scheduler keeps a finished task for a while, the task its frame, and the frame the last it waited for.
        await asyncio.sleep(0)

    def _leave(self):
        """Gives the heap back. A coroutine's frame keeps what it ever held, so this is not for `_use_stack` to do."""
        if self._files is not None:
            self._files.close()
        self._files = self._updater = None
        self._unit.turn.give_back()  # also where the work failed while it waited for it
        self._unit.room.give_back()
        gc.collect()
        self._unit.board.pins.report({"free_heap_bytes": gc.mem_free()})

    def _keep(self):
        """What the next use of the stack is to know, and when it is."""
        from adapter.update import keys

        now_ms, session = self._unit.uptime(), self._updater.session
        self._good = keys.good
        self._misses = session.misses
        self._check = self._check or session.check_wanted
        self._staged = session.staged
        self._retry_ms = self._updater.next_ms
        if self._updater.worked:
            self._look_ms = self._later(_LOOK_MS)
        self._again_ms = now_ms + (_TRIAL_POLL_MS if self.state == "trial" else _STAGED_POLL_MS)

    def _load(self):
        """Makes the UpdateSession, and the Updater that drives it."""
        gc.collect()
        from adapter.update import keys
        from adapter.update.assignment import UnitFacts
        from adapter.update.session import UpdateSession
        from ports.unix.metadata_files import MetadataFiles
        from ports.unix.slots import Slots
        from ports.unix.updater import Server, Updater

        unit, handover = self._unit, self._unit.handover
        board, header = unit.board, handover.header
        keys.good.extend(self._good)
        slots = Slots(handover.flash, handover.slot)
        facts = UnitFacts(
            unit.identity.serial, board.name, board.hardware_revision, header.abi, slots.other.size, handover.heap_bytes
        )
        self._files = MetadataFiles(board.partition("data"))
        session = UpdateSession(
            facts, (handover.image_sha256, header.release_counter, header.version), slots,
            self._files, RecordPair(board.partition("journal")), unit.load_identity(_ROOT).root_metadata,
            unit.settings, unit.time_seen,
        )  # fmt: skip
        session.misses = self._misses
        if self._check:
            self._check = False
            session.check()
        session.line_proved = unit.line_proved()
        if unit.configured:
            session.fleet_answered()
        if self._failed is not None:
            session.self_test(not self._failed, ", ".join(self._failed))
        server = Server(unit.net, unit.update_places, self._context, unit.uptime)
        self._updater = Updater(session, server, unit, self._backoff, self._entered)
        unload(("adapter.identity",))
        gc.collect()
        board.pins.report({"updating_heap_bytes": gc.mem_free()})

    def _context(self):
        """For TLS: mirrors are not to learn who asks."""
        context = tls_context(self._unit.load_identity(_ANCHORS).anchors_der)
        unload(("adapter.identity",))
        return context

    def _entered(self, state):
        if state != self.state:
            self.state = state
            self._unit.entered_update(state)

    def _later(self, wait_ms):
        """The uptime after that wait and a random share of _LOOK_JITTER_MS, in ms."""
        return self._unit.uptime() + wait_ms + int.from_bytes(self._unit.board.entropy(4), "big") % _LOOK_JITTER_MS
