# ruff: noqa: F821, RUF046 - ptr8 and ptr16 are types of the viper compiler, and its len() gives an object
"""The loops over samples in machine code: samples_plain.py says what each does.

An image holds this module for its board's architecture; where that does not run, the import fails and plain Python
serves. Integers have the width of a machine word, so every value here fits 32 bits.
"""

import micropython

from adapter.media.g711 import SEGMENTS


@micropython.viper
def encode(pcm: ptr8, start: int, count: int, a_law: int, codes: ptr8, at: int):
    segments = ptr8(SEGMENTS)
    i = 0
    while i < count:
        x = pcm[2 * (start + i)] | pcm[2 * (start + i) + 1] << 8
        sign = x >> 15
        if a_law:
            if sign:
                x ^= 0xFFFF
            segment = segments[x >> 7]
            code = x >> 4
            if segment:
                code = segment << 4 | x >> (segment + 3) & 15
            code ^= 0x80 * (1 - sign) + 0x55
        else:
            if sign:
                x = 0x10000 - x
            x += 132
            if x > 0x7FFF:
                x = 0x7FFF
            segment = segments[x >> 7]
            code = (segment << 4 | x >> (segment + 3) & 15) ^ (0xFF - 0x80 * sign)
        codes[at + i] = code
        i += 1


@micropython.viper
def decode(ring, at: int, count: int, table: ptr8, line: ptr16, to: int):
    mask = int(len(ring)) - 1
    codes = ptr8(ring)
    i = 0
    while i < count:
        code = 2 * codes[(at + i) & mask]
        line[to + i] = table[code] | table[code + 1] << 8
        i += 1


@micropython.viper
def emit(line: ptr16, at: int, count: int, pcm: ptr8):
    i = 0
    while i < count:
        x = line[at + i]
        pcm[2 * i] = x
        pcm[2 * i + 1] = x >> 8
        i += 1


@micropython.viper
def store(packet: ptr8, start: int, count: int, ring, at: int):
    mask = int(len(ring)) - 1
    codes = ptr8(ring)
    i = 0
    while i < count:
        codes[(at + i) & mask] = packet[start + i]
        i += 1


@micropython.viper
def match(line: ptr16, base: int, way: int, room: int) -> int:
    best = 0x3FFFFFFF  # the largest small integer of a board
    period = 32
    lag = 32
    last = 120
    while lag <= last:
        count = 80
        if room - lag < count:
            count = room - lag
        apart = 0
        i = 0
        while i < count:
            at = base + way * i
            step = (int(line[at]) ^ 0x8000) - (int(line[at + way * lag]) ^ 0x8000)
            if step < 0:
                step = 0 - step
            apart += step
            i += 2
        apart = apart * 80 // count
        if apart < best:
            best = apart
            period = lag
        lag += 2
        if lag == 122:
            lag = period - 1
            last = period + 1
            if last > 119:
                last = 119
    return period


@micropython.viper
def mix(
    line: ptr16,
    at: int,
    count: int,
    source: ptr16,
    period: int,
    phase: int,
    gain: int,
    fall: int,
    weight: int,
    rise: int,
):
    i = at
    while i < at + count:
        g = gain
        if g < 0:
            g = 0
        if g > 16384:
            g = 16384
        w = weight
        if w < 0:
            w = 0
        if w > 16384:
            w = 16384
        now = (int(line[i]) ^ 0x8000) - 0x8000
        sample = ((int(source[phase]) ^ 0x8000) - 0x8000) * g >> 14
        line[i] = now + ((sample - now) * w >> 14)
        gain -= fall
        weight += rise
        phase += 1
        if phase == period:
            phase = 0
        i += 1


@micropython.viper
def noise(line: ptr16, at: int, count: int, peak: int, state: int) -> int:
    i = at
    while i < at + count:
        state = (state * 25173 + 13849) & 0xFFFF
        line[i] = ((state >> 4) - 2048) * peak >> 11
        i += 1
    return state
