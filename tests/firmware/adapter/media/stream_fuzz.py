"""Rubbish for a stream's `push`, between packets that are none; runs under CPython and MicroPython alike.

`fuzz` is deterministic: the same seed gives the same digest under both. As a program: seed and count are arguments,
the digest and the faults are printed.
"""

import sys
from hashlib import sha256

from adapter.media.jitter_buffer import RING_SAMPLES
from adapter.media.stream import MAX_DIGITS, Stream
from tests.firmware.adapter.media.sounds import rtp, source, tone

EVENT = 101
HEALTHY_FRAMES = 60
_PCM = 320


class Rubbish:
    """Packets, most of them changed: bits, lengths, fields, or all of it."""

    def __init__(self, random):
        self._random = random
        self._number = 0

    def below(self, limit):
        """A number below `limit`."""
        return int.from_bytes(self._random(3), "big") % limit

    def packet(self):
        """The next one."""
        self._number += 1
        what = self.below(8)
        if what < 4:
            data = rtp(self._number, 160 * self._number, self._random((160, 80, 240, 40)[what]), what & 1 and 8)
        elif what == 4:
            data = rtp(self._number, 160 * self._number, self._random(self.below(4)), 13)
        elif what == 5:
            data = rtp(self._number, 160 * (self._number & ~7), self._random(4), EVENT, self._number % 8 == 0)
        elif what == 6:
            data = b"\x90" + rtp(self._number, 160 * self._number, b"\xbe\xde\x00\x01abcd" + bytes(160))[1:]
        else:
            return self._random(self.below(300))
        return self._changed(data)

    def _changed(self, data):
        data = bytearray(data)
        for _ in range(self.below(4)):
            data[self.below(min(len(data), 20))] ^= 1 << self.below(8)
        if self.below(10) == 0:
            data = data[: self.below(len(data))]
        if self.below(10) == 0:
            data += self._random(self.below(1200))
        return bytes(data)


def fuzz(seed, count):
    """(digest of all that was heard and counted, faults in words) of `count` packets and a healthy call after them."""
    random = source(seed)
    rubbish = Rubbish(random)
    stream = Stream("PCMU", 20, (EVENT, EVENT), random)
    pcm = bytearray(_PCM)
    told = sha256()
    faults = []
    for number in range(count):
        data = rubbish.packet()
        length = rubbish.below(len(data) + 20) if rubbish.below(20) == 0 else len(data)
        try:
            stream.push(data, length, 20 * number)
            if rubbish.below(3):
                stream.pull(pcm)
                told.update(pcm)
        except Exception as error:
            faults.append(f"{error!r} at packet {number}: {data!r}")
            break
        if len(stream.digits) > MAX_DIGITS or not 0 <= stream.buffer.delay_ms <= RING_SAMPLES // 8:
            faults.append(f"out of bounds at packet {number}: {stream.digits}, {stream.buffer.delay_ms} ms")
    faults += _recovery(stream, pcm, count)
    heard, buffer = stream.reception, stream.buffer
    counted = (
        heard.received, heard.lost, heard.jitter, buffer.late, buffer.discarded, stream.concealed, stream.digits,
    )  # fmt: skip
    told.update(str(counted).encode())
    return told.digest().hex(), faults


def _recovery(stream, pcm, count):
    """A call as it should be is heard after all that."""
    mouth = Stream("PCMA", 20, (EVENT, EVENT), source(99))
    for number in range(HEALTHY_FRAMES):
        length = mouth.send(tone(number), 0)
        stream.push(mouth.packet, length, 20 * (count + number))
        stream.pull(pcm)
        loud = max([pcm[i] for i in range(1, _PCM, 2)])
        if number > HEALTHY_FRAMES // 2 and not loud:
            return [f"silence at frame {number} of a healthy call"]
    return []


if __name__ == "__main__":
    digest, found = fuzz(int(sys.argv[1]), int(sys.argv[2]))
    print(digest)
    for fault in found:
        print(fault)
