"""An update from assignment to confirmation: which step is next, kept in a journal. No I/O.

The states are UPDATE_STATES of the wire; a row of TRANSITIONS is (state, event, next state), and an event that
is not listed for a state is refused and changes nothing. Each transition is in the journal before its effect
can be seen from outside. After power loss a step may be done again, never left out:

- metadata_ok and downloading: refreshed first, then on from the last checkpoint, if the order still stands.
- armed and trial: the boot record knows what came of it (adapter/boot_record.py); the journal follows it.
- confirmed, reverted and failed stand until their report is kept (`take_report`).

`work` is a generator: it yields Gets (fetching.py) and is sent what came. The other methods are told what
happens on the unit, and `poll` says when it is to be restarted.
"""

from binascii import hexlify

from adapter.errors import AdapterError, SlotError
from adapter.update.assignment import check_agreement, check_fit, read_assignment
from adapter.update.errors import (
    CancelledError,
    FlashFailedError,
    HashError,
    LengthError,
    MismatchError,
    NetworkError,
    RefusedError,
    UpdateError,
    WrongBoardError,
)
from adapter.update.fetching import Get, find_target, refresh
from adapter.update.file_names import assignment_path, target_path
from adapter.update.journal import Journal, printable
from adapter.update.metadata import TrustedSet
from adapter.update.slot_writer import SlotWriter
from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES
from protocol.wire.errors import WireError
from protocol.wire.image import HEADER_BYTES, ImageHeader

CHECKPOINT_BYTES = 32_768  # written again at most, after a power cut in the download
MAX_TRIES = 12  # of one assignment's download, in a row without a checkpoint
TRIAL_DEADLINE_MS = 180_000  # of uptime, for self-test and the fleet's answer

