"""RTCP packets built and taken apart after RFC 3550 6 and RFC 3611 4.7, independently of the unit's code."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any


def sender_report(ssrc: int, ntp: int, blocks: bytes = b"", timestamp: int = 0) -> bytes:
    """SR with an NTP timestamp of 64 bits; blocks of 24 bytes each."""
    return packet(200, len(blocks) // 24, struct.pack(">IQIII", ssrc, ntp, timestamp, 1, 160) + blocks)


def receiver_report(ssrc: int, blocks: bytes = b"") -> bytes:
    """RR."""
    return packet(201, len(blocks) // 24, struct.pack(">I", ssrc) + blocks)


def block(ssrc: int, last: int = 0, since: int = 0) -> bytes:
    """A report block about `ssrc` with LSR and DLSR."""
    return struct.pack(">IIIIII", ssrc, 0, 0, 0, last, since)


def goodbye(*sources: int) -> bytes:
    """BYE."""
    return packet(203, len(sources), struct.pack(f">{len(sources)}I", *sources))


def description(ssrc: int, name: bytes) -> bytes:
    """SDES with a CNAME."""
    items = struct.pack(">IBB", ssrc, 1, len(name)) + name
    return packet(202, 1, items + bytes(4 - len(items) % 4))


def voip_metrics(ssrc: int, about: int, round_trip_ms: int, end_delay_ms: int) -> bytes:
    """XR with one VoIP metrics block."""
    values = struct.pack(">4sHHHH", bytes(4), 0, 0, round_trip_ms, end_delay_ms) + bytes(16)
    return packet(207, 0, struct.pack(">IBBHI", ssrc, 7, 0, 8, about) + values)


def packet(kind: int, count: int, body: bytes, padding: bool = False) -> bytes:
    """Any packet."""
    return struct.pack(">BBH", 0x80 | padding << 5 | count, kind, len(body) // 4) + body


@dataclass
class Parsed:
    """The packets of a compound, by the names of their kinds."""

    kinds: list[int] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


def parse(data: bytes) -> Parsed:
    """Takes a compound packet apart; AssertionError where RFC 3550 A.2 would drop it."""
    found = Parsed()
    at = 0
    while at < len(data):
        first, kind, words = struct.unpack_from(">BBH", data, at)
        body = data[at + 4 : at + 4 + 4 * words]
        assert first >> 6 == 2
        assert not first & 0x20
        assert len(body) == 4 * words
        assert kind in (200, 201) or found.kinds
        found.kinds.append(kind)
        found.values |= _values(kind, first & 0x1F, body)
        at += 4 + 4 * words
    return found


def _values(kind: int, count: int, body: bytes) -> dict[str, Any]:
    names: tuple[str, ...]
    if kind == 203:
        return {"bye": struct.unpack(f">{count}I", body)}
    if kind == 202:
        length = body[5]
        assert body[4] == 1
        assert not any(body[6 + length :])
        assert len(body) > 6 + length  # an end mark
        return {"cname": body[6 : 6 + length]}
    if kind == 207:
        assert body[4:8] == bytes((7, 0, 0, 8))
        names = (
            "about", "loss", "discard", "burst_density", "gap_density", "burst_ms", "gap_ms", "round_trip_ms",
            "end_delay_ms", "signal", "noise", "rerl", "gmin", "r", "external_r", "mos_lq", "mos_cq", "config",
            "reserved", "nominal_ms", "maximum_ms", "absolute_ms",
        )  # fmt: skip
        return dict(zip(names, struct.unpack(">IBBBBHHHHBBBBBBBBBBHHH", body[8:]), strict=True))
    names, at = ("ssrc",), 4
    found: dict[str, Any] = {"ssrc": struct.unpack_from(">I", body)[0]}
    if kind == 200:
        names = ("ntp", "timestamp", "packets", "octets")
        found |= zip(names, struct.unpack_from(">QIII", body, 4), strict=True)
        at = 24
    assert len(body) == at + 24 * count
    found["blocks"] = [struct.unpack_from(">IB3sIIII", body, at + 24 * n) for n in range(count)]
    return found
