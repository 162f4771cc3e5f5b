"""A judge of what a mouth sends: reads the packets anew, with nothing of the firmware's (RFC 3550, RFC 4733)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_KEYS = "0123456789*#ABCD"
_LONGEST = 0xFFFF


class Judge:
    """Of the packets of one source in the order sent: `faults` in words, `digits`, `segments` of all of them, and how
    many samples the `shortest` lasted."""

    def __init__(self, packets: Iterable[bytes], event_type: int) -> None:
        self.faults: list[str] = []
        self.digits = ""
        self.segments = 0
        self.shortest = _LONGEST
        self._event: tuple[int, int] | None = None  # code and timestamp of the digit that goes on
        self._duration = 0
        self._ends = 0
        self._expected: tuple[int, int] | None = None  # number and source
        for packet in packets:
            flags, kind, number, timestamp, ssrc = struct.unpack(">BBHII", packet[:12])
            if flags != 0x80:
                self.faults.append(f"packet {number} has the flags {flags:#x}")
            if self._expected not in (None, (number, ssrc)):
                self.faults.append(f"number {number} of {ssrc:#x} after {self._expected}")
            self._expected = ((number + 1) & 0xFFFF, ssrc)
            if kind & 0x7F == event_type:
                self._judge_event(packet[12:], timestamp, kind > 0x7F)
            else:
                self._close()
                self._judge_sound(timestamp, len(packet) - 12)
        self._close()

    _next: int | None = None  # the timestamp that the next sound has, at least

    def _judge_sound(self, timestamp: int, count: int) -> None:
        if self._next is not None and (timestamp - self._next) & 0x80000000:
            self.faults.append(f"timestamp {timestamp} comes again, {self._next} is next")
        self._next = (timestamp + count) & 0xFFFFFFFF

    def _judge_event(self, payload: bytes, timestamp: int, marker: bool) -> None:
        code, volume, duration = struct.unpack(">BBH", payload)
        if self._event is not None and timestamp != self._event[1]:
            goes_on = self._ends == 0 and self._duration == _LONGEST and not marker
            if goes_on and (code, timestamp) == (self._event[0], (self._event[1] + _LONGEST) & 0xFFFFFFFF):
                self._event, self._duration = (code, timestamp), 0
                self.segments += 1
            else:
                self._close()
        if self._event is None:
            self._event, self._duration, self._ends = (code, timestamp), 0, 0
            self.digits += _KEYS[code]
            self.segments += 1
            if not marker:
                self.faults.append(f"digit {_KEYS[code]} begins without a marker")
        elif marker:
            self.faults.append(f"digit {_KEYS[code]} began anew inside of itself")
        if code != self._event[0]:
            self.faults.append(f"digit {_KEYS[self._event[0]]} became {_KEYS[code]}")
        if self._ends and (duration != self._duration or not volume & 0x80):
            self.faults.append(f"digit {_KEYS[code]} goes on after its end")
        if not self._ends and duration <= self._duration:
            self.faults.append(f"digit {_KEYS[code]} does not grow: {duration} after {self._duration}")
        self._duration = duration
        self._ends += volume >> 7

    def _close(self) -> None:
        if self._event is not None and self._ends != 3:
            what = f"has {self._ends} ends" if self._ends else "has no end"
            self.faults.append(f"digit {_KEYS[self._event[0]]} {what}")
        if self._event is not None:
            self.shortest = min(self.shortest, self._duration)
        self._event = None
