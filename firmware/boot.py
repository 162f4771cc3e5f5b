"""The boot stage: picks a slot, checks its whole hash, mounts it, hands over to its main. No network here.

The chip starts it as `boot DIRECTORY PINS_FD RESET_CAUSE`. Heap order: the image's buffer comes
first, as a board would map its flash. Boot's modules are dropped before the image's are loaded.
"""

import time

STARTED_MS = time.ticks_ms()

import gc  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import vfs  # noqa: E402
from binascii import unhexlify  # noqa: E402
from hashlib import sha256  # noqa: E402

import flash_map  # noqa: E402  generated from boards/*.toml
from adapter import boot_record  # noqa: E402
from adapter.records import RecordPair  # noqa: E402
from ports.unix.flash import Flash  # noqa: E402
from ports.unix.pins import Pins  # noqa: E402
from protocol.wire.boot_record import BootRecord  # noqa: E402
from protocol.wire.errors import WireError  # noqa: E402
from protocol.wire.image import HEADER_BYTES, ImageHeader  # noqa: E402
from protocol.wire.layouts import BOOT_REASONS  # noqa: E402

# The chip reads the exit status: the reason of a reset, or a wish to enter the ROM loader.
RESET_STATUS = 64
LOADER_STATUS = 80
_SLOTS = ("slot_a", "slot_b")
_LOCKED_STAGE = 2  # of adapter/identity.py


class Handover:
    """What main is given: see the attributes."""

    def __init__(self, directory, pins, flash, chip):
        self.started_ms = STARTED_MS
        self.directory = directory
        self.pins = pins
        self.flash = flash
        self.board = chip["board"]
        self.hardware_revision = chip["hardware_revision"]
        self.board_uid = unhexlify(chip["board_uid"])
        self.slot = 0
        self.image_sha256 = b""
        self.header = None  # ImageHeader
        self.boot_reason = 0  # index into BOOT_REASONS
        self.trial = False
        self.attempt = 0
        self.locked = True
        self.image_bytes = 0
        self.heap_bytes = 0  # without the image
        self.free_heap_bytes = 0  # just before main is imported


def checked_header(handover, record, slot, image):
    """The header of the image in `slot`, read whole into `image`; None, with a line in the log, if it may not run."""
    length, digest = record.slots[slot]
    if not HEADER_BYTES < length <= len(image):
        return _refuse(slot, "holds no verified image")
    view = memoryview(image)[:length]
    handover.flash.partition(_SLOTS[slot]).readinto(0, view)
    if sha256(view).digest() != digest:
        return _refuse(slot, "fails its hash")
    try:
        header = ImageHeader.unpack(image)
    except WireError as error:
        return _refuse(slot, str(error))
    refusal = header.refusal(handover.board, handover.hardware_revision, sys.implementation._mpy & 0xFF)
    if not refusal and header.image_bytes != length:
        refusal = "header names %d bytes, the boot record %d" % (header.image_bytes, length)
    if not refusal and header.release_counter < record.floor:
        refusal = "release counter %d is below the floor %d" % (header.release_counter, record.floor)
    return _refuse(slot, refusal) if refusal else header


def _refuse(slot, why):
    print("boot: slot %d %s" % (slot, why), file=sys.stderr)


def select(handover, pair, reset_cause):
    """Fills `handover` with the slot to run and returns its image; None if no slot may run."""
    payload = pair.load()
    if payload is None:
        return None
    record = BootRecord.unpack(payload)
    image = bytearray(max(record.slots[0][0], record.slots[1][0], HEADER_BYTES))
    choice = boot_record.choose(record, reset_cause)
    header = checked_header(handover, choice.record, choice.slot, image)
    if header is None:
        choice = boot_record.damaged(choice)
        header = checked_header(handover, choice.record, choice.slot, image)
    if header is None:
        return None
    if choice.changed:
        pair.store(choice.record.pack())
    handover.slot = choice.slot
    handover.header = header
    handover.image_sha256 = choice.record.slots[choice.slot][1]
    handover.boot_reason = choice.boot_reason
    handover.trial = choice.record.trial != 0
    handover.attempt = choice.record.attempts
    handover.image_bytes = len(image)
    return image


def prepare(directory, pins, reset_cause):
    """The handover, with the image mounted at /rom; None if there is nothing to run."""
    with open(directory + "/chip.json") as file:
        chip = json.load(file)
    flash = Flash(directory + "/flash.bin", flash_map.FLASH_BYTES, flash_map.BLOCK_BYTES, flash_map.PARTITIONS)
    handover = Handover(directory, pins, flash, chip)
    image = select(handover, RecordPair(flash.partition("boot_record")), reset_cause)
    if image is None:
        return None
    handover.locked = is_locked(flash.partition("identity"))
    if handover.locked:
        flash.seal("identity")
    vfs.mount(vfs.VfsRom(memoryview(image)[HEADER_BYTES:]), "/rom")
    return handover


def is_locked(partition):
    """True once the identity is complete; its stage is the first byte of its record."""
    payload = RecordPair(partition).load()
    return payload is not None and payload[0] == _LOCKED_STAGE


def start(argv):
    """Boots; returns the exit status for the chip."""
    directory, pins_fd, cause = argv
    pins = Pins(open(int(pins_fd), "wb"))
    pins.led("boot")
    handover = prepare(directory, pins, BOOT_REASONS.index(cause))
    if handover is None:
        pins.led("no_image")
        return LOADER_STATUS
    sys.modules.clear()
    sys.path[:] = ["/rom", ".frozen"]  # the runtime brings asyncio frozen
    gc.collect()
    handover.free_heap_bytes = gc.mem_free()
    handover.heap_bytes = handover.free_heap_bytes + gc.mem_alloc() - handover.image_bytes
    pins.report({
        "slot": handover.slot,
        "version": handover.header.version,
        "trial": handover.trial,
        "boot_reason": BOOT_REASONS[handover.boot_reason],
        "runtime": sys.implementation.name,
        "heap_bytes": handover.heap_bytes,
        "image_bytes": handover.image_bytes,
        "free_heap_bytes": handover.free_heap_bytes,
        "boot_ms": time.ticks_diff(time.ticks_ms(), STARTED_MS),
    })  # fmt: skip
    import main

    main.run(handover)
    return RESET_STATUS + BOOT_REASONS.index("restart")


if __name__ == "__main__":
    try:
        status = start(sys.argv[1:])
    except Exception as error:  # the last line of defence: the traceback goes to the log, the chip resets
        sys.print_exception(error, sys.stderr)
        status = RESET_STATUS + BOOT_REASONS.index("crash")
    sys.exit(status)
