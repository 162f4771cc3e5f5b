"""Which slot runs: the chosen one if its whole hash and its header are right, else the other one.

Nothing is written before an image was found that may run; then the boot record is brought up to date
first, so that a trial counts its attempt even if the image never gets further.
"""

from hashlib import sha256

from adapter import boot_record
from protocol.wire.boot_record import BootRecord
from protocol.wire.errors import WireError
from protocol.wire.image import HEADER_BYTES, ImageHeader


class Runnable:
    """An image that may run: `image` holds the whole slot's bytes, `choice` is boot_record's."""

    def __init__(self, choice, header, image):
        self.choice = choice
        self.header = header
        self.image = image

    @property
    def slot(self):
        """0 or 1."""
        return self.choice.slot

    @property
    def sha256(self):
        """The hash of the whole image, as it was checked."""
        return self.choice.record.slots[self.slot][1]


def select(flash, pair, board, revision, abi, reset_cause, log, map=None):
    """The Runnable for this boot, None if no slot may run; `log(text)` is told why a slot may not.

    `pair` is the RecordPair of the boot record, `reset_cause` an index into BOOT_REASONS. Where flash can be read in
    place, `map(slot, length)` gives a slot's bytes; without it they are read into the heap.
    """
    payload = pair.load()
    if payload is None:
        log("no boot record")
        return None
    try:
        record = BootRecord.unpack(payload)
    except WireError as error:
        log(str(error))
        return None
    # A byte more: the mounted image is remembered by its end as well, and the collector would take that for the object
    # behind it, this stage's with all its modules (16 KB), whenever an image fills its block of heap exactly.
    image = None if map else bytearray(max(record.slots[0][0], record.slots[1][0], HEADER_BYTES) + 1)
    choice = boot_record.choose(record, reset_cause)
    for _ in boot_record.SLOTS:
        header, refusal = check(flash, choice, board, revision, abi, image, map)
        if header is not None:
            if choice.changed:
                pair.store(choice.record.pack())
            return Runnable(choice, header, map(choice.slot, header.image_bytes) if map else image)
        log("slot %d: %s" % (choice.slot, refusal))
        choice = boot_record.damaged(choice)
    return None


def check(flash, choice, board, revision, abi, image, map=None):
    """(ImageHeader, "") of the chosen slot, `map` or read whole into `image`; (None, why) if it may not run."""
    record = choice.record
    length, digest = record.slots[choice.slot]
    if not HEADER_BYTES < length <= flash.partition(boot_record.SLOTS[choice.slot]).size:
        return None, "holds no verified image"
    if map:
        view = map(choice.slot, length)
    else:
        view = memoryview(image)[:length]
        flash.partition(boot_record.SLOTS[choice.slot]).readinto(0, view)
    if sha256(view).digest() != digest:
        return None, "fails its hash"
    try:
        header = ImageHeader.unpack(view)
    except WireError as error:
        return None, str(error)
    refusal = header.refusal(board, revision, abi)
    if not refusal and header.image_bytes != length:
        refusal = "header names %d bytes, the boot record %d" % (header.image_bytes, length)
    if not refusal and header.release_counter < record.floor:
        refusal = "release counter %d is below the floor %d" % (header.release_counter, record.floor)
    return (None, refusal) if refusal else (header, "")
