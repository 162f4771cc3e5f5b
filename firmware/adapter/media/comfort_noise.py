"""The noise of a line on which nobody speaks, as loud as the peer says (RFC 3389).

The noise is white. A peer may describe its colour by reflection coefficients; to hear that the line is alive, the
level is enough.
"""

from adapter.media.samples import noise

SILENCE = 127  # dB below overload
# The peak of noise whose effective value is 0 to 5 dB below overload, in 256ths: 32768 * sqrt(3) * 10 ** (-dB / 20).
_PEAKS = b"\xde\xc6\xb0\x9d\x8c\x7d"
_LOUDEST = 32767


class ComfortNoise:
    """A generator of samples; `level` is in dB below overload, 0 to 127."""

    def __init__(self):
        self.level = SILENCE
        self._state = 1

    def feed(self, packet, start, stop):
        """Takes a payload: the level, and a colour that is left alone (3)."""
        self.level = packet[start] & 0x7F if stop > start else SILENCE

    def fill(self, line, at, count):
        """Writes line[at : at + count]."""
        peak = 0 if self.level >= SILENCE else min(_LOUDEST, _PEAKS[self.level % 6] << 8 >> self.level // 6)
        self._state = noise(line, at, count, peak, self._state)
