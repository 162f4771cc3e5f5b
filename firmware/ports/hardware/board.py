"""A real board as main sees it: flash, USB, LED, Ethernet, watchdog, entropy, reset."""

import os

import board_config
import machine

from ports.hardware.chip import exit
from ports.hardware.lan import open_lan
from ports.hardware.usb import Usb
from ports.unix import sockets
from protocol.wire.enumerations import BOOT_REASONS

_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what the interface says before DHCP answers


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
        self._lan = open_lan()

    def partition(self, name):
        """The Partition called `name`."""
        return self._flash.partition(name)

    def led(self, pattern):
        """Shows `pattern`, a name from the table of lights."""
        self.pins.led(pattern)

    def ethernet_up(self):
        """The PHY's link bit."""
        return self._lan.isconnected()

    def button(self):
        """True while the boot button is held; a board without one cannot be reset by hand."""
        pin = board_config.BOOT_BUTTON
        return pin is not None and not machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP).value()

    def link(self):
        """What carries the traffic (ports/unix/sockets.py)."""
        return sockets.link(self)

    def address(self):
        """The IPv4 address as text, "" without link or before DHCP gave one."""
        if self.link() > 1:
            return self.bridge.address
        found = self._lan.ifconfig()[0] if self.ethernet_up() else _NO_ADDRESS
        return "" if found == _NO_ADDRESS else found

    def feed_watchdog(self):
        """Holds off the watchdog for its period (watchdog_ms of the board file)."""
        self.pins.feed_watchdog()

    def restart(self, reason="restart"):
        """Resets the chip; `reason` is a name from BOOT_REASONS and is what the next boot reports."""
        exit(BOOT_REASONS.index(reason))

    def entropy(self, count):
        """`count` bytes from the hardware's random source."""
        return os.urandom(count)
