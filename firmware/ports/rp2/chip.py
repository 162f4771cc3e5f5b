"""The RP2040 as the boot stage finds it: its flash beside the program, why it was reset, its memory-mapped slots.

All flash is mapped; `rp2.Flash` shows what lies behind the program, from which MicroPython must be kept: the runtime
is built without a file system (docs/boards.md).
"""

import board_config
import flash_map
import machine
import rp2

from ports.rp2.block_flash import BlockFlash
from ports.rp2.pins import Pins
from protocol.wire.enumerations import BOOT_REASONS

NO_IMAGE = BOOT_REASONS.index("unknown")
CRASH = BOOT_REASONS.index("crash")
_TIMER = -1
# RP2040 Datasheet 4.7.6: SCRATCH0 of the watchdog outlives every reset but of power; the boot ROM uses 4 to 7.
_SCRATCH = 0x4005800C
_MAGIC = 0x706C7500
_SLOTS = ("slot_a", "slot_b")


def exit(reason):
    """Resets the chip; the next boot reports `reason`, an index into BOOT_REASONS."""
    machine.mem32[_SCRATCH] = _MAGIC | reason
    machine.reset()


class Chip:
    """Which board it is on, why it was reset, its flash and its pins."""

    def __init__(self):
        self.directory = ""
        self.board = board_config.BOARD
        self.hardware_revision = board_config.HARDWARE_REVISION
        self.board_uid = machine.unique_id()
        self.reset_cause = _reset_cause()
        self.pins = Pins(board_config.STATUS_LED, _TIMER, board_config.WATCHDOG_MS)
        stretch = rp2.Flash()
        start = board_config.PROGRAM_BYTES
        devices = [(start, flash_map.FLASH_BYTES - start, stretch)]
        self.flash = BlockFlash(devices, flash_map.BLOCK_BYTES, flash_map.PARTITIONS)
        self._rom = memoryview(stretch)  # type: ignore[arg-type]  # a buffer, which the stubs do not know

    def map(self, slot, length):
        """The first `length` bytes of slot 0 or 1, in place."""
        start = flash_map.PARTITIONS[_SLOTS[slot]][0] - board_config.PROGRAM_BYTES
        return self._rom[start : start + length]


def _reset_cause():
    """What `exit` left, once; else what the chip knows."""
    left = machine.mem32[_SCRATCH]
    machine.mem32[_SCRATCH] = 0
    if left & ~0xFF == _MAGIC and left & 0xFF < len(BOOT_REASONS):
        return left & 0xFF
    return BOOT_REASONS.index("watchdog" if machine.reset_cause() == machine.WDT_RESET else "power_on")
