"""The time from a server: one SNTP request (RFC 4330, on the packets of RFC 5905), one checked answer.

What an answer must hold before it is believed (RFC 4330, section 5):
- it is a server's (mode 4), of our version, synchronised (leap indicator not 3, stratum 1 to 15);
- its originate timestamp is the random number that we sent, so a blind attacker cannot answer;
- its own times are in order, and its root distance is below RFC 5905's limit;
- a kiss of death (stratum 0) is obeyed: DENY and RSTR until restart, RATE by waiting.
"""

import struct

from micropython import const

from adapter.errors import AdapterError

_PACKET_BYTES = const(48)
COOKIE_BYTES = const(8)
_VERSION = const(4)
REPLY_TIMEOUT_MS = const(1000)
_MODE_CLIENT = const(3)
_MODE_SERVER = const(4)
_HEADER = ">BBbbII4s"
_SECONDS_1900_TO_1970 = const(2_208_988_800)
_MAX_DISTANCE = const(3 << 15)  # RFC 5905 MAXDIST, 1.5 s in 16.16 fixed point
_MAX_TURNAROUND_MS = const(2000)


class SntpError(AdapterError):
    """An answer not to be believed; says why."""


class KissError(SntpError):
    """The server asks to be left alone; `code` is its four letters."""

    def __init__(self, code):
        super().__init__("time server answers with kiss of death %s" % code)
        self.code = code


def request(cookie):
    """The 48 bytes to send; `cookie` is 8 random bytes in place of our own time, which nobody needs."""
    if len(cookie) != COOKIE_BYTES:
        raise ValueError("a cookie has 8 bytes, got %d" % len(cookie))
    return bytes([_VERSION << 3 | _MODE_CLIENT]) + bytes(_PACKET_BYTES - 1 - COOKIE_BYTES) + bytes(cookie)


def is_answer(data, cookie):
    """True if `data` answers the request with that cookie; anything else is noise, to be ignored."""
    return len(data) >= _PACKET_BYTES and bytes(data[24:32]) == bytes(cookie)


def read_answer(data, cookie, round_trip_ms):
    """UTC in ms since 1970 at the moment the answer came in; SntpError if it is not to be believed."""
    if not is_answer(data, cookie):
        raise SntpError("answer of %d bytes does not return our cookie" % len(data))
    first, stratum, _, _, delay, dispersion, reference = struct.unpack(_HEADER, bytes(data[:16]))
    if first & 7 != _MODE_SERVER or first >> 3 & 7 != _VERSION:
        raise SntpError("answer of mode %d, version %d" % (first & 7, first >> 3 & 7))
    if stratum == 0:
        raise KissError(_letters(reference))
    if stratum > 15 or first >> 6 == 3:
        raise SntpError("server is not synchronised: stratum %d, leap indicator %d" % (stratum, first >> 6))
    if delay // 2 + dispersion >= _MAX_DISTANCE:
        raise SntpError("server is too far from true time: root delay %d, dispersion %d" % (delay, dispersion))
    received = _unix_ms(data, 32)
    sent = _unix_ms(data, 40)
    held_ms = sent - received
    if not 0 <= held_ms <= _MAX_TURNAROUND_MS:
        raise SntpError("server's times are out of order: received %d, sent %d" % (received, sent))
    return sent + max(round_trip_ms - held_ms, 0) // 2


def _letters(reference):
    return "".join([chr(byte) if 65 <= byte <= 90 else "?" for byte in reference])


def _unix_ms(data, at):
    seconds, fraction = struct.unpack(">II", bytes(data[at : at + 8]))
    if seconds == 0 and fraction == 0:
        raise SntpError("server's time is empty")
    if seconds < 1 << 31:  # RFC 4330, section 3: without the top bit, the era that starts in 2036
        seconds += 1 << 32
    return (seconds - _SECONDS_1900_TO_1970) * 1000 + (fraction * 1000 >> 32)


class TimeServers:
    """Which server to ask next; those that denied us are not asked again."""

    def __init__(self, servers):
        self._servers = list(servers)
        self._at = 0

    def current(self):
        """(host, port), or None when every server has turned us away."""
        if not self._servers:
            return None
        return self._servers[self._at % len(self._servers)]

    def failed(self, error):
        """The current server gave `error`, or None: an answer of no use. The next one is asked from now on."""
        if isinstance(error, KissError) and error.code in ("DENY", "RSTR"):
            self._servers.pop(self._at % len(self._servers))
        else:
            self._at += 1
