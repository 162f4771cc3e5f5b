"""A record in flash: magic, sequence number, length and CRC before the payload.

Header, big-endian, 16 bytes: magic `PTRC`, sequence u32, payload length u32, CRC-32 of the twelve
bytes before it and the payload. Two of them, in the two halves of a partition, survive a power cut
at any moment: the newer whole one counts. The payload is written first, the header last.
"""

import struct
from binascii import crc32

HEADER_BYTES = 16
_MAGIC = b"PTRC"
_FIELDS = ">4sII"


def pack_header(sequence, payload):
    """The 16 bytes before `payload`."""
    head = struct.pack(_FIELDS, _MAGIC, sequence, len(payload))
    return head + crc32(payload, crc32(head)).to_bytes(4, "big")


def read_header(header, room_bytes):
    """(sequence, payload length) of a header with `room_bytes` after it; None if it is no record's."""
    magic, sequence, length = struct.unpack(_FIELDS, bytes(header[:12]))
    if magic != _MAGIC or length > room_bytes:
        return None
    return sequence, length


def is_whole(header, pieces):
    """True if the header's CRC fits the payload, given in pieces."""
    crc = crc32(bytes(header[:12]))
    for piece in pieces:
        crc = crc32(piece, crc)
    return crc.to_bytes(4, "big") == bytes(header[12:16])


def newest(data):
    """The payload of the newer whole record in `data`, a partition's bytes; None if neither half has one."""
    half = len(data) // 2
    best = None
    for start in (0, half):
        header = data[start : start + HEADER_BYTES]
        found = read_header(header, half - HEADER_BYTES)
        if found is None or (best is not None and found[0] < best[0]):
            continue
        payload = bytes(data[start + HEADER_BYTES : start + HEADER_BYTES + found[1]])
        if is_whole(header, (payload,)):
            best = (found[0], payload)
    return None if best is None else best[1]
