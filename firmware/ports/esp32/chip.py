"""The ESP32 as the boot stage finds it: its partitions, why it was reset, its memory-mapped slots.

Both slots lie in one partition called `romfs`: MicroPython maps exactly that one (ports/esp32/esp32_partition.c), so
that an image's bytecode runs from flash. MicroPython itself finds no file system at its start and leaves it alone.
"""

import board_config
import flash_map
import machine
import vfs
from esp32 import Partition as Stretch

from ports.esp32.block_flash import BlockFlash
from ports.esp32.pins import Pins
from protocol.wire.enumerations import BOOT_REASONS

NO_IMAGE = BOOT_REASONS.index("unknown")
CRASH = BOOT_REASONS.index("crash")
_TIMER = 0
_MAGIC = b"plugtone"
_GET_SEGMENT = 2  # vfs.rom_ioctl
_SLOTS = ("slot_a", "slot_b")
_ROMFS = "romfs"


def exit(reason):
    """Resets the chip; the next boot reports `reason`, an index into BOOT_REASONS. RTC memory outlives a reset."""
    machine.RTC().memory(_MAGIC + bytes([reason]))
    machine.reset()


class Chip:
    """Which board it is on, why it was reset, its flash and its pins."""

    def __init__(self):
        self.directory = ""
        self.board = board_config.BOARD
        self.hardware_revision = board_config.HARDWARE_REVISION
        self.board_uid = b"\0\0" + machine.unique_id()  # the base MAC
        self.reset_cause = _reset_cause()
        self.pins = Pins(board_config.STATUS_LED, _TIMER, board_config.WATCHDOG_MS)
        self.flash = BlockFlash(_devices(), flash_map.BLOCK_BYTES, flash_map.PARTITIONS)
        self._rom = memoryview(vfs.rom_ioctl(_GET_SEGMENT, 0))

    def map(self, slot, length):
        """The first `length` bytes of slot 0 or 1, in place."""
        start = flash_map.PARTITIONS[_SLOTS[slot]][0] - flash_map.PARTITIONS[_SLOTS[0]][0]
        return self._rom[start : start + length]


def _devices():
    """(offset, size, device) of every partition of ours; both slots are one."""
    found = []
    for name in flash_map.PARTITIONS:
        if name not in _SLOTS:
            stretch = Stretch(name)
            _, _, offset, size, _, _ = stretch.info()
            found.append((offset, size, stretch))
    stretch = Stretch(_ROMFS)
    found.append((stretch.info()[2], stretch.info()[3], stretch))
    return found


def _reset_cause():
    """What `exit` left, once; else what the chip knows."""
    clock = machine.RTC()
    left = clock.memory()
    clock.memory(b"")
    if len(left) == len(_MAGIC) + 1 and left[:-1] == _MAGIC and left[-1] < len(BOOT_REASONS):
        return left[-1]
    cause = machine.reset_cause()
    if cause == machine.PWRON_RESET:
        return BOOT_REASONS.index("power_on")
    if cause == machine.WDT_RESET:
        return BOOT_REASONS.index("watchdog")
    return BOOT_REASONS.index("reset_button" if cause == machine.HARD_RESET else "unknown")
