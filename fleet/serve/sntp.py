"""Answers SNTP requests from the machine's clock, for networks where units reach no other server (RFC 4330)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from threading import Event

PACKET_BYTES = 48
MAX_DATAGRAM_BYTES = 512
POLL_S = 0.5
_HEADER = struct.Struct(">BBbbII4s")
_STAMP = struct.Struct(">II")
_UNIX_TO_NTP_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
_CLIENT, _SERVER = 3, 4
_STRATUM = 3  # the machine's clock follows servers of its own
_PRECISION = -20  # about a microsecond
_ROOT_DISPERSION = 0x0000_0800  # about 31 ms, in 16.16 seconds
_REFERENCE = b"LOCL"


def answer(request: bytes, received_s: float, sent_s: float) -> bytes | None:
    """The reply to `request`, None if it is none; the times are seconds since 1970."""
    if len(request) < PACKET_BYTES or request[0] & 7 != _CLIENT:
        return None
    version = request[0] >> 3 & 7
    if not 1 <= version <= 4:
        return None
    header = _HEADER.pack(
        version << 3 | _SERVER, _STRATUM, request[2] % 128, _PRECISION, 0, _ROOT_DISPERSION, _REFERENCE
    )
    originate = request[40:48]
    return header + _stamp(received_s) + originate + _stamp(received_s) + _stamp(sent_s)


def serve(server: socket.socket, clock: Callable[[], float], stop: Event) -> None:
    """Answer on the bound UDP socket `server` until `stop`."""
    server.settimeout(POLL_S)
    while not stop.is_set():
        try:
            request, peer = server.recvfrom(MAX_DATAGRAM_BYTES)
            reply = answer(request, clock(), clock())
            if reply:
                server.sendto(reply, peer)
        except OSError:  # a time-out, or the network's refusal of an earlier answer
            continue


def _stamp(seconds: float) -> bytes:
    whole = int(seconds)
    return _STAMP.pack((whole + _UNIX_TO_NTP_S) & 0xFFFFFFFF, int((seconds - whole) * (1 << 32)))
