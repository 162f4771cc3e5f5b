"""Digits as events beside the sound (RFC 4733).

Sent: while a digit is down, and for its three end packets, its packets replace the sound. All have the timestamp at
which it began; the first has the marker. Received: a digit is known by the timestamp at which it began, so that a
lost end does not make it two, and a lost beginning not none.
"""

from adapter.media.rtp import since

PAYLOAD_BYTES = 4
_EVENTS = "0123456789*#ABCD"
_VOLUME = 10  # dB below 0 dBm0
_END = 0x80
_END_PACKETS = 3  # 2.5.1.4
_LEAST_SAMPLES = 480  # 60 ms, however short the key was down: receivers want 40 (ITU-T Q.24)
_MOST_SAMPLES = 0xFFFF  # 2.5.1.3: what lasts longer goes on as another segment
_WAITING = 16
_FRAME_SAMPLES = 160


class Digits:
    """Keys in and payloads out, a frame of 20 ms at a time; payloads in and digits out."""

    def __init__(self):
        self.active = False  # a payload is to be sent in the next frame
        self.first = False  # the payload filled last is the event's first: marker
        self.moved = 0  # samples by which the event's timestamp is to move up before the payload filled last
        self._waiting = bytearray(_WAITING)
        self._count = 0
        self._down = False  # the key pressed last still is
        self._lasted = 0
        self._ends = 0  # end packets that have been filled
        self._heard = -1  # code of the event heard last,
        self._heard_from = 0  # the timestamp at which it began,
        self._heard_for = 0  # how long it was,
        self._heard_end = False  # and whether it has ended

    def digit(self, ch, down):
        """The key `ch` goes down or up."""
        code = _EVENTS.find(ch)
        if down and len(ch) == 1 and code >= 0 and self._count < _WAITING:
            self._waiting[self._count] = code
            self._count += 1
            self.active = True
        self._down = down

    def fill(self, packet, at):
        """Writes the payload of this frame to packet[at:]; sets `first`, `moved`, and `active` for the next."""
        self.first = not self._lasted
        self.moved = 0
        if not self._ends:
            if self._lasted == _MOST_SAMPLES:
                self.moved = _MOST_SAMPLES
                self._lasted = 0
            self._lasted = min(_MOST_SAMPLES, self._lasted + _FRAME_SAMPLES)
        held = self._down and self._count == 1
        if self._ends or (self._lasted >= _LEAST_SAMPLES and not held):
            self._ends += 1
        packet[at] = self._waiting[0]
        packet[at + 1] = _VOLUME | (_END if self._ends else 0)
        packet[at + 2] = self._lasted >> 8
        packet[at + 3] = self._lasted & 0xFF
        if self._ends == _END_PACKETS:
            self._ends = self._lasted = 0
            self._count -= 1
            for i in range(self._count):
                self._waiting[i] = self._waiting[i + 1]
            self.active = self._count > 0

    def feed(self, packet, start, stop, timestamp, marker):
        """The digit that a payload begins, or "" if it goes on with one, is late, or is none of the 16."""
        if stop - start < PAYLOAD_BYTES or packet[start] >= len(_EVENTS):
            return ""
        code = packet[start]
        lasted = packet[start + 2] << 8 | packet[start + 3]
        after = since(timestamp, self._heard_from)
        if self._heard >= 0 and after < 0:
            return ""  # of a digit before
        # 2.5.1.3: the next segment has no marker and begins where the last one stopped; so do the packets of peers
        # that move the timestamp on within an event.
        goes_on = code == self._heard and not marker and not self._heard_end
        known = self._heard >= 0 and (not after or (goes_on and after <= self._heard_for + _FRAME_SAMPLES))
        self._heard = code
        self._heard_from = timestamp
        self._heard_for = lasted
        self._heard_end = packet[start + 1] >= _END or (known and self._heard_end)
        return "" if known else _EVENTS[code]
