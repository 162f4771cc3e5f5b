"""Sounds and packets for the tests of media; runs under CPython and MicroPython alike."""

import math
import struct

FRAME = 160
CODES = {"PCMU": 0, "PCMA": 8}


def source(seed):
    """A function that gives n bytes, the same ones for the same seed."""
    state = [seed * 2 + 1]

    def random(count):
        out = bytearray(count)
        for i in range(count):
            state[0] = (state[0] * 1103515245 + 12345) & 0x7FFFFFFF
            out[i] = state[0] >> 16 & 0xFF
        return bytes(out)

    return random


def tone(number, hertz=200, peak=8000):
    """Frame `number` of a tone that goes on from frame to frame."""
    pcm = bytearray(2 * FRAME)
    for i in range(FRAME):
        n = number * FRAME + i
        struct.pack_into("<h", pcm, 2 * i, int(peak * math.sin(2 * math.pi * hertz * n / 8000)))
    return pcm


def samples(pcm):
    """The samples of `pcm`."""
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


def rtp(sequence, timestamp, payload, kind=0, marker=False, ssrc=0x11223344):
    """A packet without the extras."""
    head = struct.pack(">BBHII", 0x80, kind | (0x80 if marker else 0), sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + payload


def packets(stream, pcm, now_ms):
    """All packets that a frame leads to."""
    out = []
    length = stream.send(pcm, now_ms)
    while length:
        out.append(bytes(stream.packet[:length]))
        length = stream.more()
    return out
