"""The simulated board as main sees it: flash, USB, LED, Ethernet, watchdog, entropy, reset."""

import os
import sys

from ports.unix import sockets
from ports.unix.usb import Usb
from protocol.wire.enumerations import BOOT_REASONS

# The chip takes exit status 64 + index into BOOT_REASONS as the reason of a reset (boot.py).
_RESET_STATUS = 64


class Board:
    """`handover` is what boot gave to main. `bench` is what only a board on a bench has (bench_board.py)."""

    bench = None

    def __init__(self, handover):
        self.name = handover.board
        self.hardware_revision = handover.hardware_revision
        self.uid = handover.board_uid
        self.pins = handover.pins
        self.usb = Usb()
        self.bridge = None  # the Bridge, while one speaks to a unit without a cable (adapter/sift.py)
        self.unfinished = b""
        self._flash = handover.flash
        self._directory = handover.directory

    def partition(self, name):
        """The Partition called `name`."""
        return self._flash.partition(name)

    def led(self, pattern):
        """Shows `pattern`, a name from the table of lights."""
        self.pins.led(pattern)

    def ethernet_up(self):
        """The PHY's link bit."""
        with open(self._directory + "/ethernet") as file:
            return file.read(2) == "up"

    def button(self):
        """True while the boot button is held."""
        try:
            os.stat(self._directory + "/strap")
        except OSError:
            return False
        return True

    def link(self):
        """What carries the traffic (ports/unix/sockets.py)."""
        return sockets.link(self)

    def address(self):
        """The IPv4 address as text, "" without link; this board's Ethernet is the host's loopback."""
        link = self.link()
        return "127.0.0.1" if link == 1 else self.bridge.address if link else ""

    def feed_watchdog(self):
        """Holds off the watchdog for its period (watchdog_ms of the board file)."""
        self.pins.feed_watchdog()

    def restart(self, reason="restart"):
        """Resets the chip; `reason` is a name from BOOT_REASONS and is what the next boot reports."""
        sys.exit(_RESET_STATUS + BOOT_REASONS.index(reason))

    def entropy(self, count):
        """`count` bytes from the hardware's random source."""
        return os.urandom(count)
