"""When the codes that came are played: a ring of codes by timestamp, and a place in it that runs with the ear.

The buffer knows no clock. For each packet it takes the time that is left until its first sample is due, its `spare`;
a packet without any is late. A late packet moves the place back at once, as far as it was late; the place moves
forward a little at a time, when for a while the second shortest spare of several blocks of packets had more than is
needed (one packet alone that was held up does not keep the delay high). What the peer's clock is off by is a spare
that grows or shrinks, and takes the same way.

Positions are samples modulo rtp.CLOCK_MASK + 1 from the first packet's timestamp on. Whole milliseconds of the ring
are there or not: packets hold such, and one between them is moved by half a millisecond at most.
"""

from adapter.media.rtp import CLOCK_MASK, since
from adapter.media.samples import store

RING_SAMPLES = 2048
_UNIT_BITS = 3  # samples of a millisecond, and the ring's units by the same shift
_UNIT_MASK = 7
_UNITS = 256
MAX_DELAY_SAMPLES = 1600
START_SAMPLES = 320  # what the first packet is held back, before anything is known
MARGIN_SAMPLES = 40  # the shortest spare that is enough: the pace of packets and of the ear is not exact
LATE_SAMPLES = 160  # what a late packet moves the place back beyond its lateness: the next may be later still
AHEAD_SAMPLES = 200  # and the mean one: where a packet is lost, concealment is better if the next one is there
_TOO_SHORT = -24  # samples off what is needed: between the two, nothing moves
_TOO_LONG = 160
_BLOCK_PACKETS = 32
_BLOCKS = 8
_LEAST_BLOCKS = 3  # until the place may move forward
_UNKNOWN = RING_SAMPLES
_ASTRAY_PACKETS = 3  # in a row outside of the ring until it is moved there
_STARVED_FRAMES = 25  # with nothing to play, then the next packet begins anew
FRAME_SAMPLES = 160


