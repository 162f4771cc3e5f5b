"""The boot stage: picks a slot, checks its whole hash, mounts it, hands over to its main. No network here.

Which chip it runs on, its port's `chip` module knows. Heap order: the image's buffer comes first where flash cannot
be mapped. Boot's modules are dropped before the image's are loaded.
"""

import time

STARTED_MS = time.ticks_ms()

import gc  # noqa: E402
import sys  # noqa: E402

import vfs  # noqa: E402

from adapter.records import RecordPair  # noqa: E402
from adapter.reset_wish import is_wished  # noqa: E402
from adapter.slot_check import select  # noqa: E402
from ports.unix.chip import CRASH, NO_IMAGE, Chip, exit  # noqa: E402
from protocol.wire.enumerations import BOOT_REASONS  # noqa: E402
from protocol.wire.image import HEADER_BYTES  # noqa: E402

_LOCKED_STAGE, _RESET_STAGE = 2, 3  # of adapter/identity.py


class RunningImage:
    """The values of the image's ImageHeader, under the same names, without the class and its module."""

    def __init__(self, header):
        for name, value in header.__dict__.items():
            setattr(self, name, value)


class Handover:
    """What main is given: see the attributes."""

    def __init__(self, chip):
        self.started_ms = STARTED_MS
        self.directory = chip.directory
        self.pins = chip.pins
        self.flash = chip.flash
        self.board = chip.board
        self.hardware_revision = chip.hardware_revision
        self.board_uid = chip.board_uid
        self.slot = 0
        self.image_sha256 = b""
        self.header = None  # RunningImage
        self.boot_reason = 0  # index into BOOT_REASONS
        self.trial = False
        self.attempt = 0
        self.locked = True
        self.image_bytes = 0  # of heap
        self.heap_bytes = 0  # without the image
        self.free_heap_bytes = 0  # just before main is imported


def prepare(chip):
    """The handover, with the image mounted at /rom; None if there is nothing to run."""
    flash = chip.flash
    handover = Handover(chip)
    found = select(
        flash,
        RecordPair(flash.partition("boot_record")),
        handover.board,
        handover.hardware_revision,
        sys.implementation._mpy & 0xFF,
        chip.reset_cause,
        log,
        chip.map,
    )
    if found is None:
        return None
    handover.slot = found.slot
    handover.header = RunningImage(found.header)
    handover.image_sha256 = found.sha256
    handover.boot_reason = found.choice.boot_reason
    handover.trial = found.choice.record.trial != 0
    handover.attempt = found.choice.record.attempts
    handover.image_bytes = 0 if chip.map else len(found.image) - 1  # select reads into one more
    handover.locked = is_locked(flash)
    if handover.locked:
        flash.seal("identity")
    vfs.mount(vfs.VfsRom(memoryview(found.image)[HEADER_BYTES:]), "/rom")
    return handover


def log(text):
    """A line for people who read the unit's standard error."""
    sys.stderr.write("boot: " + text + "\n")


def is_locked(flash):
    """True once the identity is complete; its stage is the first byte of its record. A factory reset goes on here."""
    payload = RecordPair(flash.partition("identity")).load()
    stage = None if payload is None else payload[0]
    if stage == _RESET_STAGE or is_wished(flash.partition("scratch")):
        from adapter.factory_reset import carry_out

        log("factory reset")
        stage = carry_out(flash)
    return stage == _LOCKED_STAGE


def start(chip):
    """The handover of a slot that may run, or None after showing why not."""
    pins = chip.pins
    pins.led("boot")
    handover = prepare(chip)
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
    kept = ("__name__", "gc", "sys", "hand_over", "handover", "exit", "CRASH")
    sys.modules.clear()
    for name in list(globals()):
        if name not in kept:
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


if __name__ == "__main__":
    try:
        handover = start(Chip())
        if handover is None:
            exit(NO_IMAGE)
        forget_boot()
        hand_over(handover)
    except Exception as error:  # the last line of defence: the traceback goes to the log, the chip resets
        sys.print_exception(error, sys.stderr)
    exit(CRASH)
