"""A real chip's MicroPython modules for the unix port, by fakes: flash in memory, a network that is up, no pins.

Run by MicroPython as `fake_chip.py BOOT_ROM FLASH_FILE PORT WHAT`: it boots what is in the flash as the chip would,
then runs it (WHAT is run) or imports every module of the image and prints how many (WHAT is import).
"""

import sys

BOOT_ROM, FLASH_FILE, PORT, WHAT = sys.argv[1:]
sys.path[:] = [BOOT_ROM, ".frozen"]

import os

import flash_map
import vfs

FLASH = bytearray(flash_map.FLASH_BYTES)
with open(FLASH_FILE, "rb") as file:
    file.readinto(FLASH)


class Namespace:
    """A module."""

    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)


class Quiet:
    """A peripheral that takes everything and does nothing."""

    OUT, IN, ONE_SHOT, RX, TX, MONO = 1, 0, 0, 1, 2, 3

    def __init__(self, *arguments, **keywords):
        pass

    def value(self, *arguments):
        return 0

    def __getattr__(self, name):
        return lambda *arguments, **keywords: None


class BlockDevice:
    """What esp32.Partition and rp2.Flash are: extended block devices over a stretch of NOR flash."""

    def __init__(self, offset, size):
        self.offset, self.size = offset, size

    def readblocks(self, block, buffer, offset):
        at = self.offset + block * 4096 + offset
        buffer[:] = FLASH[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset):
        at = self.offset + block * 4096 + offset
        if at % 256 or len(buffer) % 256:
            raise ValueError("the flash takes whole pages")
        for index in range(len(buffer)):
            FLASH[at + index] &= buffer[index]

    def ioctl(self, operation, block):
        if operation == 6:
            at = self.offset + block * 4096
            FLASH[at : at + 4096] = b"\xff" * 4096


class Stretch(BlockDevice):
    """esp32.Partition by its label; both slots are one, called romfs (boards/partition_table.py)."""

    def __init__(self, label):
        first, second = flash_map.PARTITIONS["slot_a"], flash_map.PARTITIONS["slot_b"]
        both = (first[0], second[0] + second[1] - first[0])
        super().__init__(*(both if label == "romfs" else flash_map.PARTITIONS[label]))
        self.label = label

    def info(self):
        return (1, 6, self.offset, self.size, self.label, False)


class Clock:
    """machine.RTC: its memory."""

    kept = b""

    def memory(self, *data):
        if data:
            Clock.kept = data[0]
        return Clock.kept


class Lan(Quiet):
    def isconnected(self):
        return True

    def ifconfig(self):
        return ("192.0.2.7", "255.255.255.0", "192.0.2.1", "192.0.2.1")


class Vfs:
    """The real module, and the mapping that the unix port lacks."""

    VfsRom, VfsLfs2, umount = vfs.VfsRom, vfs.VfsLfs2, vfs.umount

    @staticmethod
    def mount(*arguments):
        vfs.mount(*arguments)

    @staticmethod
    def rom_ioctl(operation, argument):
        stretch = Stretch("romfs")
        return memoryview(FLASH)[stretch.offset : stretch.offset + stretch.size]


class Flash(BlockDevice):
    """rp2.Flash, which shows what lies behind the program; it gives its buffer where this one is cut by hand."""

    def __init__(self):
        start = min(row[0] for row in flash_map.PARTITIONS.values())
        super().__init__(start, len(FLASH) - start)


def reset():
    raise SystemExit(3)


MACHINE = Namespace(
    Pin=Quiet, PWM=Quiet, I2S=Quiet, SPI=Quiet, Timer=Quiet, WDT=Quiet, RTC=Clock, mem32={0x4005800C: 0}, reset=reset,
    reset_cause=lambda: 1, PWRON_RESET=1, HARD_RESET=2, WDT_RESET=3, unique_id=lambda: b"\x24\x0a\xc4\x01\x02\x03",
)  # fmt: skip
NETWORK = Namespace(LAN=Lan, WIZNET5K=Lan, PHY_LAN8720=1, PHY_LAN8710=0, PHY_RTL8201=3)
FAKES = {
    "machine": MACHINE, "network": NETWORK, "esp32": Namespace(Partition=Stretch), "vfs": Vfs,
    "rp2": Namespace(Flash=Flash),
}  # fmt: skip
if PORT == "rp2":
    MACHINE.unique_id = lambda: b"\xe6\x61\x04\x10\x03\x04\x05\x06"
    builtin_memoryview = memoryview

    def view(thing):
        """The rp2 port's memoryview takes an rp2.Flash."""
        if isinstance(thing, Flash):
            return builtin_memoryview(FLASH)[thing.offset :]
        return builtin_memoryview(thing)


sys.modules.update(FAKES)
if PORT == "rp2":
    __import__("ports.rp2.chip").rp2.chip.memoryview = view

import boot

handover = boot.start(boot.Chip())
if handover is None:
    sys.exit(4)
FROZEN = {name: sys.modules[name] for name in ("board_config", "flash_map")}
boot.forget_boot()
sys.modules.update(FAKES)
sys.modules.update(FROZEN)


def import_all(path, package):
    """Every module below `path`; machine code of another processor is no fault here."""
    count = 0
    for entry in os.ilistdir(path):
        name = entry[0].rsplit(".", 1)[0]
        if entry[1] == 0x4000:
            count += import_all(path + "/" + entry[0], package + entry[0] + ".")
        else:
            try:
                __import__(package + name)
            except ValueError as error:
                if "arch" not in str(error):
                    raise
            count += 1
    return count


if WHAT == "import":
    print(import_all("/rom", ""), handover.board, handover.slot, handover.boot_reason)
else:
    boot.hand_over(handover)
