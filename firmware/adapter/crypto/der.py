"""DER (X.690), the few types keys, requests and signatures need: written minimally, read strictly.

Writers return bytes, tag and length included. `Reader` accepts only the one encoding DER allows:
definite shortest lengths, shortest integers, no byte left over (`end`).
"""

from adapter.crypto.errors import CryptoError

INTEGER, BIT_STRING, OCTET_STRING, OID, UTF8_STRING, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x0C, 0x30, 0x31
MAX_LENGTH_BYTES = 2  # nothing read or written here is longer than 65,535 bytes


def constructed(context):
    """The tag of a constructed context-specific element, such as `[0]`."""
    return 0xA0 | context


def element(tag, *parts):
    """`parts` joined, behind `tag` and the shortest length."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        head = bytes((tag, size))
    elif size < 0x100:
        head = bytes((tag, 0x81, size))
    elif size < 0x10000:
        head = bytes((tag, 0x82, size >> 8, size & 0xFF))
    else:
        raise CryptoError("a DER element has at most 65535 bytes, got %d" % size)
    return head + body


def integer(value):
    """A non-negative INTEGER in as few bytes as it takes."""
    if value < 0:
        raise CryptoError("only non-negative integers are written, got %d" % value)
    size = 1
    while value >> (8 * size - 1):
        size += 1
    return element(INTEGER, value.to_bytes(size, "big"))


def bit_string(data):
    """A BIT STRING of whole bytes."""
    return element(BIT_STRING, b"\x00", data)


class Reader:
    """Reads elements off `data[start:stop]`, one after the other; CryptoError where DER is broken."""

    def __init__(self, data, start=0, stop=None):
        self._data = data
        self._at = start
        self._stop = len(data) if stop is None else stop

    def element(self, tag):
        """The contents of the next element, which must have `tag`, as bytes."""
        start, stop = self._span(tag)
        return bytes(self._data[start:stop])

    def enter(self, tag):
        """A Reader of the contents of the next element, which must have `tag`."""
        start, stop = self._span(tag)
        return Reader(self._data, start, stop)

    def integer(self):
        """The next element, a non-negative INTEGER in its shortest form."""
        body = self.element(INTEGER)
        if not body or body[0] & 0x80:
            raise CryptoError("a non-negative DER integer is wanted, got %r" % body)
        if len(body) > 1 and body[0] == 0 and not body[1] & 0x80:
            raise CryptoError("a DER integer is padded: %r" % body)
        return int.from_bytes(body, "big")

    def bit_string(self):
        """The next element, a BIT STRING of whole bytes."""
        body = self.element(BIT_STRING)
        if not body or body[0]:
            raise CryptoError("a bit string of whole bytes is wanted, got %r" % body[:1])
        return body[1:]

    def end(self):
        """CryptoError if anything is left."""
        if self._at != self._stop:
            raise CryptoError("%d bytes too many in DER" % (self._stop - self._at))

    def _span(self, tag):
        found = self._byte()
        if found != tag:
            raise CryptoError("DER tag 0x%02x is wanted, got 0x%02x" % (tag, found))
        size = self._byte()
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= MAX_LENGTH_BYTES:
                raise CryptoError("a DER length of 1 to %d bytes is wanted, got %d" % (MAX_LENGTH_BYTES, count))
            size = 0
            for _ in range(count):
                size = size << 8 | self._byte()
            if size < 0x80 or (count == 2 and size < 0x100):
                raise CryptoError("DER length %d is not in its shortest form" % size)
        start = self._at
        if size > self._stop - start:
            raise CryptoError("DER is cut off: %d bytes wanted, %d left" % (size, self._stop - start))
        self._at = start + size
        return start, self._at

    def _byte(self):
        if self._at >= self._stop:
            raise CryptoError("DER is cut off at byte %d" % self._at)
        self._at += 1
        return self._data[self._at - 1]
