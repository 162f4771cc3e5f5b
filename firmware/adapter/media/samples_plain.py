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


def match(line, base, way, room):
    """The period at which `line` repeats best, from line[base] on in the direction `way` (1 or -1).

    It is the lag of 4 to 15 ms with the least mean difference, over 10 ms or what `room` samples leave (at least 160);
    every second lag is looked at, then the neighbours of the best.
    """
    best, period = 1 << 29, 32
    lag, last = 32, 120
    while lag <= last:
        count = min(80, room - lag)
        apart = 0
        for i in range(0, count, 2):
            apart += abs(line[base + way * i] - line[base + way * (i + lag)])
        apart = apart * 80 // count
        if apart < best:
            best, period = apart, lag
        lag += 2
        if lag == 122:
            lag, last = period - 1, min(119, period + 1)
    return period


def mix(line, at, count, source, period, phase, gain, fall, weight, rise):
    """Fades line[at : at + count] over to the first `period` samples of `source`, again and again, from `phase` on.

    `gain`, of the source, and `weight`, of the source against the line, are 0 to 16384, held there, and grow by
    -`fall` and `rise` from sample to sample.
    """
    for i in range(at, at + count):
        sample = source[phase] * min(16384, max(0, gain)) >> 14
        line[i] += (sample - line[i]) * min(16384, max(0, weight)) >> 14
        gain -= fall
        weight += rise
        phase += 1
        if phase == period:
            phase = 0


def noise(line, at, count, peak, state):
    """Writes samples up to `peak`, evenly distributed; returns the state for the next call (a 16-bit sequence)."""
    for i in range(at, at + count):
        state = (state * 25173 + 13849) & 0xFFFF
        line[i] = ((state >> 4) - 2048) * peak >> 11
    return state
