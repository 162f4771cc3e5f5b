"""What somebody says comes back: RTP packets returned as they are, under our own source, and RTCP about them.

It keeps the counters of `adapter.media.stream.Stream` that RTCP reads, so that the caller measures loss and round trip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adapter.media.quality import Bursts
from adapter.media.rtcp import MAX_PACKET_BYTES, Rtcp
from adapter.media.rtp import HEADER_BYTES, Reception

RTP_TIMEOUT_MS: Final = 60_000  # of silence on the network, on hold too: then the caller's BYE was lost
_MAX_ROW: Final = 500  # lost packets that are counted one by one
_PTIME_MS: Final = 20


class NoBuffer:
    """What RTCP reads of a jitter buffer: we have none."""

    discarded = delay_ms = delay_max_ms = 0


class Echo:
    """One call's media without I/O. `sends` False: on hold, nothing goes back."""

    def __init__(self, random: Callable[[int], bytes], now_ms: int) -> None:
        self.sends = True
        self.ssrc = int.from_bytes(random(4), "big")
        self.packet = bytearray(HEADER_BYTES)
        self.sent = self.sent_octets = self.timestamp_ms = 0
        self.ptime_ms = _PTIME_MS
        self.reception = Reception()
        self.buffer = NoBuffer
        self.bursts = Bursts()
        self._rtcp = Rtcp(self, random)
        self._lost = 0
        self._heard_ms = now_ms

    def rtp(self, data: bytes, now_ms: int) -> bytes | None:
        """The packet to send back for one that came."""
        self._heard_ms = now_ms
        if self.reception.accept(data, len(data), now_ms) < 0:
            return None
        for _ in range(min(self.reception.lost - self._lost, _MAX_ROW)):
            self.bursts.packet(False)
        self._lost = self.reception.lost
        self.bursts.packet(True)
        if not self.sends:
            return None
        sent = bytearray(data)
        sent[8:12] = self.ssrc.to_bytes(4, "big")
        self.packet[:] = sent[:HEADER_BYTES]
        self.sent += 1
        self.sent_octets += len(sent) - HEADER_BYTES
        self.timestamp_ms = now_ms
        return bytes(sent)

    def rtcp(self, data: bytes, now_ms: int) -> None:
        """A report of the caller."""
        if len(data) <= MAX_PACKET_BYTES:
            self._rtcp.feed(data, len(data), now_ms)

    def poll(self, now_ms: int) -> bytes | None:
        """A report that is due."""
        length = self._rtcp.poll(now_ms)
        return bytes(self._rtcp.packet[:length]) if length else None

    def goodbye(self, now_ms: int) -> bytes | None:
        """The last report."""
        length = self._rtcp.close(now_ms)
        return bytes(self._rtcp.packet[:length]) if length else None

    def is_deserted(self, now_ms: int) -> bool:
        """Whether nothing has come for so long that the caller must be gone."""
        return now_ms - self._heard_ms > RTP_TIMEOUT_MS
