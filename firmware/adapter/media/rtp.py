"""Which RTP packets are the peer's, in which order they came, and what is missing (RFC 3550).

`Reception` judges one packet at a time and allocates nothing. Invariants:
- no byte is looked at before the length says that it is there;
- `start` and `stop` lie inside the packet whenever a payload type was returned;
- a packet that was there before is never returned a second time.

Timestamps are kept modulo 2**28 (nine hours of 8 kHz): a board's small integers have 31 bits, and what is beyond
them is allocated.
"""

from array import array

HEADER_BYTES = 12
CLOCK_MASK = 0x0FFFFFFF
_HALF_CLOCK = 0x08000000
# RFC 3550 A.1
_MAX_DROPOUT = 3000
_MAX_MISORDER = 100
_TAKE_OVER = 3  # packets in a row of another source, or of another numbering, until it is believed
_REMEMBERED = 128  # sequence numbers, to know a packet that comes twice; above _MAX_MISORDER
_PCMU = 0
_PCMA = 8
_SAMPLES_A_MS = 8
_CLOCK_MS_MASK = 0x01FFFFFF
_MAX_STEP = 8000  # samples; a larger step of the transit time is another clock, not jitter


def since(later, earlier):
    """Samples from timestamp `earlier` to `later`, negative if it is the other way round."""
    return ((later - earlier + _HALF_CLOCK) & CLOCK_MASK) - _HALF_CLOCK


class Reception:
    """The packets of one peer; counts as in RFC 3550 A.1, A.3 and A.8."""

    def __init__(self):
        self.received = self.lost = 0  # packets of the whole call, of all sources
        self.received_ms = 0  # when the last one came
        # Of the present source:
        self.peer_ssrc = 0
        self.first = self.highest = 0  # extended sequence numbers
        self.source_received = 0
        self.jitter = self.jitter_max = 0  # 16 times timestamp units
        # Of the packet accepted last:
        self.start = self.stop = self.timestamp = 0
        self.marker = False
        self.follows = False  # its number is the one after the highest before it
        self.restarted = False  # it is the first of a new source or numbering
        self._lost = 0  # of the sources and numberings that have ended
        self._transit = 0
        self._peer = bytearray(4)
        self._timed = False  # _transit is one of this source
        self._other = bytearray(4)  # source that would take over
        self._other_next = -1  # the sequence number it would have next
        self._other_run = 0
        self._seen = array("H", bytes(2 * _REMEMBERED))  # by the last bits; what is not there has others

    def accept(self, packet, length, now_ms):
        """The payload type of a packet that is to be played, or -1; sets start, stop, timestamp, marker and so on."""
        if length < HEADER_BYTES or length > len(packet) or packet[0] >> 6 != 2:
            return -1
        kind = packet[1] & 0x7F
        start = HEADER_BYTES + 4 * (packet[0] & 15)
        if packet[0] & 0x10:  # 5.3.1: an extension of so many words behind its head
            if start + 4 > length:
                return -1
            start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
        stop = length
        if packet[0] & 0x20:  # 5.1: the last byte says how many are padding, itself among them
            if not packet[length - 1]:
                return -1
            stop -= packet[length - 1]
        if start > stop or 72 <= kind <= 76:  # 72 to 76: RTCP on the same port (RFC 5761, 4)
            return -1
        self.restarted = False
        if not self._is_of_peer(packet) or not self._is_in_order(packet[2] << 8 | packet[3]):
            return -1
        self.received += 1
        self.source_received += 1
        self.received_ms = now_ms
        self.lost = self._lost + max(0, self.highest - self.first + 1 - self.source_received)
        self.start = start
        self.stop = stop
        self.marker = packet[1] > 0x7F
        self.timestamp = (packet[4] & 15) << 24 | packet[5] << 16 | packet[6] << 8 | packet[7]
        if kind == _PCMU or kind == _PCMA:
            self._time(now_ms)
        return kind

    def _is_of_peer(self, packet):
        """Whether the packet's source is the one we listen to; another takes over by packets in a row (8.2)."""
        if self.received and not _same(packet, 8, self._peer):
            sequence = packet[2] << 8 | packet[3]
            if not _same(packet, 8, self._other) or sequence != self._other_next:
                self._other_run = 0
                for i in range(4):
                    self._other[i] = packet[8 + i]
            self._other_run += 1
            self._other_next = (sequence + 1) & 0xFFFF
            if self._other_run < _TAKE_OVER:
                return False
        elif self.received:
            self._other_run = 0
            return True
        for i in range(4):
            self._peer[i] = packet[8 + i]
        self._begin(packet[2] << 8 | packet[3])
        return True

    def _begin(self, sequence):
        """The first packet of a source or of a numbering."""
        self._lost = self.lost
        self.highest = sequence - 1
        self.first = sequence
        self.source_received = 0
        self.peer_ssrc = int.from_bytes(self._peer, "big")
        self.restarted = True
        self._timed = False
        self._other_run = 0
        self._other_next = -1
        for i in range(_REMEMBERED):
            self._seen[i] = i + 1

    def _is_in_order(self, sequence):
        """Extends the number (A.1); False for one that was here before or is not believed yet."""
        step = (sequence - self.highest) & 0xFFFF
        if step >= _MAX_DROPOUT and step <= 0x10000 - _MAX_MISORDER:
            if sequence != self._other_next:  # two in a row mean that the peer has begun anew
                self._other_next = (sequence + 1) & 0xFFFF
                return False
            self._begin(sequence)
            step = 1
        if self._seen[sequence % _REMEMBERED] == sequence:
            return False
        self._seen[sequence % _REMEMBERED] = sequence
        self.follows = step == 1
        if step < _MAX_DROPOUT:
            self.highest += step
        return True

    def _time(self, now_ms):
        """The jitter between arrivals (A.8)."""
        transit = ((now_ms & _CLOCK_MS_MASK) * _SAMPLES_A_MS - self.timestamp) & CLOCK_MASK
        step = abs(since(transit, self._transit)) if self._timed else 0
        self._transit = transit
        self._timed = True
        if step < _MAX_STEP:
            self.jitter += step - (self.jitter + 8 >> 4)
            if self.jitter > self.jitter_max:
                self.jitter_max = self.jitter


def _same(packet, at, source):
    for i in range(4):
        if packet[at + i] != source[i]:
            return False
    return True
