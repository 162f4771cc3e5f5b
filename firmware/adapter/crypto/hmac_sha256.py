"""HMAC with SHA-256 (RFC 2104, FIPS 198-1): a keyed digest of a message."""

from hashlib import sha256

DIGEST_BYTES = 32
_BLOCK_BYTES = 64


def hmac_sha256(key, *parts):
    """The 32-byte HMAC-SHA-256 of the concatenated `parts` under `key`, all bytes."""
    if len(key) > _BLOCK_BYTES:
        key = sha256(key).digest()
    key = bytes(key) + bytes(_BLOCK_BYTES - len(key))
    inner = sha256(bytes(byte ^ 0x36 for byte in key))
    for part in parts:
        inner.update(part)
    outer = sha256(bytes(byte ^ 0x5C for byte in key))
    outer.update(inner.digest())
    return outer.digest()
