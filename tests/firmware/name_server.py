"""A name server on loopback that knows what a test tells it: NAPTR, SRV and A records."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import Any

from tests.firmware.udp_server import UdpServer

A, SRV, NAPTR = 1, 33, 35
_TTL_S = 60


def name(text: str) -> bytes:
    """A domain name as the DNS writes it (RFC 1035 3.1)."""
    labels = [label.encode() for label in text.split(".")] if text else []
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def address(text: str) -> bytes:
    """The data of an A record."""
    return socket.inet_aton(text)


def service(priority: int, weight: int, port: int, target: str) -> bytes:
    """The data of an SRV record (RFC 2782)."""
    return struct.pack(">HHH", priority, weight, port) + name(target)


def pointer(order: int, preference: int, kind: str, replacement: str) -> bytes:
    """The data of a NAPTR record that leads to an SRV record (RFC 3263 4.1)."""
    texts = b"".join(bytes([len(text)]) + text.encode() for text in ("s", kind, ""))
    return struct.pack(">HH", order, preference) + texts + name(replacement)


class NameServer(UdpServer):
    """`records`: (name, type) -> the data of each record; `asked` are the questions so far."""

    def __init__(self, records: dict[tuple[str, int], list[bytes]]) -> None:
        super().__init__()
        self.records = records
        self.asked: list[tuple[str, int]] = []

    def answer(self, query: bytes) -> bytes:
        """To one question; a name without records does not exist."""
        end = query.index(b"\0", 12)
        labels, at = [], 12
        while at < end:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack_from(">H", query, end + 1)[0]
        question = (".".join(labels), kind)
        self.asked.append(question)
        found = self.records.get(question, [])
        flags = 0x8180 if found else 0x8183
        out = query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + query[12 : end + 5]
        for data in found:
            out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, _TTL_S, len(data)) + data
        return out

    def answers(self, data: bytes, source: Any) -> Iterable[tuple[bytes, Any]]:
        """To who asked."""
        return [(self.answer(data), source)]
