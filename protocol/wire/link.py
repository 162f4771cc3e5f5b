"""Framing on the USB serial link: COBS with a CRC-32, zero-terminated.

A frame on the wire is COBS(payload || CRC-32 of payload, big-endian) || 0x00.
COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999. A damaged
frame is dropped and counted, never passed on; the next zero byte resynchronises.
Runs are found and copied whole, since Python is slow at single bytes.
"""

from binascii import crc32

from protocol.wire.errors import WireError

MAX_PAYLOAD_BYTES = 4096
CRC_BYTES = 4
_MAX_ENCODED_BYTES = MAX_PAYLOAD_BYTES + CRC_BYTES + (MAX_PAYLOAD_BYTES + CRC_BYTES) // 254 + 1
_LONGEST_RUN_BYTES = 254


def cobs_encode(*parts):
    """The code of all `parts` and the zero behind it, a view of the one large block of the heap that this takes.

    At most one byte in 254 longer, and two.
    """
    size = sum([len(part) for part in parts])
    out = bytearray(size + size // _LONGEST_RUN_BYTES + 2)
    head, at = 0, 1  # of the run that has begun, and where it goes on
    for part in parts:
        view = memoryview(part)
        for begin in range(0, len(part), _LONGEST_RUN_BYTES):
            piece = bytes(view[begin : begin + _LONGEST_RUN_BYTES])
            start = 0
            while start < len(piece):
                zero = piece.find(b"\x00", start)
                end = len(piece) if zero < 0 else zero
                count = min(end - start, head + 0xFF - at)
                out[at : at + count] = memoryview(piece)[start : start + count]
                start += count
                at += count
                if at - head == 0xFF or start == zero:
                    start += at - head < 0xFF  # the zero is said by the run's end
                    out[head] = at - head
                    head, at = at, at + 1
    out[head] = at - head
    return memoryview(out)[: at + 1]


def cobs_decode(data):
    """The bytes that `cobs_encode` was given, from its code without the zero; WireError if `data` is no such code."""
    zero = data.find(b"\x00")
    if zero >= 0:
        raise WireError("zero byte inside a COBS block at %d" % zero)
    size = len(data)
    view = memoryview(data)
    out = bytearray(size)
    at = count = 0
    while at < size:
        code = view[at]
        end = at + code
        if end > size:
            raise WireError("COBS code %d at byte %d runs past %d bytes" % (code, at, size))
        if code > 1:
            out[count : count + code - 1] = view[at + 1 : end]
            count += code - 1
        at = end
        if code != 0xFF and at < size:
            count += 1  # the zero that `out` has there already
    return bytes(memoryview(out)[:count])


def encode_frame(payload):
    """One frame, ready for the wire."""
    return bytes(frame_of(payload))


def frame_of(*parts):
    """The frame of a payload that comes in parts, ready for the wire; as `cobs_encode`."""
    size = crc = 0
    for part in parts:
        size += len(part)
        crc = crc32(part, crc)
    if size > MAX_PAYLOAD_BYTES:
        raise WireError("a frame carries at most %d bytes, got %d" % (MAX_PAYLOAD_BYTES, size))
    return cobs_encode(*parts, crc.to_bytes(CRC_BYTES, "big"))


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
        self._code = b""  # of the frame that has begun
        self._overrun = False

    def begun(self):
        """True in the middle of a frame."""
        return bool(self._code) or self._overrun

    def feed(self, data):
        """The payloads completed by `data`, in order; never raises."""
        payloads = []
        start = 0
        while True:
            zero = data.find(b"\x00", start)
            self._take(data[start : zero if zero >= 0 else len(data)])
            if zero < 0:
                return payloads
            start = zero + 1
            if self._overrun:
                self.dropped += 1
            elif self._code:
                try:
                    payloads.append(decode_frame(self._code))
                except WireError:
                    self.dropped += 1
            self._code = b""
            self._overrun = False

    def _take(self, part):
        """A stretch of the frame that has begun; one that grows too long is forgotten, and skipped to its end."""
        if self._overrun or len(self._code) + len(part) > _MAX_ENCODED_BYTES:
            self._overrun = True
            self._code = b""
        elif part:
            self._code = self._code + part if self._code else part