_OPEN = ("metadata_ok", "downloading", "staged")  # an image is chosen and may still be given up
_FINAL = ("confirmed", "reverted", "failed")  # to be reported
TRANSITIONS = (
    ("idle", "assigned", "metadata_ok"),
    ("metadata_ok", "started", "downloading"),
    ("downloading", "verified", "staged"),
    ("staged", "armed", "armed"),
    ("armed", "not_armed", "staged"),
    ("armed", "failed", "failed"),
    ("armed", "booted", "trial"),
    ("trial", "proved", "confirmed"),
    ("armed", "went_back", "reverted"),
    ("trial", "went_back", "reverted"),
    ("idle", "failed", "failed"),
)
TRANSITIONS += tuple([(state, "assigned", "metadata_ok") for state in _OPEN])
TRANSITIONS += tuple([(state, "failed", "failed") for state in _OPEN])
TRANSITIONS += tuple([(state, "given_up", "idle") for state in _OPEN])
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
    """`unit` is a UnitFacts, `running` (sha256, release counter) of the image that runs, `slots` the port's,
    `files` the metadata's store, `first_root` the root of the identity.
    """

    def __init__(self, unit, running, slots, files, record_store, first_root):
        self._unit = unit
        self._running_sha256, self._running_counter = running
        self._slots = slots
        self._files = files
        self._first_root = first_root
        self._journal = Journal(record_store)
        self._wanted = False
        self._writer = None
        self._tested = False
        self._answered = False
        self._restart = False
        self._notes = []
        self._settle()

    @property
    def state(self):
        """One of UPDATE_STATES."""
        return self._journal.state

    @property
    def wants_work(self):
        """True if `work` has something to do: a check was asked for, or a started update goes on."""
        return self.state in ("metadata_ok", "downloading") or (self._wanted and self.state in ("idle", "staged"))

    def check(self):
        """The fleet asks this unit to look for an assignment."""
        self._wanted = True

    def work(self, now_s):
        """Refreshes the metadata and, if an image is assigned, loads it into the other slot. Yields Gets.

        NetworkError comes out of it if another try may help, after a while; all else is settled in here.
        """
        try:
            path = yield from self._choose(now_s)
            self._wanted = False
            if path is not None:
                yield from self._download(path)
                self._stage()
        except NetworkError as error:
            if self.state in _OPEN and self._journal.tries >= MAX_TRIES:
                self._fail(error)
                return
            raise
        except UpdateError as error:
            self._wanted = False
            self._fail(error)

    def poll(self, now_ms, may_restart=True):
        """True if the unit is to be restarted now. `may_restart`: no call is up, and the hours allow it."""
        if self.state == "staged" and may_restart and not self._wanted:
            self._arm()
        elif self.state == "trial" and now_ms >= TRIAL_DEADLINE_MS:
            self._go_back("fleet_unreachable" if self._tested else "deadline", "%d ms passed" % now_ms)
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
        if self.state == "trial" and not self._restart:
            self._answered = True
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
        if self.state not in _FINAL:
            return False
        keep(self._report(self.state, self._journal.reason))
        self._journal.told = self._tellable(self.state)
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

    # From order to slot.

    def _choose(self, now_s):
        """The server's path of the image that is to be loaded, or None."""
        self._forget_target()
        trusted = TrustedSet(self._files, self._first_root, now_s)
        yield from refresh(trusted)
        data = yield Get(assignment_path(self._unit.serial))
        image = None if data is None else self._accept(data, trusted, now_s)
        if image is None or image.sha256 == self._running_sha256:
            if self.state in _OPEN:
                raise CancelledError("assignment %d does not name the image any more" % self._journal.newest)
            return None
        found = yield from find_target(trusted, image.name)
        if found is None:
            raise MismatchError("no role of the image repository lists %s" % image.name)
        role, target = found
        is_new = self._note_target(image)
        check_agreement(image, target)
        check_fit(image, target, self._unit, self._slots.floor)
        self._check_not_refused(image.sha256, trusted.role_version(role))
        if is_new:
            self._journal.role_version = trusted.role_version(role)
            self._move("assigned")
        if self.state == "staged":
            return None
        return target_path(image.name, hexlify(image.sha256).decode() if trusted.consistent else None)

    def _accept(self, data, trusted, now_s):
        """The AssignedImage of the order in `data`, whose sequence bars older ones from now on."""
        journal = self._journal
        assignment = read_assignment(data, trusted, self._unit, now_s, journal.newest, journal.newest_digest)
        if assignment.sequence != journal.newest:
            journal.newest = assignment.sequence
            journal.newest_digest = assignment.digest
            journal.save()
        return assignment.image

    def _forget_target(self):
        """So that a failure before an image is known names none."""
        if self.state == "idle":
            journal = self._journal
            journal.assignment, journal.release_counter, journal.length = journal.newest, 0, 0
            journal.sha256 = bytes(32)

    def _note_target(self, image):
        """Names the image for the journal and for reports; True unless it is the one being worked on."""
        journal = self._journal
        journal.assignment = journal.newest
        if self.state in _OPEN and journal.sha256 == image.sha256:
            return False
        journal.release_counter, journal.length, journal.sha256 = image.release_counter, image.length, image.sha256
        journal.offset = journal.tries = 0
        return True

    def _check_not_refused(self, sha256, role_version):
        if sha256 not in self._slots.refused_hashes:
            return
        if role_version <= self._journal.refused_version:
            raise RefusedError("this image went back before; sign newer metadata that lists it")
        self._slots.forgive(sha256)

    def _download(self, path):
        journal = self._journal
        if journal.tries >= MAX_TRIES:
            raise NetworkError("%d tries did not bring the image" % MAX_TRIES)
        journal.tries += 1
        if self.state == "metadata_ok":
            self._move("started")
            self._notes.append(self._report("downloading", "none"))
        else:
            journal.save()
        writer = SlotWriter(self._slots.other, journal.length, journal.offset)
        self._writer = writer
        try:
            if writer.offset < writer.length:
                left = writer.length - writer.offset
                if (yield Get(path, left, self._write, writer.offset)) is None:
                    raise NetworkError("the update server does not have %s" % path)
            if writer.offset < writer.length:
                raise LengthError("the image has %d bytes, the server sent %d" % (writer.length, writer.offset))
        finally:
            journal.offset = writer.resume_offset

    def _write(self, data):
        """The sink of the image's bytes."""
        self._writer.write(data)
        if self._writer.resume_offset >= self._journal.offset + CHECKPOINT_BYTES:
            self._journal.offset = self._writer.resume_offset
            self._journal.tries = 0  # a slow line that gets on is no failure
            self._journal.save()

    def _stage(self):
        """Reads the slot back: the image counts from here on."""
        journal = self._journal
        header = bytearray(HEADER_BYTES)
        try:
            self._slots.stage(journal.length, journal.sha256)
            self._slots.other.readinto(0, header)
            found = ImageHeader.unpack(header)
        except SlotError as error:
            raise HashError(str(error))
        except OSError as error:
            raise FlashFailedError("reading the slot back: %s" % error)
        except WireError as error:
            raise MismatchError(str(error))
        refusal = found.refusal(self._unit.board, self._unit.hardware_revision, self._unit.abi)
        if refusal:
            raise WrongBoardError(refusal)
        if found.release_counter != journal.release_counter:
            raise MismatchError(
                "image is release %d, metadata says %d" % (found.release_counter, journal.release_counter)
            )
        self._move("verified")
        self._notes.append(self._report("staged", "none"))

    # How it ends.

    def _arm(self):
        """The journal first: a trial that no journal knows of could not be reported."""
        self._move("armed")
        try:
            self._slots.arm_trial()
        except (SlotError, OSError) as error:
            self._fail(FlashFailedError("arming the trial: %s" % error))
            return
        self._restart = True

    def _prove(self):
        if self._tested and self._answered:
            self._slots.confirm()
            self._move("proved")

    def _go_back(self, reason, detail):
        """The boot record first: if the power goes now, `_settle` learns of it there."""
        self._slots.revert(UPDATE_REASONS.index(reason))
        self._reverted(reason, detail)
        self._restart = True

    def _reverted(self, reason, detail):
        self._journal.reason = reason
        self._journal.detail = printable(detail)
        self._journal.refused_version = self._journal.role_version
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
