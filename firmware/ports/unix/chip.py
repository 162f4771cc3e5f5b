"""The simulated chip as the boot stage finds it: started as `boot DIRECTORY PINS_FD RESET_CAUSE`."""

import json
import sys
from binascii import unhexlify

import flash_map  # generated from boards/*.toml

from ports.unix.flash import Flash
from ports.unix.pins import Pins
from protocol.wire.enumerations import BOOT_REASONS

# The launcher reads the exit status: the reason of a reset, or a wish to enter the ROM loader.
NO_IMAGE = 80
CRASH = 64 + BOOT_REASONS.index("crash")
exit = sys.exit


class Chip:
    """Which board it is on, why it was reset, its flash and its pins."""

    map = None  # there is no memory-mapped flash on this port

    def __init__(self):
        self.directory, pins_fd, cause = sys.argv[1:]
        self.pins = Pins(open(int(pins_fd), "wb"))
        with open(self.directory + "/chip.json") as file:
            facts = json.load(file)
        self.board = facts["board"]
        self.hardware_revision = facts["hardware_revision"]
        self.board_uid = unhexlify(facts["board_uid"])
        self.reset_cause = BOOT_REASONS.index(cause)
        path = self.directory + "/flash.bin"
        self.flash = Flash(path, flash_map.FLASH_BYTES, flash_map.BLOCK_BYTES, flash_map.PARTITIONS)
