"""A call in virtual time: a mouth, a network that loses and delays by a seed, and an ear; all of it the real Stream.

Runs under CPython and MicroPython alike.
"""

from adapter.media.rtp import CLOCK_MASK, since
from adapter.media.stream import Stream
from tests.firmware.adapter.media.sounds import FRAME, packets, source

EVENTS = (101, 101)
FRAME_MS = 20
TAIL_FRAMES = 25  # pulled after the last frame was said


class Network:
    """Loses each packet by chance, and delays each by its own time; `random` gives bytes."""

    def __init__(self, random, loss=0.0, jitter_ms=0, base_ms=50):
        self._random = random
        self._loss = loss
        self._jitter_ms = jitter_ms
        self._base_ms = base_ms
        self.lost = 0

    def _chance(self):
        return int.from_bytes(self._random(3), "big") / (1 << 24)

    def arrivals(self, packet, sent_ms):
        """When copies of the packet arrive."""
        if self._chance() < self._loss:
            self.lost += 1
            return []
        return [sent_ms + self._base_ms + (2 * self._chance() - 1) * self._jitter_ms]


class Call:
    """What was heard of `said` (bytes of samples), and both ends as they are after it.

    `delays_ms` holds, for each frame pulled once something came, the time from mouth to ear of what it began with.
    """

    def __init__(self, said, network, codec="PCMU", ptime_ms=20, phase_ms=7, skew=0.0, seed=1):
        self.mouth = Stream(codec, ptime_ms, EVENTS, source(seed))
        self.ear = Stream(codec, ptime_ms, EVENTS, source(seed + 1))
        self.heard = bytearray()
        self.delays_ms = []
        began = self.mouth._clock_high << 16 | self.mouth._clock_low
        on_the_way = []
        pulled = 0
        said = bytes(said)
        frames = len(said) // (2 * FRAME)
        pcm = bytearray(2 * FRAME)
        for number in range(frames + TAIL_FRAMES):
            now_ms = number * FRAME_MS
            if number < frames:
                frame = said[2 * FRAME * number : 2 * FRAME * (number + 1)]
                for packet in packets(self.mouth, frame, now_ms):
                    for at_ms in network.arrivals(packet, now_ms):
                        on_the_way.append((at_ms, self.mouth.sent, packet))
            on_the_way.sort()
            while pulled * FRAME_MS * (1 + skew) + phase_ms < now_ms + FRAME_MS:
                at_ms = pulled * FRAME_MS * (1 + skew) + phase_ms
                while on_the_way and on_the_way[0][0] <= at_ms:
                    arrived_ms, _, packet = on_the_way.pop(0)
                    self.ear.push(packet, len(packet), int(arrived_ms))
                buffer = self.ear.buffer
                if buffer.running:
                    place = since((buffer._anchor + buffer.play) & CLOCK_MASK, began & CLOCK_MASK)
                    self.delays_ms.append(at_ms - place / 8)
                self.ear.pull(pcm)
                self.heard += pcm
                pulled += 1
