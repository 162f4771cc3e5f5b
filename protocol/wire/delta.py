"""What begins a delta and what begins each of its blocks; docs/delta.md is the format's description.

Header, big-endian, 80 bytes: magic `PTDL`, format u8 = 1, zeros (3), base length u32, base SHA-256 (32), image
length u32, image SHA-256 (32). Block head, 5 bytes: image bytes u16, deflated bytes u16, window bits u8.
"""

import struct

from protocol.wire.errors import WireError
from protocol.wire.image import MAX_IMAGE_BYTES

HEADER_BYTES = 80
BLOCK_HEAD_BYTES = 5
# A unit goes on at a block's start after a power cut: its flash is written in units of so many bytes.
BLOCK_UNIT_BYTES = 4096
MAX_BLOCK_IMAGE_BYTES = 15 * BLOCK_UNIT_BYTES  # made at one go: erasing takes 6 s at worst, the watchdog waits 8
MAX_DEFLATED_BYTES = 4160  # room for one unit that cannot be compressed
# Copies with what is changed behind them. Real blocks have some hundred; a byte each would make work for seconds.
MAX_BLOCK_COPIES = 2048
MIN_WINDOW_BITS = 9
MAX_WINDOW_BITS = 12
MAX_NUMBER_BYTES = 4  # of a number in a record: seven bits each
_MAGIC = b"PTDL"
_FORMAT = 1
_HEADER_FIELDS = ">4sB3sI32sI32s"
_BLOCK_FIELDS = ">HHB"


def pack_header(base, image):
    """The header; `base` and `image` are (length in bytes, SHA-256)."""
    _check_length(base[0])
    _check_length(image[0])
    return struct.pack(_HEADER_FIELDS, _MAGIC, _FORMAT, b"", base[0], base[1], image[0], image[1])


def unpack_header(data):
    """(base, image), each (length in bytes, SHA-256), of the 80 bytes `data`; WireError if they are no header."""
    magic, form, zeros, base_bytes, base_sha256, image_bytes, image_sha256 = struct.unpack(_HEADER_FIELDS, data)
    if magic != _MAGIC or form != _FORMAT or zeros != bytes(3):
        raise WireError("no delta of format %d: it starts with %r" % (_FORMAT, bytes(data[:8])))
    _check_length(base_bytes)
    _check_length(image_bytes)
    return (base_bytes, base_sha256), (image_bytes, image_sha256)


def pack_block_head(image_bytes, deflated_bytes, window_bits):
    """The head of a block that makes `image_bytes` from `deflated_bytes`, with a window of 2**window_bits bytes."""
    return struct.pack(_BLOCK_FIELDS, image_bytes, deflated_bytes, window_bits)


def unpack_block_head(data, left_bytes):
    """(image bytes, deflated bytes, window bits) of the 5 bytes `data`; WireError if out of bounds.

    `left_bytes` of the image are still to be made: all blocks but the last make whole units.
    """
    image_bytes, deflated_bytes, window_bits = struct.unpack(_BLOCK_FIELDS, data)
    whole = image_bytes % BLOCK_UNIT_BYTES == 0 or image_bytes == left_bytes
    if not 0 < image_bytes <= min(MAX_BLOCK_IMAGE_BYTES, left_bytes) or not whole:
        raise WireError("a block of %d image bytes, %d are left" % (image_bytes, left_bytes))
    if not 0 < deflated_bytes <= MAX_DEFLATED_BYTES or not MIN_WINDOW_BITS <= window_bits <= MAX_WINDOW_BITS:
        raise WireError("a block of %d bytes with %d window bits" % (deflated_bytes, window_bits))
    return image_bytes, deflated_bytes, window_bits


def _check_length(length):
    if not 0 < length <= MAX_IMAGE_BYTES:
        raise WireError("an image has 1 to %d bytes, not %d" % (MAX_IMAGE_BYTES, length))
