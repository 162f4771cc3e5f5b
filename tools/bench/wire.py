"""The codec of the wire on this host, against bare `struct` on the same bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable

from protocol.wire import link, messages
from tools.bench.ratio import Ratio, measure

MESSAGES = 5_000
FRAMES = 200
_FORMAT = struct.Struct(">BBIIIBBBBIIIBQ")
_HEARTBEAT = {
    "uptime_s": 3600,
    "state": 7,
    "line_state": 0,
    "update_state": 0,
    "slot": 1,
    "release_counter": 7,
    "config_version": 3,
    "free_heap_bytes": 65536,
    "waiting_reports": 0,
    "clock_s": 1_780_000_000,
}


def _repeat(count: int, call: Callable[[], object]) -> Callable[[], None]:
    def loop() -> None:
        for _ in range(count):
            call()

    return loop


def run(rounds: int) -> list[Ratio]:
    """Unpack and pack of a heartbeat; decoding a link frame against encoding it."""
    data = messages.pack("heartbeat", _HEARTBEAT, 1, 1)
    values = _FORMAT.unpack(data)
    payload = bytes(range(256)) * 4
    code = link.encode_frame(payload)[:-1]
    pairs: list[tuple[str, Callable[[], object], str, Callable[[], object], int]] = [
        ("unpack a heartbeat", lambda: messages.unpack(data), "struct.unpack", lambda: _FORMAT.unpack(data), MESSAGES),
        (
            "pack a heartbeat",
            lambda: messages.pack("heartbeat", _HEARTBEAT, 1, 1),
            "struct.pack",
            lambda: _FORMAT.pack(*values),
            MESSAGES,
        ),
        (
            "decode a 1 KiB frame",
            lambda: link.decode_frame(code),
            "encode it",
            lambda: link.encode_frame(payload),
            FRAMES,
        ),
    ]
    return [
        measure(subject, _repeat(count, call), reference, _repeat(count, baseline), count, rounds)
        for subject, call, reference, baseline, count in pairs
    ]
