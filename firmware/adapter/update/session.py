"""An update from assignment to confirmation: which step is next, kept in a journal. No I/O.

The states are UPDATE_STATES of the wire; a row of TRANSITIONS is (state, event, next state), and an event that
is not listed for a state is refused and changes nothing. Each transition is in the journal before its effect
can be seen from outside. After power loss a step may be done again, never left out:

- metadata_ok and downloading: refreshed first, then on from the last checkpoint, if the order still stands.
- armed and trial: the boot record knows what came of it (adapter/boot_record.py); the journal follows it.
- confirmed, reverted and failed stand until their report is kept (`take_report`); staged is told of each order.

`work` is a generator: it yields Gets (fetching.py) and is sent what came. The other methods are told what
happens on the unit, and `poll` says when it is to be restarted.
"""

from adapter.errors import AdapterError, SlotError
from adapter.settings import SettingsError
from adapter.update.choosing import OPEN_STATES, Chooser
from adapter.update.errors import (
    FlashFailedError,
    MismatchError,
    NetworkError,
    SpentError,
    UpdateError,
)
from adapter.update.journal import MAX_TRIES, Journal, printable
from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES
from protocol.wire.errors import WireError
from protocol.wire.image import HEADER_BYTES, ImageHeader

TRIAL_DEADLINE_MS = 180_000  # of uptime, for self-test, the fleet's answer and the line's registration
ALONE_DEADLINE_MS = 86_400_000  # and where the image before it did not reach the fleet either, or in a call
MAX_MOVES = 60  # from state to state for one assignment: whatever goes round in a circle ends

_NO_FLEET, _NO_LINE = 1, 2  # bits of the journal's `alone`
_FINAL = ("confirmed", "reverted", "failed")  # to be reported
TRANSITIONS = (
    ("idle", "assigned", "metadata_ok"),
    ("metadata_ok", "started", "downloading"),
    ("downloading", "verified", "staged"),
    ("staged", "armed", "armed"),
    ("armed", "not_armed", "staged"),
    ("armed", "failed", "failed"),
    ("armed", "given_up", "idle"),
    ("armed", "booted", "trial"),
    ("trial", "proved", "confirmed"),
    ("armed", "went_back", "reverted"),
    ("trial", "went_back", "reverted"),
    ("idle", "failed", "failed"),
)
TRANSITIONS += tuple([(state, "assigned", "metadata_ok") for state in OPEN_STATES])
TRANSITIONS += tuple([(state, "failed", "failed") for state in OPEN_STATES])
TRANSITIONS += tuple([(state, "given_up", "idle") for state in OPEN_STATES])
TRANSITIONS += tuple([(state, "reported", "idle") for state in _FINAL])


def following(state, event):
    """The state after `event`, or None. A search, for a dict of pairs would cost four times the table's heap."""
    for row in TRANSITIONS:
        if row[0] == state and row[1] == event:
            return row[2]
    return None


class TransitionError(AdapterError):
    """An event that the state does not allow: a fault in this firmware."""


