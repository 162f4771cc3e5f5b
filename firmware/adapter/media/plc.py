"""What is heard where sound is missing: the last pitch period over and over (as in ITU-T G.711, Appendix I).

The period is the one at which what was played repeats best. It is repeated as loud as it was for 10 ms, then fades
until nothing is left after 60 ms. Where it is known already what comes after the gap, because later packets are there,
that is continued backwards in the same way, and the gap fades from the one to the other; else the sound that comes at
last is faded in over 4 ms.

`line` holds the last HISTORY samples that were played and behind them the frame that is being made.
"""

from array import array

from adapter.media.samples import match, mix

HISTORY = 320
NEXT_SAMPLES = 160
_FRAME_SAMPLES = 160
_MAX_PERIOD = 120
_FULL = 16384
_FADE_FROM = 80
_FADE_SAMPLES = 400
_FADE_STEP = 41  # of _FULL, a sample
_MERGE_SAMPLES = 32
_UNKNOWN = -1


class Concealment:
    """The line of samples to the ear, a frame at a time: `shift`, then `heard` or `conceal` up to the frame's end."""

    def __init__(self):
        self.line = array("h", bytes(2 * (HISTORY + _FRAME_SAMPLES)))
        self.next = array("h", bytes(2 * NEXT_SAMPLES))  # what comes after the gap
        view = memoryview(self.line)
        self._before = view[:HISTORY]
        self._after = view[_FRAME_SAMPLES:]
        self._last = array("h", bytes(2 * _MAX_PERIOD))
        self.clear()

    def clear(self):
        """Another call: nothing of the one before is heard in it."""
        for at in range(len(self.line)):
            self.line[at] = 0
        self.missing = 0  # samples made up in a row
        self._period = 0
        self._known = _UNKNOWN  # of the samples made up, those before it was known what comes next

    def shift(self):
        """Makes room for the next frame."""
        self._before[:] = self._after

    def conceal(self, at, count, ahead):
        """Makes line[at : at + count] up. `ahead` samples from its start on, `next` follows; 0: what is not known."""
        line, last, missing = self.line, self._last, self.missing
        if not missing:
            self._known = _UNKNOWN
            self._period = match(line, at - 1, -1, at)
            mix(last, 0, self._period, line, 0, at - self._period, _FULL, 0, _FULL, 0)
        mix(line, at, count, last, self._period, missing % self._period, self._gain(), _FADE_STEP, _FULL, 0)
        if ahead:
            if self._known < 0:
                self._known = missing
            total = missing - self._known + ahead
            period = match(self.next, 0, 1, NEXT_SAMPLES)
            weight = (missing - self._known) * _FULL // total
            mix(line, at, count, self.next, period, -ahead % period, _FULL, 0, weight, _FULL // total)
        self.missing += count

    def heard(self, at, count):
        """line[at : at + count] is sound that came."""
        if self.missing and self._known < 0:
            phase = self.missing % self._period
            count = min(count, _MERGE_SAMPLES)
            step = _FULL // _MERGE_SAMPLES
            mix(self.line, at, count, self._last, self._period, phase, self._gain(), _FADE_STEP, _FULL - step, -step)
        self.missing = 0

    def _gain(self):
        return (_FADE_FROM + _FADE_SAMPLES - self.missing) * _FADE_STEP
