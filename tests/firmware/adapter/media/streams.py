"""A fake of the media stream for those who only read its counters (the real one is adapter.media.stream)."""

from __future__ import annotations

from adapter.media.quality import Bursts


class Reception:
    """What is counted of packets that come."""

    def __init__(self, peer_ssrc: int) -> None:
        self.peer_ssrc = peer_ssrc
        self.first, self.highest = 1, 0
        self.source_received = self.received = self.lost = 0
        self.jitter = self.jitter_max = 0


class Buffer:
    """What is counted of packets that are played."""

    def __init__(self) -> None:
        self.discarded = 0
        self.delay_ms, self.delay_max_ms = 40, 60


class CountedStream:
    """The counters of `Stream`, to be set by a test; `hear` counts as the real one does."""

    def __init__(self, ssrc: int = 0x11111111, peer_ssrc: int = 0x22222222) -> None:
        self.ssrc = ssrc
        self.packet = bytearray(12)
        self.sent = self.sent_octets = self.timestamp_ms = 0
        self.ptime_ms = 20
        self.reception, self.buffer, self.bursts = Reception(peer_ssrc), Buffer(), Bursts()

    def hear(self, played: str) -> None:
        """A letter a packet: `.` played, `x` lost, `d` discarded."""
        for outcome in played:
            self.reception.highest += 1
            self.reception.source_received += outcome != "x"
            self.reception.received += outcome != "x"
            self.reception.lost += outcome == "x"
            self.buffer.discarded += outcome == "d"
            self.bursts.packet(outcome == ".")

    def speak(self, packets: int, now_ms: int) -> None:
        """So many packets of 20 ms went out, the last one now."""
        self.sent += packets
        self.sent_octets += 160 * packets
        self.timestamp_ms = now_ms
        self.packet[4:8] = (160 * self.sent & 0xFFFFFFFF).to_bytes(4, "big")
