"""A real board as the factory link sees it: with a clock in microseconds that does not wrap.

The line board's SLIC and codecs have no test side, so line and bell are skipped by the self-test
(docs/hardware-bring-up.md); a hand on the bench calls the unit instead.
"""

import time


class BenchBoard:
    """`board` at a bench; `directory` is the simulated board's."""

    bench = None

    def __init__(self, board, directory):
        self.name, self.hardware_revision, self.uid = board.name, board.hardware_revision, board.uid
        self.pins, self.usb = board.pins, board.usb
        self.led, self.button, self.ethernet_up = board.led, board.button, board.ethernet_up
        self.partition, self.entropy, self.restart = board.partition, board.entropy, board.restart
        self._ticks = time.ticks_us()
        self._sum_us = 0

    def clock_us(self):
        """Microseconds, ever more; to be asked once in half a period of the counter (9 minutes on a board)."""
        ticks = time.ticks_us()
        self._sum_us += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._sum_us
