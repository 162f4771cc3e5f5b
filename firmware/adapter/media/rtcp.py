"""What two ends of a call tell each other of its media: RTCP reports out and in (RFC 3550 6, RFC 3611 4.7).

There are two parties and 64 kbit/s: five percent of it would allow a report a second, so the least interval of 5 s
always rules (RFC 3550 6.2), drawn anew each time between half of it and one and a half (6.3.1). No wall clock is
known: the NTP timestamps count from the unit's start, as 6.4.1 allows. `feed` never raises; what is no RTCP is False.
"""

from binascii import hexlify
from struct import pack_into, unpack_from

from adapter.media.quality import metrics

MAX_PACKET_BYTES = 1500  # what is longer is none of a call
_SENDER_REPORT = 200
_RECEIVER_REPORT = 201
_DESCRIPTION = 202
_GOODBYE = 203
_EXTENDED_REPORT = 207
_INTERVAL_MS = 4104  # 5 s over e - 3/2 (RFC 3550 6.3.1), which the factor below of 0.5 to 1.5 is drawn from
_MAX_ROUND_TRIP_MS = 10000  # a longer one is an old report or a forged one
_NAME_BYTES = 24  # of CNAME: 96 random bits for each call (RFC 7022 4.2)
_PACKET_BYTES = 160  # the longest of ours has 140, SRTCP's trailer 14
_UNAVAILABLE = 127  # RFC 3611 4.7
_MOST_LOST = 0x7FFFFF  # of the cumulative number in 24 bits, RFC 3550 6.4.1
_U32 = 0xFFFFFFFF