class JitterBuffer:
    """One peer's sound, in codes of one law."""

    def __init__(self, ring=None):
        self.ring = ring or bytearray(RING_SAMPLES)
        self.play = 0  # position of the next sample for the ear
        self.running = False
        self.starved = 0  # frames in a row in which nothing more was there to come
        self.late = 0
        self.discarded = 0
        self.delay_ms = 0
        self.delay_max_ms = 0
        self._have = bytearray(_UNITS)
        self._anchor = 0  # timestamp of position 0
        self._front = 0  # position after the last sample that came
        self._quiet_to = 0  # before this position, what is missing was never sent
        self._paused = False  # the peer has said that it sends no sound now
        self._astray = 0
        self._torn = 0  # samples up to the place that were missing
        self._owed = 0  # samples by which the place is to move back
        self._spare_16 = 0  # smoothed
        self._block = _UNKNOWN  # shortest spare of this block
        self._packets = 0
        self._spares = [_UNKNOWN] * _BLOCKS
        self._blocks = 0

    def reset(self):
        """The next packet is the first."""
        self.running = False

    def put(self, packet, start, stop, timestamp, follows):
        """The codes packet[start:stop] of `timestamp`; `follows`: the packet before them was the one before them."""
        count = (stop - start) & ~_UNIT_MASK
        if self.starved >= _STARVED_FRAMES:
            self.running = False
        if not self.running:
            self._begin(timestamp)
        at = (since(timestamp, self._anchor) + _UNIT_MASK // 2 & ~_UNIT_MASK) & CLOCK_MASK
        spare = since(at, self.play)
        if spare + count > RING_SAMPLES - FRAME_SAMPLES or spare < -RING_SAMPLES:
            self._astray += 1
            self.discarded += 1
            if self._astray < _ASTRAY_PACKETS:
                return
            self._begin(timestamp)
            at = spare = START_SAMPLES
        self._astray = 0
        if self._paused or (follows and since(at, self._front) > 0):
            self._quiet_to = at
        self._paused = False
        if spare < 0:
            self.late += 1
            self._come_late(-spare)
            spare = since(at, self.play)
        self._measure(spare)
        if spare < 0:  # the part of it that is not due yet
            start += -spare + _UNIT_MASK & ~_UNIT_MASK
            count -= -spare + _UNIT_MASK & ~_UNIT_MASK
            at = at + (-spare + _UNIT_MASK & ~_UNIT_MASK) & CLOCK_MASK
        if count <= 0:
            self.discarded += 1
            return
        store(packet, start, count, self.ring, at)
        have = self._have
        at >>= _UNIT_BITS
        for unit in range(at, at + (count >> _UNIT_BITS)):
            have[unit & _UNITS - 1] = 1
        at = (at << _UNIT_BITS) + count & CLOCK_MASK
        if since(at, self._front) > 0:
            self._front = at

    def pause(self, timestamp):
        """From `timestamp` on the peer sends something else than sound, until sound comes again."""
        if self.running and since(timestamp - self._anchor & CLOCK_MASK, self._front) >= 0:
            self._paused = True

    def run(self, ahead, most):
        """How many samples from play + `ahead` on are there, at most `most`; negative: so many are missing."""
        at = self.play + ahead
        there = self._have[at >> _UNIT_BITS & _UNITS - 1]
        count = -at & _UNIT_MASK or _UNIT_MASK + 1
        while count < most and self._have[at + count >> _UNIT_BITS & _UNITS - 1] == there:
            count += _UNIT_MASK + 1
        count = min(count, most)
        return count if there else -count

    def is_quiet(self, ahead):
        """Whether what is missing at play + `ahead` was never sent, as far as is known."""
        return self._paused or since(self._quiet_to, self.play + ahead & CLOCK_MASK) > 0

    def advance(self, count):
        """`count` samples have been played."""
        have = self._have
        for unit in range(self.play >> _UNIT_BITS, self.play + count >> _UNIT_BITS):
            self._torn = 0 if have[unit & _UNITS - 1] else self._torn + _UNIT_MASK + 1
            have[unit & _UNITS - 1] = 0
        self.play = self.play + count & CLOCK_MASK
        if since(self._front, self.play) > 0:
            self.starved = 0
        else:
            self.starved += 1

    def move(self, count):
        """The place goes forward by `count` samples that are not played, or back by -count."""
        if count > 0:
            self.advance(count)
        else:
            self.play = self.play + count & CLOCK_MASK
            self._owed = max(0, self._owed + count)
        self._block -= count
        self._spare_16 = min(self._spare_16 - 16 * count, 16 * MAX_DELAY_SAMPLES)
        for i in range(_BLOCKS):
            self._spares[i] -= count

    def wish(self):
        """By how many samples the place should move forward; negative: back."""
        if self._owed:
            return -self._owed
        if self._blocks < _LEAST_BLOCKS:
            return 0
        spare = min(self._second_shortest() - MARGIN_SAMPLES, (self._spare_16 >> 4) - AHEAD_SAMPLES)
        return 0 if _TOO_SHORT < spare < _TOO_LONG else spare

    def _begin(self, timestamp):
        self._anchor = timestamp - START_SAMPLES & CLOCK_MASK
        self.play = self._front = self._quiet_to = 0
        self.running = True
        self._paused = False
        self._torn = self._owed = self._packets = self._blocks = self.starved = 0
        self._block = _UNKNOWN
        self._spare_16 = 16 * START_SAMPLES
        for i in range(_BLOCKS):
            self._spares[i] = _UNKNOWN
        for i in range(_UNITS):
            self._have[i] = 0

    def _come_late(self, samples):
        """A packet came so long after its time: the place goes back at once if nothing after it was played."""
        torn = samples <= self._torn
        samples = samples + LATE_SAMPLES + _UNIT_MASK & ~_UNIT_MASK
        samples = min(samples, MAX_DELAY_SAMPLES - max(0, since(self._front, self.play)))
        if samples <= self._owed:
            return
        self._owed = samples
        if torn:
            self.move(-samples)

    def _measure(self, spare):
        """Blocks of packets, each with its shortest spare."""
        self._spare_16 += spare - (self._spare_16 >> 4)
        self.delay_ms = max(0, self._spare_16 >> 4 + _UNIT_BITS)
        if self.delay_ms > self.delay_max_ms:
            self.delay_max_ms = self.delay_ms
        if spare < self._block:
            self._block = spare
        self._packets += 1
        if self._packets == _BLOCK_PACKETS:
            self._spares[self._blocks % _BLOCKS] = self._block
            self._blocks += 1
            self._packets = 0
            self._block = _UNKNOWN

    def _second_shortest(self):
        """Of the blocks' shortest spares, and of this block's so far the shortest."""
        first = second = _UNKNOWN
        for spare in self._spares:
            if spare < first:
                first, second = spare, first
            elif spare < second:
                second = spare
        return min(second, self._block)
