"""How well the far end was heard: bursts of loss, the E-model's rating R, the mean opinion score MOS.

Sources: RFC 3611 4.7 (gaps and bursts, Gmin 16), ITU-T G.107 (the E-model with its default values; annex B for MOS),
ITU-T G.113 appendix I (G.711 with concealment: Ie 0, Bpl 25.1).
"""

import math

_GMIN = 16  # RFC 3611 4.7.2: as many packets played in a row end a burst
_BPL = 25.1  # G.113 I: robustness of G.711 with the concealment of its appendix I against random loss
_MOST_BURST_RATIO = 8.0  # G.107 3.5 knows no worse
_RO = 94.77  # G.107 (7-2) at the default values; its Roe is the same
_RO_IS = 93.355  # less Is (7-8); with Id at no delay this is the 93.2 of G.107 7.7
_TELR_DB = 65.0
_WEPL_DB = 110.0
_SLOT_MS = 20  # the stream tells of each frame that it plays, whatever the packets hold
_U16 = 0xFFFF


class Bursts:
    """What `packet` was told of each slot (of 20 ms) in play-out order, summed up by RFC 3611 4.7.2; allocates nothing.

    A burst begins and ends with a packet that was not played, and has fewer than Gmin played ones in a row inside;
    a single one that is not played belongs to the gap around it.
    """

    def __init__(self):
        self.packets = 0
        self._missing = self._runs = 0  # not played; how many rows of them there were
        self._bursts = self._burst_packets = self._burst_missing = 0  # of closed bursts
        self._span = self._losses = self._played = 0  # from the last one's first loss to its last; played since

    def packet(self, played):
        """The next slot: True if its packet was there, False if it was lost or discarded."""
        self.packets += 1
        if played:
            self._played += 1
            return
        self._missing += 1
        if self._played or not self._losses:
            self._runs += 1
        if self._losses and self._played < _GMIN:
            self._span += self._played + 1
            self._losses += 1
        else:
            if self._losses > 1:
                self._bursts += 1
                self._burst_packets += self._span
                self._burst_missing += self._losses
            self._span = self._losses = 1
        self._played = 0

    def values(self):
        """(packets in bursts, of them missing, bursts, packets in gaps, of them missing, gaps, burst ratio).

        The burst ratio is G.107's: the mean length of a row of missing packets, over that of random loss.
        """
        bursts, packets, missing = self._bursts, self._burst_packets, self._burst_missing
        if self._losses > 1:  # the last one, which nothing has closed yet
            bursts, packets, missing = bursts + 1, packets + self._span, missing + self._losses
        ratio = 1.0
        if self._runs:
            ratio = self._missing / self._runs * (self.packets - self._missing) / self.packets
        gap_packets = self.packets - packets
        return packets, missing, bursts, gap_packets, self._missing - missing, bursts + 1, ratio


def rating(one_way_ms, loss, burst_ratio):
    """R (0 to 100) of G.711 with concealment, and its MOS (1.0 to 4.5), by G.107.

    `one_way_ms` is mouth to ear, `loss` a fraction of 1, lost and discarded.
    """
    delay = float(one_way_ms)
    impairment = 0.0
    if delay >= 1.0:
        echo = _TELR_DB - 40 * math.log10((1 + delay / 10) / (1 + delay / 150)) + 6 * math.exp(-0.3 * delay * delay)
        half = (_RO - 80 - 2.5 * (echo - 14)) / 2
        impairment += (half + math.sqrt(half * half + 100) - 1) * (1 - math.exp(-delay))  # (7-21), talker echo
    half = (_RO - 10.5 * (_WEPL_DB + 7) * math.pow(2 * delay + 1, -0.25)) / 2
    impairment += half + math.sqrt(half * half + 169)  # (7-25), listener echo
    if delay > 100:  # (7-27), delay alone
        x = math.log(delay / 100) / math.log(2)
        impairment += 25 * (math.pow(1 + math.pow(x, 6), 1 / 6) - 3 * math.pow(1 + math.pow(x / 3, 6), 1 / 6) + 2)
    percent = 100.0 * loss
    ratio = min(max(1.0, burst_ratio), _MOST_BURST_RATIO)
    r = _RO_IS - impairment - 95 * percent / (percent / ratio + _BPL)  # (7-1), (7-29)
    r = min(max(0.0, r), 100.0)
    return r, max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)  # annex B


def metrics(stream, round_trip_ms, peer_delay_ms):
    """What RFC 3611 4.7 reports of the call so far: a tuple of integers.

    (loss rate, discard rate, burst density, gap density, each of 256), burst and gap duration, round trip, end system
    delay (ms), R, MOS heard (tenths; without what delay does), MOS in conversation (tenths); R and both MOS are 0
    until something was received. `peer_delay_ms` is the far end's end system delay, 0 if it did not say.
    """
    heard, buffer = stream.reception, stream.buffer
    expected = max(1, heard.received + heard.lost)
    burst_packets, burst_missing, bursts, gap_packets, gap_missing, gaps, ratio = stream.bursts.values()
    end_delay_ms = stream.ptime_ms + buffer.delay_ms  # a packet is filled, then waits in the buffer
    one_way_ms = (round_trip_ms + end_delay_ms + (peer_delay_ms or end_delay_ms)) // 2
    r = listening = conversation = 0
    if heard.received:
        loss = min(1.0, (heard.lost + buffer.discarded) / expected)
        listening = int(rating(0, loss, ratio)[1] * 10 + 0.5)
        r, conversation = rating(one_way_ms, loss, ratio)
        r, conversation = int(r + 0.5), int(conversation * 10 + 0.5)
    return (
        min(255, heard.lost * 256 // expected),
        min(255, buffer.discarded * 256 // expected),
        min(255, burst_missing * 256 // max(1, burst_packets)),
        min(255, gap_missing * 256 // max(1, gap_packets)),
        min(_U16, burst_packets * _SLOT_MS // max(1, bursts)),
        min(_U16, gap_packets * _SLOT_MS // gaps),
        min(_U16, round_trip_ms),
        min(_U16, end_delay_ms),
        r,
        listening,
        conversation,
    )


def figures(stream, rtcp):
    """The media fields of the wire's `call_record`, as a dict; R and MOS are 0 if nothing was ever received."""
    heard, buffer = stream.reception, stream.buffer
    found = metrics(stream, rtcp.round_trip_ms, rtcp.peer_delay_ms)
    packets, missing = stream.bursts.values()[:2]
    return {
        "packets_sent": stream.sent,
        "packets_received": heard.received,
        "packets_lost": heard.lost,
        "packets_discarded": buffer.discarded,
        "burst_loss_permille": missing * 1000 // max(1, packets),
        "jitter_ms": min(_U16, heard.jitter >> 7),
        "jitter_max_ms": min(_U16, heard.jitter_max >> 7),
        "buffer_ms": min(_U16, buffer.delay_ms),
        "round_trip_ms": found[6],
        "r_factor": found[8],
        "mos_tenths": found[9],
    }
