"""Brings the chosen image into the other slot: by a delta from the image that runs, else whole. No I/O.

- The journal says how far it is: after a power cut it goes on from the last checkpoint, of a delta at a block's end.
- A delta that cannot be had, or does not make the image, is given up for this assignment: the image comes whole.
- Bytes, time and tries of an assignment are bounded. The confirmed slot is only read.
- The slot's whole hash decides, however the bytes came; with several mirrors a wrong image is asked of the next.
"""

from adapter.errors import SlotError
from adapter.update.errors import (
    AbsentError,
    DeltaError,
    FlashFailedError,
    HashError,
    LengthError,
    MismatchError,
    NetworkError,
    SpentError,
    WrongBoardError,
)
from adapter.update.fetching import Get
from adapter.update.journal import MAX_TRIES
from adapter.update.slot_writer import SlotWriter
from protocol.wire.errors import WireError
from protocol.wire.image import HEADER_BYTES, ImageHeader

CHECKPOINT_BYTES = 32_768  # of the image, written again at most after a power cut in the download
MAX_DELTA_TRIES = 6  # of them by a delta
MAX_RECEIVED_IMAGES = 4  # so many times the image's length may come in for one assignment,
_SPARE_BYTES = 65_536  # and that much more
MAX_LOAD_S = 172_800  # two days from the choice of an image to the last byte of it


class Loader:
    """`journal` and `slots` as the session has them, `unit` the UnitFacts."""

    def __init__(self, journal, slots, unit):
        self._journal = journal
        self._slots = slots
        self._unit = unit
        self._writer = None
        self._delta = None  # the DeltaApplier, while one is at work
        self._delta_at = 0  # bytes of the delta that it took

    def begin(self, now_s):
        """Counts a try; NetworkError or SpentError if there is none left."""
        journal = self._journal
        if journal.tries >= MAX_TRIES:
            raise NetworkError("%d tries did not bring the image" % MAX_TRIES)
        limit = MAX_RECEIVED_IMAGES * journal.length + _SPARE_BYTES
        if journal.received > limit:
            raise SpentError("more than %d bytes came for an image of %d" % (limit, journal.length))
        if now_s - journal.began_s > MAX_LOAD_S:
            raise SpentError("the image did not come in %d s" % MAX_LOAD_S)
        journal.tries += 1

    def load(self, plan, mirrors):
        """Yields Gets until the slot holds the image, verified; how it came, as text."""
        journal = self._journal
        by_delta = plan.delta_path is not None and not journal.whole_only
        if by_delta and journal.tries <= MAX_DELTA_TRIES and (journal.delta_offset or not journal.offset):
            try:
                yield from self._load_delta(plan, mirrors)
                self._verify()
                return "by a delta of %d bytes" % plan.delta_bytes
            except (AbsentError, DeltaError, HashError, LengthError, MismatchError, WrongBoardError) as error:
                failed = "; delta: %s" % error
        else:
            failed = "; delta given up" if journal.whole_only or journal.delta_offset else ""
        if failed:
            self._restart_whole()
        yield from self._load_whole(plan.path, mirrors)
        return "whole, %d bytes%s" % (journal.length, failed)

    def _restart_whole(self):
        journal = self._journal
        if not journal.whole_only:
            journal.whole_only = 1
            journal.offset = journal.delta_offset = 0
            journal.save()

    def _load_whole(self, path, mirrors):
        """The image from mirror after mirror, until one's bytes are the image."""
        journal = self._journal
        while True:
            writer = self._writer = SlotWriter(self._slots.other, journal.length, journal.offset)
            try:
                yield from self._fetch(path, self._take, mirrors)
            finally:
                journal.offset = writer.resume_offset
            try:
                self._verify()
                return
            except HashError:
                journal.mirror += 1
                journal.offset = 0
                if journal.mirror >= mirrors:
                    journal.mirror = 0
                    raise
                journal.save()

    def _load_delta(self, plan, mirrors):
        journal = self._journal
        self._writer = SlotWriter(self._slots.other, journal.length, journal.offset)
        self._delta_at = journal.delta_offset
        image = (journal.length, journal.sha256)
        try:
            self._delta = self._slots.delta(image, self._writer.write, (journal.delta_offset, journal.offset))
        except MemoryError as error:  # of all steps this one wants the largest pieces of heap
            raise DeltaError(str(error))
        try:
            yield from self._fetch(plan.delta_path, self._take_delta, mirrors, plan.delta_bytes)
            if not self._delta.is_whole:
                raise DeltaError("the delta ends before the image does, after %d bytes" % self._delta_at)
        finally:
            self._delta = None

    def _fetch(self, path, sink, mirrors, delta_bytes=0):
        """Has `sink` take what is missing of the file, from mirror after mirror until it has all of it."""
        first = None
        end = delta_bytes or self._writer.length
        for turn in range(mirrors):
            at = self._taken(delta_bytes)
            try:
                if at < end:
                    mirror = (self._journal.mirror + turn) % mirrors
                    if (yield Get(path, end - at, sink, at, mirror)) is None:
                        raise AbsentError("the update server does not have %s" % path)
                at = self._taken(delta_bytes)
                if at < end:
                    raise LengthError("%s has %d bytes, the server sent %d" % (path, end, at))
                return
            except (NetworkError, LengthError) as error:
                first = first or error
        raise first

    def _taken(self, is_delta):
        return self._delta_at if is_delta else self._writer.offset

    def _take(self, data):
        """The sink of the image's bytes."""
        self._writer.write(data)
        if self._writer.resume_offset >= self._journal.offset + CHECKPOINT_BYTES:
            self._checkpoint(self._writer.resume_offset, 0)

    def _take_delta(self, data):
        """The sink of a delta's bytes."""
        self._delta.feed(data)
        self._delta_at += len(data)
        delta_offset, offset = self._delta.resume
        if offset > self._journal.offset:
            self._checkpoint(offset, delta_offset)

    def _checkpoint(self, offset, delta_offset):
        journal = self._journal
        journal.offset = offset
        journal.delta_offset = delta_offset
        journal.tries = 0  # a slow line that gets on is no failure
        journal.save()

    def _verify(self):
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
        if found.release_counter != journal.release_counter or found.security_counter > found.release_counter:
            raise MismatchError(
                "image is release %d, security %d; metadata says release %d"
                % (found.release_counter, found.security_counter, journal.release_counter)
            )
