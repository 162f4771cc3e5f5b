"""The status light and the watchdog of a real chip; there is nobody outside to report to."""

import sys

import machine

_ON_MS = 1000


class Pins:
    """`led` is the light's number or None, `timer` the number of a timer nobody else uses."""

    def __init__(self, led, timer, watchdog_ms):
        self._led = None if led is None else machine.Pin(led, machine.Pin.OUT, value=0)
        self._timer = machine.Timer(timer)
        self._cycle = ()
        self._at = 0
        self._watchdog = machine.WDT(timeout=watchdog_ms)
        self._turned = self._turn  # a bound method made once: the timer's interrupt allocates nothing

    def report(self, facts):
        """Facts are for the simulated board's launcher."""

    def led(self, pattern):
        """Shows `pattern`, a name of the table of lights; one that is not in it (boot, self_test) is light."""
        if self._led is None:
            return
        from adapter.light_guide import CYCLES

        self._cycle = CYCLES.get(pattern, (_ON_MS,))
        sys.modules.pop("adapter.light_guide", None)  # the table is wanted seldom, its heap always
        self._at = 0
        self._timer.deinit()
        self._led.value(0)
        if self._cycle:
            self._turn(self._timer)

    def feed_watchdog(self):
        """Holds off the watchdog for its period."""
        self._watchdog.feed()

    def _turn(self, timer):
        """Light for the even times of the cycle, dark for the odd ones; a cycle of one time needs no turning."""
        self._led.value(1 - self._at % 2)
        if len(self._cycle) > 1:
            timer.init(mode=machine.Timer.ONE_SHOT, period=self._cycle[self._at], callback=self._turned)
            self._at = (self._at + 1) % len(self._cycle)
