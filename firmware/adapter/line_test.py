"""Is the telephone line sound? Its chip plays a tone and measures it back, and rings without a telephone.

`line` is the chip's own test side: gain(tenths of a dB), loop(out, back) plays 20 ms (320 bytes, 16 bits, 8 kHz) into
the open line and fills `back` with what the codec hears meanwhile, ring(on) gives (volts, trips: the chip sees a
handset lifted while it rings). A result is (code, value); code 0 is sound, the others are in protocol/host/findings.py.
"""

import math

from adapter.tones import Tone

_TONE = "1000@13"  # Hz, and dB below 0 dBm0: eight samples a turn, so that whole turns fill a frame
_LEVEL_TENTHS = 130
_TURN_SAMPLES = 8
_FRAME_BYTES = 320
_SETTLE_FRAMES, _FRAMES = 2, 5
_ZERO_DBM0_POWER = 22827 * 22827 / 2  # of the samples of a sine of 0 dBm0
_SILENCE_TENTHS = 400  # below 0 dBm0: nothing comes back
_MOST_GAIN_TENTHS = 30  # what calibration may make good
_LEAST_PURITY_TENTHS = 300  # tone to all else: ITU-T Q.552 asks for 33 dB of a whole connection
_LEAST_VOLTS, _MOST_VOLTS = 40, 90  # GR-57: 40 V at the telephone is the least
_SILENT, _WEAK, _LOUD, _IMPURE = 1, 2, 3, 4
_NO_RING, _LOW_RING, _HIGH_RING, _NO_TRIP = 1, 2, 3, 4


def measure(line, gain_tenths=0):
    """(level, purity) of the tone that comes back: tenths of dB below 0 dBm0, and above all else that is heard."""
    line.gain(gain_tenths)
    tone, out, back = Tone(_TONE), bytearray(_FRAME_BYTES), bytearray(_FRAME_BYTES)
    sines = [math.sin(index * math.pi / 4) for index in range(_TURN_SAMPLES)]
    real = imaginary = power = count = 0
    for frame in range(_SETTLE_FRAMES + _FRAMES):
        tone.fill(out)
        line.loop(out, back)
        if frame < _SETTLE_FRAMES:
            continue
        for at in range(0, _FRAME_BYTES, 2):
            sample = back[at] | back[at + 1] << 8
            if sample & 0x8000:
                sample -= 0x10000
            turn = count & 7
            real += sample * sines[turn + 2 & 7]
            imaginary += sample * sines[turn]
            power += sample * sample
            count += 1
    line.gain(0)
    heard = (real * real + imaginary * imaginary) * 2 / (count * count)  # Goertzel's bin, as the power of a sine
    power /= count
    return _tenths(_ZERO_DBM0_POWER, heard), _tenths(heard, max(power - heard, heard / 1e9, 1e-9))


def loop(line):
    """The loop: value is the level that came back, in tenths of dB below 0 dBm0."""
    level, purity = measure(line)
    if level > _SILENCE_TENTHS:
        return _SILENT, min(level, 1200)
    if level > _LEVEL_TENTHS + _MOST_GAIN_TENTHS:
        return _WEAK, level
    if level < _LEVEL_TENTHS - _MOST_GAIN_TENTHS:
        return _LOUD, max(level, 0)
    return (_IMPURE if purity < _LEAST_PURITY_TENTHS else 0), level


def gain(line):
    """What the line wants added, in tenths of a dB: at most what calibration may make good."""
    level = measure(line)[0] - _LEVEL_TENTHS
    return max(-_MOST_GAIN_TENTHS, min(_MOST_GAIN_TENTHS, level))


def ring(line):
    """The bell's generator: value is its voltage."""
    volts, trips = line.ring(True)
    line.ring(False)
    code = _NO_TRIP if not trips else 0
    if volts < 5:
        code = _NO_RING
    elif volts < _LEAST_VOLTS:
        code = _LOW_RING
    elif volts > _MOST_VOLTS:
        code = _HIGH_RING
    return code, volts


def _tenths(above, below):
    return round(100 * math.log10(above / below)) if below > 1e-9 else 1200