class Rtcp:
    """The reports of one call; `packet` holds what `poll` and `close` have made, of the length they return."""

    def __init__(self, stream, random):
        self.packet = bytearray(_PACKET_BYTES)
        self.round_trip_ms = 0  # the mean of all that were measured; 0: none yet
        self.peer_delay_ms = 0  # end system delay of the far end (RFC 3611 4.7.3); 0: it did not say
        self._stream = stream
        self._random = random
        self._name = hexlify(random(_NAME_BYTES // 2))
        self._due_ms = -1
        self._trips = self._trips_ms = 0
        self._said = False
        self._sent = 0  # RTP packets when the last report was made
        self._source = 0  # whose last sender report the next two are of
        self._report = self._report_ms = 0  # its time, the middle 32 bits; when it came
        self._gone = 0  # a source that has said goodbye
        self._about = 0  # the source that the next two count for, at the last report
        self._expected = self._received = 0

    def poll(self, now_ms):
        """The length of the report that is due, in `packet`; 0 while none is."""
        if self._due_ms < 0:  # 6.2: the first one after half the interval
            self._due_ms = now_ms + self._interval_ms() // 2
        if now_ms < self._due_ms:
            return 0
        self._due_ms = now_ms + self._interval_ms()
        return self._reports(now_ms)

    def close(self, now_ms):
        """The length of the goodbye, 0 if nothing was ever sent that it could end (6.3.7)."""
        if not (self._said or self._stream.sent):
            return 0
        at = self._reports(now_ms)
        pack_into(">BBHI", self.packet, at, 0x81, _GOODBYE, 1, self._stream.ssrc)
        return at + 8

    def feed(self, buffer, length, now_ms):
        """Takes the compound packet in the first `length` bytes; False, and nothing changed, if it is none (A.2)."""
        if not 8 <= length <= MAX_PACKET_BYTES or length & 3:
            return False
        at = 0
        while at < length:
            size = 4 + 4 * (buffer[at + 2] << 8 | buffer[at + 3])
            if buffer[at] & 0xC0 != 0x80 or at + size > length:
                return False
            if at == 0 and (buffer[1] not in (_SENDER_REPORT, _RECEIVER_REPORT) or buffer[0] & 0x20 or size < 8):
                return False
            if buffer[at] & 0x20 and at + size < length:  # padding is the last one's only
                return False
            at += size
        at = 0
        while at < length:
            size = 4 + 4 * (buffer[at + 2] << 8 | buffer[at + 3])
            self._take(buffer, at, size, now_ms)
            at += size
        return True

    def _take(self, buffer, at, size, now_ms):
        """One packet of a compound; what it announces and does not hold is not read."""
        kind, count, stop = buffer[at + 1], buffer[at] & 0x1F, at + size
        if kind == _EXTENDED_REPORT:
            self._take_extended(buffer, at + 8, stop)
        elif kind == _GOODBYE:
            for place in range(at + 4, min(stop, at + 4 + 4 * count), 4):
                source = unpack_from(">I", buffer, place)[0]
                if source == self._stream.reception.peer_ssrc:
                    self._gone = source
        elif kind in (_SENDER_REPORT, _RECEIVER_REPORT):
            at += 8
            if kind == _SENDER_REPORT:
                if size < 28:
                    return
                self._source, high, low = unpack_from(">III", buffer, at - 4)
                self._report = (high << 16 | low >> 16) & _U32
                self._report_ms = now_ms
                at += 20
            for place in range(at, min(stop - 23, at + 24 * count), 24):
                source, last, since = unpack_from(">I12xII", buffer, place)
                if source == self._stream.ssrc and last:
                    self._round_trip(_middle(now_ms) - last - since & _U32)

    def _take_extended(self, buffer, at, stop):
        """The blocks of an XR packet (RFC 3611 3); of those we want the VoIP metrics of what we send."""
        while at + 4 <= stop:
            block, words = buffer[at], buffer[at + 2] << 8 | buffer[at + 3]
            if block == 7 and words == 8 and at + 36 <= stop:
                source, delay_ms = unpack_from(">I10xH", buffer, at + 4)
                if source == self._stream.ssrc:
                    self.peer_delay_ms = delay_ms
            at += 4 + 4 * words

    def _round_trip(self, units):
        """Of 1/65536 s (6.4.1); what two clocks' grain makes negative is none."""
        trip_ms = units * 1000 >> 16
        if units >> 31:
            trip_ms = 0
        if trip_ms > _MAX_ROUND_TRIP_MS:
            return
        self._trips += 1
        self._trips_ms += trip_ms
        self.round_trip_ms = max(1, self._trips_ms // self._trips)

    def _interval_ms(self):
        number = unpack_from(">H", self._random(2))[0]
        return _INTERVAL_MS * (0x8000 + number) >> 16

    def _reports(self, now_ms):
        """Makes SR or RR, SDES, XR; returns their length."""
        stream, packet = self._stream, self.packet
        blocks = 1 if stream.reception.peer_ssrc not in (0, self._gone) else 0
        at = 8
        kind = _RECEIVER_REPORT
        if stream.sent != self._sent:  # 6.4: who has sent since the last report
            self._sent = stream.sent
            kind = _SENDER_REPORT
            timestamp = unpack_from(">I", stream.packet, 4)[0] + 8 * (now_ms - stream.timestamp_ms)
            pack_into(
                ">IIIII", packet, 8,
                now_ms // 1000, (now_ms % 1000 << 32) // 1000, timestamp & _U32, stream.sent & _U32,
                stream.sent_octets & _U32,
            )  # fmt: skip
            at = 28
        if blocks:
            self._block(at, now_ms)
            at += 24
        pack_into(">BBHI", packet, 0, 0x80 | blocks, kind, at // 4 - 1, stream.ssrc)
        pack_into(">BBHIBB", packet, at, 0x81, _DESCRIPTION, 8, stream.ssrc, 1, _NAME_BYTES)
        packet[at + 10 : at + 34] = self._name
        packet[at + 34] = packet[at + 35] = 0
        at += 36
        if blocks:
            self._extended(at)
            at += 44
        self._said = True
        return at

    def _block(self, at, now_ms):
        """A report block of the source we hear (6.4.1, A.3)."""
        heard = self._stream.reception
        if heard.peer_ssrc != self._about:
            self._about = heard.peer_ssrc
            self._expected = self._received = 0
        expected, received = heard.highest - heard.first + 1, heard.source_received
        now_expected, now_lost = expected - self._expected, expected - self._expected - received + self._received
        self._expected, self._received = expected, received
        fraction = 0
        if now_expected > 0 and now_lost > 0:
            fraction = min(255, (now_lost << 8) // now_expected)
        lost = min(max(expected - received, -_MOST_LOST - 1), _MOST_LOST)
        last = since = 0
        if self._source == self._about:
            last, since = self._report, ((now_ms - self._report_ms) << 16) // 1000
        pack_into(
            ">IIIIII", self.packet, at,
            self._about, fraction << 24 | lost & 0xFFFFFF, heard.highest & _U32, heard.jitter >> 4, last,
            since & _U32,
        )  # fmt: skip

    def _extended(self, at):
        """The VoIP metrics of RFC 3611 4.7: standard concealment, adaptive buffer; what we do not measure is 127."""
        stream, none = self._stream, _UNAVAILABLE
        found = metrics(stream, self.round_trip_ms, self.peer_delay_ms)
        r, heard, conversation = found[8:] if stream.reception.received else (none, none, none)
        pack_into(">BBHIBBHI", self.packet, at, 0x80, _EXTENDED_REPORT, 10, stream.ssrc, 7, 0, 8, self._about)
        pack_into(
            ">BBBBHHHHBBBBBBBBBBHHH", self.packet, at + 16,
            found[0], found[1], found[2], found[3], found[4], found[5], found[6], found[7],
            none, none, none, 16, r, none, heard, conversation,
            0xF0, 0, stream.buffer.delay_ms, stream.buffer.delay_max_ms, stream.buffer.delay_max_ms,
        )  # fmt: skip


def _middle(now_ms):
    """The middle 32 bits of the NTP timestamp of `now_ms`."""
    return (now_ms << 16) // 1000 & _U32
