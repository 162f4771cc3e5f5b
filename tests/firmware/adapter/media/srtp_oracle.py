"""SRTP by the book with the `cryptography` package and the standard library's HMAC: what the unit's is held to."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def keystream(key: bytes, iv: int, count: int) -> bytes:
    """RFC 3711 4.1.1."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(count)) + encryptor.finalize()


def derived(master: bytes, label: int, count: int) -> bytes:
    """RFC 3711 4.3, key derivation rate 0."""
    salt = int.from_bytes(master[16:30], "big")
    return keystream(master[:16], (salt ^ label << 48) << 16, count)


def protected(master: bytes, packet: bytes, roc: int, tag_bytes: int, header_bytes: int = 12) -> bytes:
    """An SRTP packet."""
    number, ssrc = struct.unpack_from(">2xH4xI", packet)
    body = _masked(master, 0, packet[header_bytes:], ssrc, roc << 16 | number)
    signed = packet[:header_bytes] + body
    return signed + _tag(master, 1, signed + struct.pack(">I", roc))[:tag_bytes]


def protected_rtcp(master: bytes, packet: bytes, index: int) -> bytes:
    """An SRTCP packet."""
    ssrc = struct.unpack_from(">4xI", packet)[0]
    signed = packet[:8] + _masked(master, 3, packet[8:], ssrc, index) + struct.pack(">I", 1 << 31 | index)
    return signed + _tag(master, 4, signed)[:10]


def _masked(master: bytes, label: int, data: bytes, ssrc: int, index: int) -> bytes:
    salt = int.from_bytes(derived(master, label + 2, 14), "big")
    stream = keystream(derived(master, label, 16), salt << 16 ^ ssrc << 64 ^ index << 16, len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))


def _tag(master: bytes, label: int, signed: bytes) -> bytes:
    return hmac.new(derived(master, label, 20), signed, hashlib.sha1).digest()
