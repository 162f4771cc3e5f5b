"""A fake of the media stream for those who only read its counters (the real one is adapter.media.stream)."""

from __future__ import annotations

from adapter.media.quality import Bursts


class CountedStream:
    """The counters of `Stream`, to be set by a test; `hear` counts as the real one does."""

    def __init__(self, ssrc: int = 0x11111111, peer_ssrc: int = 0x22222222) -> None:
        self.ssrc, self.peer_ssrc = ssrc, peer_ssrc
        self.sent = self.sent_octets = self.timestamp = self.timestamp_ms = 0
        self.first, self.highest = 1, 0
        self.source_received = self.received = self.lost = self.discarded = 0
        self.jitter = self.jitter_max = 0
        self.ptime_ms, self.delay_ms, self.delay_max_ms = 20, 40, 60
        self.bursts = Bursts()

    def hear(self, played: str) -> None:
        """A letter a packet: `.` played, `x` lost, `d` discarded."""
        for outcome in played:
            self.highest += 1
            self.source_received += outcome != "x"
            self.received += outcome != "x"
            self.lost += outcome == "x"
            self.discarded += outcome == "d"
            self.bursts.packet(outcome == ".")

    def speak(self, packets: int, now_ms: int) -> None:
        """So many packets of 20 ms went out, the last one now."""
        self.sent += packets
        self.sent_octets += 160 * packets
        self.timestamp, self.timestamp_ms = self.timestamp + 160 * packets, now_ms
