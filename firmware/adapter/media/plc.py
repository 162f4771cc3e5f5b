"""What is heard where sound is missing: the last pitch period over and over, fading (ITU-T G.711, Appendix I).

`line` holds the last HISTORY samples that were played and behind them the frame that is made now. The period is the
one that matches the line's end best; it is repeated as it is for 10 ms, then fades until nothing is left after 60 ms.
"""

from array import array

from adapter.media.samples import match, repeat

HISTORY = 480
_FRAME_SAMPLES = 160
_FADE_FROM = 80
_FADE_SAMPLES = 400


class Concealment:
    """The line of samples to the ear, a frame at a time: `shift`, then `heard` or `conceal` up to the frame's end."""

    def __init__(self):
        self.line = array("h", bytes(2 * (HISTORY + _FRAME_SAMPLES)))
        view = memoryview(self.line)
        self._before = view[:HISTORY]
        self._after = view[_FRAME_SAMPLES:]
        self._missing = 0  # samples made up in a row
        self._period = 0

    def shift(self):
        """Makes room for the next frame."""
        self._before[:] = self._after

    def conceal(self, at, count):
        """Makes line[at : at + count] up."""
        if not self._missing:
            self._period = match(self.line, at)
        left = max(0, _FADE_SAMPLES + _FADE_FROM - self._missing)
        repeat(self.line, at, count, self._period, left, _FADE_SAMPLES)
        self._missing += count

    def heard(self, at, count):
        """line[at : at + count] is sound that came."""
        self._missing = 0