class UpdateSession:
    """`unit` is a UnitFacts, `running` (sha256, release counter, version) of the image that runs, `slots` the
    port's, `files` the metadata's store, `first_root` the root of the identity, `settings` the Settings.

    `time_seen(s)` is told of a time that a trusted director signed, so that is past: UTC seconds since 1970.
    """

    def __init__(self, unit, running, slots, files, record_store, first_root, settings, time_seen):
        self.mirrors = 1  # how many servers have the files, the unit's own among them
        self.check_wanted = False
        self.misses = 0  # tries in a row that the network ended
        self.line_proved = True  # the telephone line is registered, or there is none to register
        self._running_sha256, self._running_counter, _ = running
        self._slots = slots
        self._settings = settings
        self._journal = Journal(record_store)
        self._chooser = Chooser(self._journal, slots, unit, running, files, first_root, time_seen)
        self._unit = unit
        self._tested = False
        self._answered = False
        # Its task may have failed between boot record and restart. What came of it only the next start can tell, and
        # until then the other slot may be the confirmed one.
        self._restart = slots.restart_due
        self._notes = []
        if not self._restart:
            self._settle()

    @property
    def state(self):
        """One of UPDATE_STATES."""
        return self._journal.state

    @property
    def wants_work(self):
        """True if `work` has something to do: a check was asked for, or a started update goes on."""
        return self.state in ("metadata_ok", "downloading") or (self.check_wanted and self.state in ("idle", "staged"))

    @property
    def staged(self):
        """When what is staged is to be looked at: (not before, at the latest or 0), UTC seconds; None without it."""
        if self.state != "staged":
            return None
        journal = self._journal
        limits = [limit_s for limit_s in (journal.deadline_s, journal.expires_s) if limit_s]
        return (journal.not_before_s, min(limits) if limits else 0)

    def check(self):
        """The fleet, or the day, asks this unit to look for an assignment."""
        self.check_wanted = True
        if self.misses >= MAX_TRIES:
            self.misses = 0

    def work(self, now_s):
        """Refreshes the metadata and, if an image is assigned, loads it into the other slot. Yields Gets.

        NetworkError comes out of it if another try may help, after a while; all else is settled in here.
        """
        try:
            is_new, plan = yield from self._chooser.choose(now_s, self.mirrors)
            self.check_wanted = False
            self.misses = 0
            if is_new:
                self._move("assigned")
            if plan is not None:
                from adapter.update.loading import Loader  # until here the metadata had its heap

                loader = Loader(self._journal, self._slots, self._unit)
                loader.begin(now_s)
                self._start()
                how = yield from loader.load(plan, self.mirrors)
                self._journal.detail = printable(how)
                self._move("verified")
        except NetworkError as error:
            self._miss(error)
        except UpdateError as error:
            self.check_wanted = False
            self._fail(error)

    def received(self, count):
        """That many bytes came for a Get, wanted or not: an assignment has a budget of them."""
        self._journal.received = min(self._journal.received + count, 0xFFFFFFFF)

    def poll(self, now_ms, may_restart=True, now_s=0, call_up=False):
        """True if the unit is to be restarted now.

        `may_restart`: the maintenance hours allow it; `now_s`: UTC, or a time that is certainly past; `call_up`:
        somebody is on the telephone.
        """
        journal = self._journal
        if self._restart:
            return True
        if self.state == "staged" and not self.check_wanted:
            if journal.assignment != journal.newest or (journal.expires_s and now_s >= journal.expires_s):
                self.check_wanted = self.misses < MAX_TRIES  # what the order says now is to be asked again
            elif not call_up and now_s >= journal.not_before_s:
                if may_restart or (journal.deadline_s and now_s >= journal.deadline_s):
                    self._arm()
        elif self.state == "trial" and now_ms >= (
            ALONE_DEADLINE_MS if call_up or (self._tested and journal.alone & _NO_FLEET) else TRIAL_DEADLINE_MS
        ):
            if not self._tested:
                self._go_back("deadline", "%d ms passed" % now_ms)
            elif not self._answered:
                self._go_back("fleet_unreachable", "%d ms passed" % now_ms)
            else:
                self._go_back("self_test", "the line did not register in %d ms" % now_ms)
        return self._restart

    def self_test(self, passed, detail=""):
        """The self-test of this start is done."""
        if self.state != "trial" or self._restart:
            return
        if not passed:
            self._go_back("self_test", detail)
            return
        self._tested = True
        self._prove()

    def fleet_answered(self):
        """The fleet accepted this unit, over mutual TLS."""
        self._answered = True
        if self.state == "trial" and not self._restart:
            self._prove()

    def take_report(self, keep):
        """Calls `keep` with the values of an update_report (all but its clock) that is due; True if there was one.

        `keep` puts it on flash before it returns: only then the journal lets go of it.
        """
        if self._restart:
            return False  # the image that boots next says how it ended
        if self._notes:
            keep(self._notes.pop(0))
            return True
        journal, told = self._journal, self._tellable(self.state)
        if self.state == "staged":  # once for each order, for the fleet may want no more than that
            if journal.assignment != journal.newest or journal.told == told:
                return False
        elif self.state not in _FINAL:
            return False
        keep(self._report(self.state, journal.reason))
        journal.told = told
        if self.state == "staged":
            journal.save()
        else:
            self._move("reported")
        return True

    # What happened while this image did not run.

    def _settle(self):
        """Brings the journal to what the boot record says."""
        journal, slots = self._journal, self._slots
        if journal.is_new:
            if slots.trial:  # an image of another format's time armed this one
                journal.state = "trial"
                journal.sha256, journal.release_counter = self._running_sha256, self._running_counter
            return
        if journal.state not in ("armed", "trial"):
            return
        if slots.trial:
            if journal.state == "armed":
                self._move("booted")
        elif journal.sha256 == self._running_sha256:
            if journal.state == "armed":
                self._move("booted")
            self._move("proved")
        elif slots.revert_reason and slots.reverted == journal.sha256:
            self._reverted(UPDATE_REASONS[slots.revert_reason], "")
        elif journal.state == "armed":
            self._move("not_armed")  # the power went between journal and boot record
        else:
            self._reverted("hash", "the slot was found damaged")

    def _start(self):
        """One more try to load the image, of which the fleet is told once."""
        if self.state == "metadata_ok":
            self._move("started")
            self._notes.append(self._report("downloading", "none"))
        else:
            self._journal.save()

    def _miss(self, error):
        """Raises `error`, for another try after a while, or has had enough of them."""
        loading = self.state in ("metadata_ok", "downloading")
        self.misses += 1
        if max(self.misses, self._journal.tries if loading else 0) < MAX_TRIES:
            raise error
        self.misses = MAX_TRIES
        self.check_wanted = False  # until the fleet or the day asks again; what is staged goes on
        if loading:
            self._fail(error)

    # How it ends.

    def _arm(self):
        """Settings first, then the journal: a trial that no journal knows of could not be reported."""
        journal, header = self._journal, bytearray(HEADER_BYTES)
        try:
            if journal.moves >= MAX_MOVES:
                raise SpentError("%d steps did not install it" % MAX_MOVES)
            self._slots.other.readinto(0, header)
            self._settings.prepare(ImageHeader.unpack(header).data_schema)
            journal.alone = (0 if self._answered else _NO_FLEET) | (0 if self.line_proved else _NO_LINE)
            self._move("armed")
            self._slots.arm_trial()
        except (SettingsError, WireError) as error:
            self._fail(MismatchError("arming the trial: %s" % error))
        except (SlotError, OSError) as error:
            self._fail(FlashFailedError("arming the trial: %s" % error))
        except UpdateError as error:
            self._fail(error)
        else:
            self._restart = True

    def _prove(self):
        """What the image before it could not reach, this one need not."""
        if self._tested and self._answered and (self.line_proved or self._journal.alone & _NO_LINE):
            self._slots.confirm()
            self._move("proved")
            self._settings.forget_left_behind()

    def _go_back(self, reason, detail):
        """The boot record first: if the power goes now, `_settle` learns of it there."""
        self._slots.revert(UPDATE_REASONS.index(reason))
        self._reverted(reason, detail)
        self._restart = True

    def _reverted(self, reason, detail):
        self._journal.reason = reason
        self._journal.detail = printable(detail)
        self._journal.refused_role = self._journal.role
        self._move("went_back")

    def _fail(self, error):
        """What an assignment failed of is told once, however often it is tried."""
        journal = self._journal
        journal.reason = error.reason
        journal.detail = printable(str(error))
        told_before = journal.told[0] == journal.newest and (
            journal.told == self._tellable("failed") or error.reason == "refused_before"
        )
        if not told_before:
            self._move("failed")
        elif self.state != "idle":
            self._move("given_up")

    def _move(self, event):
        state = following(self.state, event)
        if state is None:
            raise TransitionError("%s is not possible in state %s" % (event, self.state))
        if state == "metadata_ok" or state == "confirmed":
            self._journal.reason = "none"
            self._journal.detail = ""
        self._journal.moves = min(self._journal.moves + 1, MAX_MOVES)
        self._journal.state = state
        self._journal.save()

    def _tellable(self, state):
        return (self._journal.newest, UPDATE_STATES.index(state), UPDATE_REASONS.index(self._journal.reason))

    def _report(self, state, reason):
        journal = self._journal
        return {
            "assignment": journal.assignment,
            "state": UPDATE_STATES.index(state),
            "reason": UPDATE_REASONS.index(reason),
            "target_counter": journal.release_counter,
            "target_sha256": journal.sha256,
            "release_counter": self._running_counter,
            "detail": journal.detail,
        }
