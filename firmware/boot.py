"""The boot stage: picks a slot, checks its whole hash, mounts it, hands over to its main. No network here.

The chip starts it as `boot DIRECTORY PINS_FD RESET_CAUSE`. Heap order: the image's buffer comes
first, as a board would map its flash. Boot's modules are dropped before the image's are loaded.
"""

import time

STARTED_MS = time.ticks_ms()

import gc  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from binascii import unhexlify  # noqa: E402

import flash_map  # noqa: E402  generated from boards/*.toml
import vfs  # noqa: E402

from adapter.records import RecordPair  # noqa: E402
from adapter.slot_check import select  # noqa: E402
from ports.unix.flash import Flash  # noqa: E402
from ports.unix.pins import Pins  # noqa: E402
from protocol.wire.enumerations import BOOT_REASONS  # noqa: E402
from protocol.wire.image import HEADER_BYTES  # noqa: E402

# The chip reads the exit status: the reason of a reset, or a wish to enter the ROM loader.
LOADER_STATUS = 80
CRASH_STATUS = 64 + BOOT_REASONS.index("crash")
_LOCKED_STAGE = 2  # of adapter/identity.py


class RunningImage:
    """The values of the image's ImageHeader, under the same names, without the class and its module."""

    def __init__(self, header):
        for name, value in header.__dict__.items():
            setattr(self, name, value)


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
        self.header = None  # RunningImage
        self.boot_reason = 0  # index into BOOT_REASONS
        self.trial = False
        self.attempt = 0
        self.locked = True
        self.image_bytes = 0
        self.heap_bytes = 0  # without the image
        self.free_heap_bytes = 0  # just before main is imported


def prepare(directory, pins, reset_cause):
    """The handover, with the image mounted at /rom; None if there is nothing to run."""
    with open(directory + "/chip.json") as file:
        chip = json.load(file)
    flash = Flash(directory + "/flash.bin", flash_map.FLASH_BYTES, flash_map.BLOCK_BYTES, flash_map.PARTITIONS)
    handover = Handover(directory, pins, flash, chip)
    found = select(
        flash,
        RecordPair(flash.partition("boot_record")),
        handover.board,
        handover.hardware_revision,
        sys.implementation._mpy & 0xFF,
        reset_cause,
        log,
    )
    if found is None:
        return None
    handover.slot = found.slot
    handover.header = RunningImage(found.header)
    handover.image_sha256 = found.sha256
    handover.boot_reason = found.choice.boot_reason
    handover.trial = found.choice.record.trial != 0
    handover.attempt = found.choice.record.attempts
    handover.image_bytes = len(found.image)
    handover.locked = is_locked(flash.partition("identity"))
    if handover.locked:
        flash.seal("identity")
    vfs.mount(vfs.VfsRom(memoryview(found.image)[HEADER_BYTES:]), "/rom")
    return handover


def log(text):
    """A line for people who read the unit's standard error."""
    sys.stderr.write("boot: " + text + "\n")


def is_locked(partition):
    """True once the identity is complete; its stage is the first byte of its record."""
    payload = RecordPair(partition).load()
    return payload is not None and payload[0] == _LOCKED_STAGE


def start(argv):
    """The handover of a slot that may run, or None after showing why not."""
    directory, pins_fd, cause = argv
    pins = Pins(open(int(pins_fd), "wb"))
    pins.led("boot")
    handover = prepare(directory, pins, BOOT_REASONS.index(cause))
    if handover is None:
        pins.led("no_image")
        return None
    pins.report({
        "slot": handover.slot,
        "version": handover.header.version,
        "trial": handover.trial,
        "boot_reason": BOOT_REASONS[handover.boot_reason],
        "runtime": sys.implementation.name,
        "image_bytes": handover.image_bytes,
        "boot_ms": time.ticks_diff(time.ticks_ms(), STARTED_MS),
    })  # fmt: skip
    return handover


def forget_boot():
    """Gives boot's modules and names back to the heap; the image brings its own."""
    sys.modules.clear()
    for name in list(globals()):
        if name not in _KEPT:
            del globals()[name]
    sys.path[:] = ["/rom", ".frozen"]  # the runtime brings asyncio frozen
    gc.collect()


def hand_over(handover):
    """Runs the image's main; returns if it ends, which no image should."""
    handover.free_heap_bytes = gc.mem_free()
    handover.heap_bytes = handover.free_heap_bytes + gc.mem_alloc() - handover.image_bytes
    handover.pins.report({"heap_bytes": handover.heap_bytes, "free_heap_bytes": handover.free_heap_bytes})
    import main

    main.run(handover)


_KEPT = ("__name__", "_KEPT", "gc", "sys", "hand_over", "handover", "LOADER_STATUS", "CRASH_STATUS")

if __name__ == "__main__":
    try:
        handover = start(sys.argv[1:])
        if handover is None:
            sys.exit(LOADER_STATUS)
        forget_boot()
        hand_over(handover)
    except Exception as error:  # the last line of defence: the traceback goes to the log, the chip resets
        sys.print_exception(error, sys.stderr)
    sys.exit(CRASH_STATUS)
