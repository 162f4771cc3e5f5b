"""What a slot holds: a 256-byte header, then a ROMFS image of compiled modules.

Header, big-endian: magic `PTIM`, format u8 = 1, reserved u8 = 0, header length u16 = 256, payload
length u32, payload SHA-256 (32), board (16, ASCII, zero-padded), hardware revision from u8 to u8,
.mpy ABI u16, release counter u32, security counter u32, data schema u16, minimum free heap u32
bytes, version (16, ASCII, zero-padded), zeros, CRC-32 of the 252 bytes before it.
A TUF target, an assignment and the boot record all name SHA-256 of header and payload together.
"""

import struct
from binascii import crc32
from hashlib import sha256

from protocol.wire.errors import WireError

HEADER_BYTES = 256
MAX_IMAGE_BYTES = 4 * 1024 * 1024
_MAGIC = b"PTIM"
_FORMAT = 1
_FIELDS = ">4sBBHI32s16sBBHIIHI16s"
_FIELDS_BYTES = struct.calcsize(_FIELDS)
_INTS = (
    ("revision_from", 8), ("revision_to", 8), ("abi", 16), ("release_counter", 32), ("security_counter", 32),
    ("data_schema", 16), ("minimum_heap_bytes", 32),
)  # fmt: skip


class ImageHeader:
    """The facts of an image; every attribute as in the module's docstring."""

    def __init__(
        self, board, revision_from, revision_to, abi, release_counter, security_counter,
        data_schema, minimum_heap_bytes, version, payload_bytes=0, payload_sha256=b"",
    ):  # fmt: skip
        self.board = board
        self.revision_from = revision_from
        self.revision_to = revision_to
        self.abi = abi
        self.release_counter = release_counter
        self.security_counter = security_counter
        self.data_schema = data_schema
        self.minimum_heap_bytes = minimum_heap_bytes
        self.version = version
        self.payload_bytes = payload_bytes
        self.payload_sha256 = payload_sha256

    @property
    def image_bytes(self):
        """Length of header and payload."""
        return HEADER_BYTES + self.payload_bytes

    def pack(self, payload):
        """The header's 256 bytes for `payload`; fills `payload_bytes` and `payload_sha256`."""
        if not 0 < len(payload) <= MAX_IMAGE_BYTES - HEADER_BYTES:
            raise WireError("a payload has 1 to %d bytes, got %d" % (MAX_IMAGE_BYTES - HEADER_BYTES, len(payload)))
        for name, bits in _INTS:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
                raise WireError("%s is an int below 2**%d, got %r" % (name, bits, value))
        if self.revision_from > self.revision_to:
            raise WireError("hardware revisions run from %d to %d" % (self.revision_from, self.revision_to))
        self.payload_bytes = len(payload)
        self.payload_sha256 = sha256(payload).digest()
        fields = struct.pack(
            _FIELDS, _MAGIC, _FORMAT, 0, HEADER_BYTES, self.payload_bytes, self.payload_sha256,
            _pad(self.board, "board"), self.revision_from, self.revision_to, self.abi, self.release_counter,
            self.security_counter, self.data_schema, self.minimum_heap_bytes, _pad(self.version, "version"),
        )  # fmt: skip
        body = fields + bytes(HEADER_BYTES - 4 - len(fields))
        return body + crc32(body).to_bytes(4, "big")

    @classmethod
    def unpack(cls, data):
        """The header at the start of `data`; WireError if it is damaged or of another format."""
        if len(data) < HEADER_BYTES:
            raise WireError("an image header has %d bytes, got %d" % (HEADER_BYTES, len(data)))
        body = bytes(data[: HEADER_BYTES - 4])
        if body[:4] != _MAGIC:
            raise WireError("not an image: it starts with %r, not %r" % (body[:4], _MAGIC))
        if crc32(body).to_bytes(4, "big") != bytes(data[HEADER_BYTES - 4 : HEADER_BYTES]):
            raise WireError("image header fails its CRC")
        values = struct.unpack(_FIELDS, body[:_FIELDS_BYTES])
        _, form, reserved, header_bytes, payload_bytes, digest = values[:6]
        if form != _FORMAT or reserved or header_bytes != HEADER_BYTES or body[_FIELDS_BYTES:].strip(b"\x00"):
            raise WireError("image header of format %d and %d bytes; known: %d" % (form, header_bytes, _FORMAT))
        if not 0 < payload_bytes <= MAX_IMAGE_BYTES - HEADER_BYTES or values[7] > values[8]:
            raise WireError("image header out of bounds: %d payload bytes" % payload_bytes)
        return cls(
            _unpad(values[6]), values[7], values[8], values[9], values[10], values[11], values[12], values[13],
            _unpad(values[14]), payload_bytes, digest,
        )  # fmt: skip

    def refusal(self, board, revision, abi):
        """Why this image may not run on that board, as text; empty if it may."""
        if self.board != board:
            return "image is for board %s, this is %s" % (self.board, board)
        if not self.revision_from <= revision <= self.revision_to:
            return "image is for revisions %d to %d, this is %d" % (self.revision_from, self.revision_to, revision)
        if self.abi != abi:
            return "image has .mpy ABI %d, this runtime has %d" % (self.abi, abi)
        return ""


def _pad(text, name):
    if not isinstance(text, str) or not 0 < len(text) <= 16:
        raise WireError("%s has 1 to 16 characters, got %r" % (name, text))
    for character in text:
        if not 0x21 <= ord(character) <= 0x7E:
            raise WireError("%s is printable ASCII without spaces, got %r" % (name, text))
    return text.encode() + bytes(16 - len(text))


def _unpad(data):
    text = data.rstrip(b"\x00")
    if not text:
        raise WireError("empty text in the image header")
    for byte in text:
        if not 0x21 <= byte <= 0x7E:
            raise WireError("odd text in the image header: %r" % text)
    return text.decode()
