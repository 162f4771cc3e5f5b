"""Two slots in flash: the running one is never written, the other one takes the next image."""

from hashlib import sha256

from adapter import boot_record
from adapter.errors import SlotError
from adapter.records import RecordPair
from adapter.room import unload
from protocol.wire.boot_record import TRIAL_ARMED, TRIAL_NONE, BootRecord
from protocol.wire.image import HEADER_BYTES, ImageHeader

_READ_BYTES = 2048


class Slots:
    """`flash` holds both slots and the boot record; `running` (0 or 1) is the slot this image came from."""

    def __init__(self, flash, running):
        self.running = running
        self._partitions = [flash.partition(name) for name in boot_record.SLOTS]
        self._pair = RecordPair(flash.partition("boot_record"))
        payload = self._pair.load()
        if payload is None:
            raise SlotError("the boot record is gone; flash the board again")
        self._record = BootRecord.unpack(payload)

    @property
    def other(self):
        """The Partition an update may write to."""
        return self._partitions[1 - self.running]

    @property
    def trial(self):
        """True while the running image has not earned its place."""
        return self._record.trial != TRIAL_NONE

    @property
    def restart_due(self):
        """True if the boot record wants another start than this one: armed just now, or reverted while it runs."""
        trial = self._record.trial
        return trial == TRIAL_ARMED or (trial == TRIAL_NONE and self._record.confirmed != self.running)

    @property
    def attempt(self):
        """Which boot of the image on trial this is, from 1; 0 without a trial."""
        return self._record.attempts

    @property
    def floor(self):
        """The release counter below which no image may be installed."""
        return self._record.floor

    @property
    def refused_hashes(self):
        """SHA-256 of the images that were reverted, newest last."""
        return self._record.refused

    @property
    def revert_reason(self):
        """Index into UPDATE_REASONS of the last revert, 0 if there was none since the last arming."""
        return self._record.revert_reason

    @property
    def reverted(self):
        """SHA-256 of the image reverted last, or b''."""
        return self._record.refused[-1] if self._record.revert_reason and self._record.refused else b""

    def delta(self, image, write, resume):
        """A DeltaApplier from the running image to `image`, (length, SHA-256); `write` and `resume` are its own."""
        unload(("adapter.crypto",))  # all signatures are checked by now, and a delta needs pieces of 4 KB
        from adapter.update.delta import DeltaApplier
        from ports.unix.inflate import Inflater

        return DeltaApplier(
            self._record.slots[self.running], image, self._partitions[self.running].readinto, write, Inflater(), resume
        )

    def stage(self, length, digest):
        """Reads the other slot back; records it as an image of `length` bytes if its SHA-256 is `digest`."""
        if not HEADER_BYTES < length <= self.other.size:
            raise SlotError("a slot takes %d bytes, the image has %d" % (self.other.size, length))
        found = slot_digest(self.other, length)
        if found != bytes(digest):
            raise SlotError("the slot holds other bytes than were meant; download them again")
        header = bytearray(HEADER_BYTES)
        self.other.readinto(0, header)
        if ImageHeader.unpack(header).image_bytes != length:
            raise SlotError("the image's header names another length than %d" % length)
        self._store(boot_record.stage(self._record, 1 - self.running, length, digest))

    def arm_trial(self):
        """The next reset boots the staged image on trial."""
        self._store(boot_record.arm(self._record))

    def confirm(self):
        """The running image stays; its security counter becomes the floor."""
        header = bytearray(HEADER_BYTES)
        self._partitions[self.running].readinto(0, header)
        found = ImageHeader.unpack(header)
        # Never above itself: it would not boot again.
        self._store(boot_record.confirm(self._record, min(found.security_counter, found.release_counter)))

    def revert(self, reason):
        """The next reset boots the confirmed image; `reason` is an index into UPDATE_REASONS."""
        self._store(boot_record.revert(self._record, reason))

    def forgive(self, digest):
        """Takes an image off the refused list, since newer metadata lists it again."""
        if digest in self._record.refused:
            self._store(boot_record.forgive(self._record, digest))

    def _store(self, record):
        self._pair.store(record.pack())
        self._record = record


def slot_digest(partition, length):
    """SHA-256 of the first `length` bytes of `partition`."""
    digest = sha256()
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    for at in range(0, length, _READ_BYTES):
        part = view[: min(_READ_BYTES, length - at)]
        partition.readinto(at, part)
        digest.update(part)
    return digest.digest()
