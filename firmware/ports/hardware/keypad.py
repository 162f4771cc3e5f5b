"""Which key of a tone telephone is pressed, by Goertzel's sum over 20 ms of what the mouth's codec hears.

ITU-T Q.23 gives the tones, Q.24 what a receiver must hear: a signal of 40 ms and more, a twist of 4 to 8 dB. Two
windows that agree are a key, two that do not are its end.
"""

import micropython

_SAMPLES = 160
# 2 cos(2 pi f / 8000) in units of 1/16384, for 697, 770, 852, 941, 1209, 1336, 1477 and 1633 Hz.
_TONES = (27980, 26956, 25701, 24219, 19073, 16325, 13085, 9315)
_KEYS = "123A456B789C*0#D"
_LEAST = 500  # of a tone's power: about -32 dBm0
_TWIST = 8  # a tone is at most 9 dB louder than its partner ...
_ABOVE = 6  # ... and 8 dB and more above every other tone of its group
_ENERGY = (
    5  # all of a window's energy would be the power 5/16 of it; voices, too, have tones: two thirds must be theirs
)


class Keypad:
    """`feed(pcm)` takes each 20 ms of 16-bit samples; `down` is the key that is held, "" for none."""

    def __init__(self):
        self.down = ""
        self._before = ""
        self._powers = [0] * len(_TONES)

    def feed(self, pcm):
        """Hears one window; allocates nothing."""
        powers = self._powers
        for index in range(len(_TONES)):
            powers[index] = _power(pcm, _SAMPLES, _TONES[index])
        low, high = _loudest(powers, 0), _loudest(powers, 4)
        heard = ""
        if low >= 0 and high >= 0 and powers[low] <= _TWIST * powers[high] and powers[high] <= _TWIST * powers[low]:
            whole = (_energy(pcm, _SAMPLES) >> 4) * _ENERGY
            if (powers[low] + powers[high]) // 2 * 3 >= whole:
                index = 4 * low + high - 4
                heard = _KEYS[index]
        if heard == self._before:
            self.down = heard
        self._before = heard


def _loudest(powers, first):
    """The tone of the group of four from `first` on that stands out, -1 if none does."""
    best = first
    for index in range(first, first + 4):
        if powers[index] > powers[best]:
            best = index
    if powers[best] < _LEAST:
        return -1
    for index in range(first, first + 4):
        if index != best and powers[index] * _ABOVE > powers[best]:
            return -1
    return best


# Numbers are kept so small that no product leaves 31 bits: samples lose 7, sums 4 more before they are squared.


@micropython.viper
def _power(pcm, count: int, tone: int) -> int:
    """Of one tone in `count` samples: the square of its amplitude times count / 2, in units of 2**22."""
    samples = ptr16(pcm)  # noqa: F821 - a type of viper's
    one = 0
    two = 0
    for index in range(count):
        sample = int(samples[index])
        if sample > 32767:
            sample -= 65536
        now = (sample >> 7) + (tone * one >> 14) - two
        two = one
        one = now
    one >>= 4
    two >>= 4
    return one * one + two * two - ((one * two >> 7) * tone >> 7)


@micropython.viper
def _energy(pcm, count: int) -> int:
    """The sum of the samples' squares, in units of 2**14."""
    samples = ptr16(pcm)  # noqa: F821
    found = 0
    for index in range(count):
        sample = int(samples[index])
        if sample > 32767:
            sample -= 65536
        sample >>= 7
        found += sample * sample
    return found
