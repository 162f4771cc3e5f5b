"""Runs under MicroPython: a line and its telephone without calls. 5 rings, 933 answers and echoes, 7 calls back.

Arguments: the board's folder, and the ms it lives.
"""

import sys
import time

from adapter.line import Line
from ports.unix.telephone import Telephone


class Unit:
    """The smallest voice part there can be."""

    def __init__(self, folder):
        self.telephone = Telephone(folder)
        self.line = Line("US", "933|7|5", "")
        self.line.event("service", 0, "full", True)
        self.pcm = bytearray(320)
        self.ring = False
        self.call_ms = 0

    def tick(self, now_ms):
        """20 ms."""
        line, telephone = self.line, self.telephone
        while True:
            event = telephone.poll()
            if event is None:
                break
            if event[0] == "hook":
                line.hook(event[1], now_ms)
            else:
                line.digit(event[1], event[2], now_ms)
        line.poll(now_ms)
        while line.events:
            self.act(line.events.pop(0), now_ms)
        if self.call_ms and now_ms >= self.call_ms and line.state == "idle":
            self.call_ms = 0
            line.event("messages", now_ms, 1)
            line.event("incoming", now_ms, "5555550100", "ADA BAKER", "11230830", 5)
        if line.ringing != self.ring:
            self.ring = line.ringing
            telephone.ring(self.ring)
        telephone.lamp(line.lamp)
        said = telephone.read(self.pcm)
        if line.fill(self.pcm) or (line.state == "talking" and said):
            telephone.write(self.pcm)

    def act(self, act, now_ms):
        """Tells the act, and answers for the far end."""
        print(act)
        if act[0] == "dial":
            if act[1] == "933":
                self.line.event("answered", now_ms)
            elif act[1] == "7":
                self.call_ms = now_ms
                self.line.event("busy", now_ms)
            else:
                self.line.event("ringback", now_ms)


def main():
    """Ticks until its time is up."""
    unit = Unit(sys.argv[1])
    started = time.ticks_ms()
    now_ms = 0
    while now_ms < int(sys.argv[2]):
        time.sleep_ms(max(0, now_ms - time.ticks_diff(time.ticks_ms(), started)))
        unit.tick(now_ms)
        now_ms += 20


main()
