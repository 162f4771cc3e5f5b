"""The loops over samples in plain Python: for CPython, and for a port that cannot run samples_viper.py.

Both modules have the same functions and give the same samples (tests/firmware/adapter/media/test_samples.py). `pcm`
is bytes of signed 16-bit little-endian samples, `line` an array("h"), `ring` a buffer of codes whose length is a power
of two. Nothing is allocated, nothing is checked: the callers keep the bounds.
"""

from adapter.media.g711 import SEGMENTS


def encode(pcm, start, count, a_law, codes, at):
    """Writes the codes of `count` samples of `pcm` from sample `start` on to codes[at:] (G.711, 2.1)."""
    for i in range(count):
        x = pcm[2 * (start + i)] | pcm[2 * (start + i) + 1] << 8
        sign = x >> 15
        if a_law:
            if sign:
                x ^= 0xFFFF
            segment = SEGMENTS[x >> 7]
            code = segment << 4 | x >> (segment + 3) & 15 if segment else x >> 4
            code ^= 0x55 if sign else 0xD5
        else:
            if sign:
                x = 0x10000 - x
            x += 132
            if x > 0x7FFF:
                x = 0x7FFF
            segment = SEGMENTS[x >> 7]
            code = (segment << 4 | x >> (segment + 3) & 15) ^ (0x7F if sign else 0xFF)
        codes[at + i] = code


def decode(ring, at, count, table, line, to):
    """Writes the samples of `count` codes from ring[at] on, round its end, to line[to:]."""
    mask = len(ring) - 1
    for i in range(count):
        code = 2 * ring[(at + i) & mask]
        line[to + i] = ((table[code] | table[code + 1] << 8) ^ 0x8000) - 0x8000


def emit(line, at, count, pcm):
    """Writes line[at : at + count] to `pcm`."""
    for i in range(count):
        x = line[at + i]
        pcm[2 * i] = x & 0xFF
        pcm[2 * i + 1] = x >> 8 & 0xFF


def store(packet, start, count, ring, at):
    """Writes `count` bytes of `packet` from `start` on to the ring from `at` on."""
    mask = len(ring) - 1
    for i in range(count):
        ring[(at + i) & mask] = packet[start + i]


def match(line, end):
    """The period, in samples, at which line[:end] repeats best at its end."""
    best, period = -1, 40
    for lag in range(40, 121):
        apart = 0
        for i in range(end - 80, end, 2):
            apart += abs(line[i] - line[i - lag])
        if best < 0 or apart < best:
            best, period = apart, lag
    return period


def repeat(line, at, count, period, left, full):
    """Repeats the last `period` samples before line[at]; `left` of `full` parts of the loudness fade away."""
    for i in range(at, at + count):
        gain = max(0, min(left, full))
        line[i] = line[i - period] * gain // full
        left -= 1


def noise(line, at, count, peak, state):
    """Writes samples up to `peak`, evenly distributed; returns the state for the next call (a 16-bit sequence)."""
    for i in range(at, at + count):
        state = (state * 25173 + 13849) & 0xFFFF
        line[i] = ((state >> 4) - 2048) * peak >> 11
    return state
