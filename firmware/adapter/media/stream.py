"""One call's sound, both ways: packets in, 20 ms for the ear; 20 ms from the mouth, packets out.

A frame is FRAME_SAMPLES signed 16-bit little-endian samples at 8 kHz, whatever the packets hold. `push`, `pull`,
`send` and `more` allocate nothing. Rubbish is never more than a packet that is not played.
"""

import struct

from adapter.media.comfort_noise import SILENCE, ComfortNoise
from adapter.media.dtmf import PAYLOAD_BYTES, Digits
from adapter.media.g711 import ALAW, MULAW
from adapter.media.jitter_buffer import FRAME_SAMPLES, JitterBuffer
from adapter.media.plc import HISTORY, NEXT_SAMPLES, Concealment
from adapter.media.quality import Bursts
from adapter.media.rtp import HEADER_BYTES, Reception
from adapter.media.samples import decode, emit, encode, match, mix

MIN_PTIME_MS = 10
MAX_PTIME_MS = 60
MAX_DIGITS = 64  # that nobody has taken away; more are dropped
_SAMPLES_A_MS = 8
_SPARE_BYTES = 16  # behind the payload, for the tag of SRTP
_PCMU = 0
_PCMA = 8
_COMFORT_NOISE = 13  # RFC 3389, 4
_MARKER = 0x80
_SILENT_MU_LAW = 0xFF
_SILENT_A_LAW = 0xD5
_MOST_AHEAD = 400  # samples from a gap's start to what is known after it: two packets of 20 ms
_STEADY_FRAMES = 8  # that were there in a row, before the place in the buffer may move forward
_FULL = 16384
_STARVED_FRAMES = 25  # without a packet: that the peer sends nothing is no loss


