"""One call's media: its RTP stream, its reports, its keys, and whose packets are believed. No I/O.

Sound is taken from where the peer's description says. From elsewhere (a router in between renames addresses) only if
the named address is no address of the whole network or the source is the same host, and after _SURE_PACKETS of one
source. Once the source is known, nobody else is heard until it falls silent.
"""

from adapter.media.quality import figures
from adapter.media.rtcp import Rtcp
from adapter.media.stream import Stream

_PTIME_MS = 20  # until the descriptions say more
_RELATCH_MS = 2_000
_SURE_PACKETS = 3
_HEADER_BYTES = 12


class MediaSession:
    """`stream` as in adapter/media/stream.py; `remote` is where its packets go, (host, port)."""

    def __init__(self, codec, random, now_ms, old=None):
        """`old` is the Stream of a call before (adapter/media/stream.py)."""
        self.stream = Stream(codec, _PTIME_MS, (0, 0), random, old)
        self.remote = None
        self.latched = False  # the source of the peer's packets is known
        self.reopen = True  # for the driver: any source is to be heard, and nothing that came before
        self.heard_ms = now_ms  # when something last came
        self.reports = []  # [(data, destination)] of RTCP
        self._rtcp = Rtcp(self.stream, random)
        self._rtcp_port = 0
        self._srtp = self._keys = None
        self._named = None
        self._stranger = None
        self._sure = 0

    def describe(self, host, port, rtcp_port):
        """Where the peer wants to be sent to, by its description; False: that is nowhere that we can send to."""
        if not port or _network(host) is None:
            return False
        self._rtcp_port = rtcp_port
        if (host, port) != self._named:
            self._named = self.remote = (host, port)
            self._listen()
        return True

    def secure(self, ours, theirs, suite):
        """From now on SRTP: master keys and salts of 30 bytes, `suite` as SDP names it."""
        if (ours, theirs, suite) != self._keys:
            from adapter.media.srtp import Srtp

            self._keys = (ours, theirs, suite)
            self._srtp = Srtp(ours, theirs, suite)

    def send(self, mouth, now_ms):
        """The next 20 ms go out: the length of what `stream.packet` holds to be sent now, 0 if that is nothing."""
        return self._protected(self.stream.send(mouth, now_ms))

    def more(self):
        """The length of the next packet of the same 20 ms, 0 if there is none."""
        return self._protected(self.stream.more())

    def packet(self, buffer, length, source, now_ms):
        """RTP came in, from `source`; None: from where it came before."""
        if source is not None and not self._trusted(source, buffer, length):
            return
        if self._srtp is not None:
            length = self._srtp.unprotect(buffer, length)
        if length:
            self.stream.push(buffer, length, now_ms)
            self.heard_ms = now_ms

    def control(self, buffer, length, source, now_ms):
        """RTCP came in: it, too, tells that the peer lives."""
        if self.remote is None or source[0] != self.remote[0]:
            return
        if self._srtp is not None:
            length = self._srtp.unprotect(buffer, length)
        if length and self._rtcp.feed(buffer, length, now_ms):
            self.heard_ms = now_ms

    def poll(self, now_ms):
        """Makes the report that is due; listens to others where the known source is silent."""
        self._report(self._rtcp.poll(now_ms))
        if "recv" not in self.stream.direction:
            self.heard_ms = now_ms
        if self.latched and now_ms - self.heard_ms > _RELATCH_MS:
            self._listen()

    def close(self, now_ms):
        """The end: says goodbye, and returns the quality figures of `call_record`."""
        self._report(self._rtcp.close(now_ms))
        return figures(self.stream, self._rtcp)

    def _listen(self):
        self.latched = False
        self.reopen = True
        self._sure = 0

    def _protected(self, length):
        if length and self._srtp is not None:
            return self._srtp.protect(self.stream.packet, length)
        return length

    def _report(self, length):
        if length and self._rtcp_port and self.remote is not None:
            packet = self._rtcp.packet
            if self._srtp is not None:
                length = self._srtp.protect(packet, length)
            self.reports.append((bytes(packet[:length]), (self.remote[0], self._rtcp_port)))

    def _trusted(self, source, buffer, length):
        if self._named is None:
            return False
        if self.latched:
            return source == self.remote
        if length < _HEADER_BYTES or buffer[0] >> 6 != 2:
            return False
        if source not in (self._named, self.remote):
            if source[0] != self._named[0] and _is_worldwide(self._named[0]):
                return False
            stranger = (source, bytes(buffer[8:12]))
            self._sure = self._sure + 1 if stranger == self._stranger else 1
            self._stranger = stranger
            if self._sure < _SURE_PACKETS:
                return False
        self.remote = source
        self.latched = True
        return True


def _network(host):
    """The first two bytes of an IPv4 address; None for what is none."""
    parts = host.split(".")
    for part in parts:
        if not part.isdigit() or len(part) > 3 or int(part) > 255:
            return None
    return (int(parts[0]), int(parts[1])) if len(parts) == 4 else None


def _is_worldwide(host):
    """False for an IPv4 address of which there are many (RFC 1918, 6598, 3927, 1122)."""
    first, second = _network(host)
    return not (
        first in (0, 10, 127)
        or (first == 172 and 16 <= second < 32)
        or (first == 192 and second == 168)
        or (first == 169 and second == 254)
        or (first == 100 and 64 <= second < 128)
    )
