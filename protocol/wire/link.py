"""Framing on the USB serial link: COBS with a CRC-32, zero-terminated.

A frame on the wire is COBS(payload || CRC-32 of payload, big-endian) || 0x00.
COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999. A damaged
frame is dropped and counted, never passed on; the next zero byte resynchronises.
"""

from binascii import crc32

from protocol.wire.errors import WireError

MAX_PAYLOAD_BYTES = 4096
CRC_BYTES = 4
_MAX_ENCODED_BYTES = MAX_PAYLOAD_BYTES + CRC_BYTES + (MAX_PAYLOAD_BYTES + CRC_BYTES) // 254 + 1


def cobs_encode(data):
    """`data` without zero bytes; at most one byte in 254 longer, plus one."""
    out = bytearray(1)
    code_at = 0
    code = 1
    for byte in data:
        if byte:
            out.append(byte)
            code += 1
        if not byte or code == 0xFF:
            out[code_at] = code
            code_at = len(out)
            out.append(0)
            code = 1
    out[code_at] = code
    return bytes(out)


def cobs_decode(data):
    """The bytes that `cobs_encode` was given; WireError if `data` is no such code."""
    out = bytearray()
    at = 0
    size = len(data)
    while at < size:
        code = data[at]
        end = at + code
        if code == 0 or end > size:
            raise WireError("COBS code %d at byte %d runs past %d bytes" % (code, at, size))
        for i in range(at + 1, end):
            if data[i] == 0:
                raise WireError("zero byte inside a COBS block at %d" % i)
            out.append(data[i])
        at = end
        if code != 0xFF and at < size:
            out.append(0)
    return bytes(out)


def encode_frame(payload):
    """One frame, ready for the wire."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise WireError("a frame carries at most %d bytes, got %d" % (MAX_PAYLOAD_BYTES, len(payload)))
    return cobs_encode(bytes(payload) + crc32(payload).to_bytes(CRC_BYTES, "big")) + b"\x00"


def decode_frame(code):
    """The payload of one frame, given without its final zero; WireError if damaged."""
    data = cobs_decode(code)
    if len(data) < CRC_BYTES:
        raise WireError("a frame has at least %d bytes, got %d" % (CRC_BYTES, len(data)))
    if len(data) > MAX_PAYLOAD_BYTES + CRC_BYTES:
        raise WireError("a frame carries at most %d bytes, got %d" % (MAX_PAYLOAD_BYTES, len(data) - CRC_BYTES))
    payload = data[:-CRC_BYTES]
    if crc32(payload).to_bytes(CRC_BYTES, "big") != data[-CRC_BYTES:]:
        raise WireError("frame of %d bytes fails its CRC" % len(payload))
    return payload


class FrameReader:
    """Cuts a byte stream into payloads; `dropped` counts what was damaged or too long."""

    def __init__(self):
        self.dropped = 0
        self._code = bytearray()
        self._overrun = False

    def feed(self, data):
        """The payloads completed by `data`, in order; never raises."""
        payloads = []
        for byte in data:
            if byte:
                if len(self._code) < _MAX_ENCODED_BYTES:
                    self._code.append(byte)
                else:
                    self._overrun = True
                continue
            if self._overrun:
                self.dropped += 1
            elif self._code:
                try:
                    payloads.append(decode_frame(self._code))
                except WireError:
                    self.dropped += 1
            self._code = bytearray()
            self._overrun = False
        return payloads