class Stream:
    """One RTP session; the counts and what may be changed stand in `__init__`."""

    def __init__(self, codec, ptime_ms, payload_types, random, old=None):
        """`old` is the Stream of a call before, which is over: its buffers serve again, whatever became of the heap."""
        self.codec = codec  # "PCMU" or "PCMA", as we send
        self.direction = "sendrecv"  # as we see it
        self.muted = False
        self.ptime_ms = ptime_ms
        self.payload_types = payload_types  # of telephone-event: (what we send, what we take), 0: none
        self.digits = ""  # heard; the consumer takes them away
        self.ssrc = int.from_bytes(random(4), "big")
        self.packet = old.packet if old else bytearray(HEADER_BYTES + MAX_PTIME_MS * _SAMPLES_A_MS + _SPARE_BYTES)
        self.sent = self.sent_octets = self.timestamp_ms = 0
        self.frames = self.concealed = 0
        self.bursts = Bursts()
        self.reception = Reception()
        self.buffer = JitterBuffer(old.buffer.ring if old else None)
        self._random = random
        self._collided = False
        start = random(6)
        self._sequence = start[0] << 8 | start[1]
        self._clock_high = start[2] << 8 | start[3]  # the timestamp in halves: a board's small integers have 31 bits
        self._clock_low = start[4] << 8 | start[5]
        self._filled = 0  # samples in the packet,
        self._a_law = False  # and their law
        self._pcm = None  # the frame that is being sent, and its samples that are in packets
        self._taken = FRAME_SAMPLES
        self._marker = _MARKER  # on the first packet, and after a pause
        self._events = Digits()
        self._noise = ComfortNoise()
        self._concealment = old._concealment if old else Concealment()
        self._concealment.clear()
        self._table = MULAW
        self._whole = 0  # frames in a row that were there
        self._unheard = 0  # frames in a row that were not, and nothing after them yet

    def push(self, packet, length, now_ms):
        """A datagram of `length` bytes came; `packet` is the caller's again afterwards."""
        heard = self.reception
        kind = heard.accept(packet, length, now_ms)
        if kind < 0:
            return
        if heard.restarted:
            self.buffer.reset()
            if heard.peer_ssrc == self.ssrc and not self._collided:  # RFC 3550 8.2
                self._collided = True  # once: the peer may echo our own packets, and they are to be heard
                self.ssrc = int.from_bytes(self._random(4), "big")
        if kind == _PCMU or kind == _PCMA:  # a tuple would be allocated
            table = ALAW if kind else MULAW
            if table is not self._table:
                self._table = table
                self.buffer.reset()
            self.buffer.put(packet, heard.start, heard.stop, heard.timestamp, heard.follows)
        elif kind == _COMFORT_NOISE:
            self._noise.feed(packet, heard.start, heard.stop)
            self.buffer.pause(heard.timestamp)
        elif kind == self.payload_types[1]:
            self._noise.level = SILENCE
            self.buffer.pause(heard.timestamp)
            ch = self._events.feed(packet, heard.start, heard.stop, heard.timestamp, heard.marker)
            if ch and len(self.digits) < MAX_DIGITS:
                self.digits += ch

    def pull(self, pcm):
        """Fills `pcm` with the next frame for the ear."""
        buffer = self.buffer
        ear = self._concealment
        if buffer.running:
            self._next_frame(buffer, ear)
        if buffer.running and self.direction in ("sendrecv", "recvonly"):
            emit(ear.line, HISTORY, FRAME_SAMPLES, pcm)
        else:
            for i in range(2 * FRAME_SAMPLES):
                pcm[i] = 0

    def _next_frame(self, buffer, ear):
        """The next FRAME_SAMPLES behind HISTORY in the ear's line."""
        ear.shift()
        at = missing = 0
        while at < FRAME_SAMPLES:
            count = buffer.run(at, FRAME_SAMPLES - at)
            if count > 0:
                decode(buffer.ring, buffer.play + at, count, self._table, ear.line, HISTORY + at)
                ear.heard(HISTORY + at, count)
            elif buffer.is_quiet(at):
                count = -count
                self._noise.fill(ear.line, HISTORY + at, count)
                ear.heard(HISTORY + at, count)
                self._whole = 0
            else:
                missing -= count
                ahead = -buffer.run(at, _MOST_AHEAD)
                if ahead < _MOST_AHEAD and buffer.run(at + ahead, NEXT_SAMPLES) == NEXT_SAMPLES:
                    decode(buffer.ring, buffer.play + at + ahead, NEXT_SAMPLES, self._table, ear.next, 0)
                else:
                    ahead = 0
                count = -count
                ear.conceal(HISTORY + at, count, ahead)
                self._whole = 0
            at += count
        self._whole += 1
        if self._whole > 1:  # what a jump back fades over to was heard
            self._drift(buffer, ear)
        buffer.advance(FRAME_SAMPLES)
        self.frames += 1
        if missing and buffer.starved:  # lost or late if something comes after it, else the peer has stopped
            self._unheard += 1
            return
        if self._unheard > _STARVED_FRAMES:
            self._unheard = 0
        while self._unheard:
            self._unheard -= 1
            self.concealed += 1
            self.bursts.packet(False)
        self.concealed += missing > 0
        self.bursts.packet(not missing)

    def _drift(self, buffer, ear):
        """Leaves out a pitch period or plays one twice, if the buffer wants to be elsewhere: this frame fades over."""
        wish = buffer.wish()
        if not wish or (wish > 0 and self._whole < _STEADY_FRAMES):
            return
        period = match(ear.line, HISTORY + FRAME_SAMPLES - 1, -1, HISTORY + FRAME_SAMPLES)
        if wish < 0:
            period = -period
        elif wish < period or buffer.run(0, FRAME_SAMPLES + period) < FRAME_SAMPLES + period:
            return
        decode(buffer.ring, buffer.play + period, FRAME_SAMPLES, self._table, ear.next, 0)
        mix(ear.line, HISTORY, FRAME_SAMPLES, ear.next, 0, 0, _FULL, 0, 0, _FULL // FRAME_SAMPLES + 1)
        buffer.move(period)
        self._whole = 1 if wish < 0 else 0

    def digit(self, ch, down):
        """The key `ch` goes down or up: an event for the peer, if it takes any."""
        if self.payload_types[0]:
            self._events.digit(ch, down)

    def send(self, pcm, now_ms):
        """Takes a frame from the mouth; returns the length of what is to be sent of `packet` now, or 0."""
        self.timestamp_ms = now_ms
        self._pcm = pcm
        self._taken = 0
        if self.direction in ("recvonly", "inactive"):
            self._tick(FRAME_SAMPLES)
            self._taken = FRAME_SAMPLES
            self._filled = 0
            self._marker = _MARKER
        return self.more()

    def more(self):
        """After `send`: the length of the next packet that is to be sent, or 0. `pcm` stays as it is until then."""
        samples = min(max(self.ptime_ms, MIN_PTIME_MS), MAX_PTIME_MS) * _SAMPLES_A_MS
        while self._taken < FRAME_SAMPLES:
            if self._events.active:
                return self._send_event()
            if not self._filled:
                self._stamp()
                self._a_law = self.codec == "PCMA"  # codec and ptime_ms may change in the middle of a packet
            count = max(0, min(FRAME_SAMPLES - self._taken, samples - self._filled))
            at = HEADER_BYTES + self._filled
            if self.muted:
                for i in range(at, at + count):
                    self.packet[i] = _SILENT_A_LAW if self._a_law else _SILENT_MU_LAW
            else:
                encode(self._pcm, self._taken, count, self._a_law, self.packet, at)
            self._tick(count)
            self._filled += count
            if self._filled >= samples:
                return self._finish(_PCMA if self._a_law else _PCMU, self._marker, self._filled)
        return 0

    def _send_event(self):
        """The event's payload instead of the frame; its packets keep the timestamp of the first."""
        events = self._events
        packet = self.packet
        events.fill(packet, HEADER_BYTES)
        if events.first:
            self._stamp()
        elif events.moved:
            low = (packet[6] << 8 | packet[7]) + events.moved
            high = (packet[4] << 8 | packet[5]) + (low >> 16)
            struct.pack_into(">HH", packet, 4, high & 0xFFFF, low & 0xFFFF)
        self._tick(FRAME_SAMPLES - self._taken)
        return self._finish(self.payload_types[0], _MARKER if events.first else 0, PAYLOAD_BYTES)

    def _stamp(self):
        """Writes the timestamp of what is sent next."""
        struct.pack_into(">HH", self.packet, 4, self._clock_high, self._clock_low)

    def _tick(self, samples):
        """So many samples of the frame are done with."""
        self._taken += samples
        self._clock_low += samples
        if self._clock_low > 0xFFFF:
            self._clock_low &= 0xFFFF
            self._clock_high = self._clock_high + 1 & 0xFFFF

    def _finish(self, kind, marker, count):
        """The rest of the header (RFC 3550, 5.1)."""
        packet = self.packet
        packet[0] = 0x80
        packet[1] = kind | marker
        packet[2] = self._sequence >> 8
        packet[3] = self._sequence & 0xFF
        struct.pack_into(">I", packet, 8, self.ssrc)
        self._sequence = self._sequence + 1 & 0xFFFF
        self._marker = self._filled = 0
        self.sent += 1
        self.sent_octets += count
        return HEADER_BYTES + count
