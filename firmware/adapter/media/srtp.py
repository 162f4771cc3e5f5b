"""Speech that nobody on the way reads or forges: SRTP and SRTCP with keys from SDP (RFC 3711, RFC 4568).

AES_CM_128_HMAC_SHA1_80 and _32, no MKI, key derivation rate 0. Invariants:
- a packet is decrypted, and anything learnt from it, only after its tag is right (3.3);
- none is taken twice, and none older than _WINDOW packets (3.3.2);
- the packet counters of a source are never forgotten during a call, so going back to it opens no window again.

In place. What it allocates for each packet is what `hashlib` has no way around: two states and two digests of SHA-1,
and a view of the packet.
"""

from hashlib import sha1
from struct import pack_into, unpack

from cryptolib import aes

from adapter.errors import AdapterError

SUITE = "AES_CM_128_HMAC_SHA1_80"  # RFC 4568 6.2.1: every end knows it
KEY_BYTES = 30  # RFC 4568 6.2: master key of 16 bytes, master salt of 14
ROOM_BYTES = 14  # that a packet grows by at most: SRTCP's index and tag
MAX_PACKET_BYTES = 1500
_SUITE_32 = "AES_CM_128_HMAC_SHA1_32"
_TAG_BYTES = 10
_SHORT_TAG_BYTES = 4
_WINDOW = 64  # packets, RFC 3711 3.3.2: at least
_MAX_SOURCES = 4
_CHUNK_BYTES = 160  # of keystream at a time: a frame of 20 ms
_ECB = 1


class SrtpError(AdapterError):
    """A key or suite of which no SRTP can be made, or a buffer without room for the tag."""


class Srtp:
    """Both directions of one call; `protect` and `unprotect` tell RTCP from RTP by its type (RFC 5761 4)."""

    def __init__(self, key_tx, key_rx, suite):
        if suite not in (SUITE, _SUITE_32) or len(key_tx) != KEY_BYTES or len(key_rx) != KEY_BYTES:
            raise SrtpError("no SRTP of suite %s with keys of %d and %d bytes" % (suite, len(key_tx), len(key_rx)))
        self._tag_bytes = _TAG_BYTES if suite == SUITE else _SHORT_TAG_BYTES
        blocks, stream = bytearray(_CHUNK_BYTES), bytearray(_CHUNK_BYTES)
        self._out = _Context(key_tx, 0, blocks, stream)
        self._out_rtcp = _Context(key_tx, 3, blocks, stream)
        self._in = _Context(key_rx, 0, blocks, stream)
        self._in_rtcp = _Context(key_rx, 3, blocks, stream)

    def protect(self, buffer, length):
        """Encrypts and tags the first `length` bytes of `buffer`, a packet; its new length. SrtpError if no room."""
        if length + ROOM_BYTES > len(buffer):
            raise SrtpError("%d bytes leave no room in %d for a tag of SRTP" % (length, len(buffer)))
        if 192 <= buffer[1] <= 223:
            context = self._out_rtcp
            source = context.source(buffer, 4) or context.learn(buffer, 4, -1)
            index = source[2] = source[2] + 1
            context.mask(buffer, 8, length, 4, index)
            pack_into(">HH", buffer, length, index >> 16 | 0x8000, index & 0xFFFF)
            return context.seal(buffer, length + 4, -1, _TAG_BYTES)
        context = self._out
        source = context.source(buffer, 8) or context.learn(buffer, 8, -1)
        index = source[2] = _index(source[2], buffer)
        context.mask(buffer, _header_bytes(buffer, length), length, 8, index)
        return context.seal(buffer, length, index, self._tag_bytes)

    def unprotect(self, buffer, length):
        """Checks and decrypts; the length without tag. 0: not authentic, seen before or no SRTP; drop it."""
        if not 12 <= length <= MAX_PACKET_BYTES or buffer[0] >> 6 != 2:
            return 0
        if 192 <= buffer[1] <= 223:
            context, start, place, stop, roc = self._in_rtcp, 8, 4, length - _TAG_BYTES - 4, -1
            if stop < start or not buffer[stop] & 0x80:  # unencrypted SRTCP was not agreed on
                return 0
            source = context.source(buffer, place)
            index = (buffer[stop] & 0x7F) << 24 | buffer[stop + 1] << 16 | buffer[stop + 2] << 8 | buffer[stop + 3]
            signed = stop + 4
        else:
            context, place, stop = self._in, 8, length - self._tag_bytes
            start, signed = _header_bytes(buffer, stop), stop
            source = context.source(buffer, place)
            index = roc = _index(source[2] if source else -1, buffer)
        if not start or index < 0 or (source and _seen(source, index)):
            return 0
        if not context.is_authentic(buffer, signed, roc, length):
            return 0
        source = source or context.learn(buffer, place, index)
        if source is None:
            return 0
        source[3][index % _WINDOW] = index // _WINDOW & 0xFF
        source[2] = max(source[2], index)
        context.mask(buffer, start, stop, place, index)
        return stop


class _Context:
    """The cryptographic context of RTP or of RTCP in one direction (3.2.1)."""

    def __init__(self, master, label, blocks, stream):
        cipher = aes(master[:16], _ECB)
        block = bytearray(32)  # 4.3.1: the counter runs in the last two bytes
        block[:14] = block[16:30] = master[16:]
        block[31] = 1
        found = []
        for each in range(3):  # encryption, authentication, salt
            block[7] = block[23] = master[23] ^ (label + each)
            found.append(cipher.encrypt(block))
        self._cipher = aes(found[0][:16], _ECB)
        self._inner = bytes(byte ^ 0x36 for byte in found[1][:20] + bytes(44))
        self._outer = bytes(byte ^ 0x5C for byte in found[1][:20] + bytes(44))
        self._salt = unpack(">HHHHHHH", found[2][:14])
        self._blocks, self._stream = blocks, stream  # shared: of no use between two packets
        self._roc = bytearray(4)
        self._sources = []  # [SSRC high, SSRC low, highest index, the window]

    def source(self, buffer, place):
        """What is known of the SSRC at `place`; None if nothing is."""
        high, low = buffer[place] << 8 | buffer[place + 1], buffer[place + 2] << 8 | buffer[place + 3]
        for source in self._sources:
            if source[0] == high and source[1] == low:
                return source
        return None

    def learn(self, buffer, place, index):
        """A new source, at `index`; None if there are too many."""
        if len(self._sources) >= _MAX_SOURCES:
            return None
        window = bytearray(_WINDOW)
        for slot in range(_WINDOW):  # half the numbers away from any near packet's
            window[slot] = index // _WINDOW + 128 & 0xFF
        source = [
            buffer[place] << 8 | buffer[place + 1], buffer[place + 2] << 8 | buffer[place + 3], index, window,
        ]  # fmt: skip
        self._sources.append(source)
        return source

    def mask(self, buffer, start, stop, place, index):
        """Encrypts or decrypts buffer[start:stop]: AES in counter mode (4.1.1), in words of 16 bits."""
        blocks, stream, salt = self._blocks, self._stream, self._salt
        high = salt[2] ^ (buffer[place] << 8 | buffer[place + 1])
        low = salt[3] ^ (buffer[place + 2] << 8 | buffer[place + 3])
        third, second, first = salt[4] ^ (index >> 32), salt[5] ^ (index >> 16 & 0xFFFF), salt[6] ^ (index & 0xFFFF)
        block = 0
        while start < stop:
            for at in range(0, _CHUNK_BYTES, 16):
                pack_into(">HHHHHHHH", blocks, at, salt[0], salt[1], high, low, third, second, first, block)
                block += 1
            self._cipher.encrypt(blocks, stream)
            count = min(_CHUNK_BYTES, stop - start)
            for at in range(count):
                buffer[start + at] ^= stream[at]
            start += count

    def seal(self, buffer, length, index, tag_bytes):
        """Writes the tag behind the first `length` bytes (4.2); the length with it."""
        digest = self._digest(buffer, length, index)
        for at in range(tag_bytes):
            buffer[length + at] = digest[at]
        return length + tag_bytes

    def is_authentic(self, buffer, start, index, stop):
        """Whether the tag buffer[start:stop] is that of what is before it; takes the same time for any."""
        digest = self._digest(buffer, start, index)
        wrong = 0
        for at in range(stop - start):
            wrong |= digest[at] ^ buffer[start + at]
        return not wrong

    def _digest(self, buffer, length, index):
        """HMAC-SHA1 of the packet, with the rollover counter behind it if it is RTP (`index` >= 0)."""
        inner = sha1(self._inner)  # noqa: S324 - RFC 3711's
        inner.update(memoryview(buffer)[:length])
        if index >= 0:
            pack_into(">HH", self._roc, 0, index >> 32, index >> 16 & 0xFFFF)
            inner.update(self._roc)
        outer = sha1(self._outer)  # noqa: S324
        outer.update(inner.digest())
        return outer.digest()


def _header_bytes(buffer, length):
    """Of an RTP packet: its fixed header, the sources that contributed, its extension; 0 if it is not whole."""
    count = 12 + 4 * (buffer[0] & 0x0F)
    if buffer[0] & 0x10:
        if count + 4 > length:
            return 0
        count += 4 + 4 * (buffer[count + 2] << 8 | buffer[count + 3])
    return count if count <= length else 0


def _index(highest, buffer):
    """The packet's 48-bit index by its sequence number, nearest to the highest one so far (3.3.1, appendix A)."""
    number = buffer[2] << 8 | buffer[3]
    if highest < 0:
        return number
    index = (highest >> 16 << 16) + number
    if index - highest > 0x8000:
        return index - 0x10000
    return index + 0x10000 if highest - index > 0x8000 else index


def _seen(source, index):
    """Whether the packet was there already, or is too old to tell."""
    return index <= source[2] - _WINDOW or (
        index <= source[2] and source[3][index % _WINDOW] == (index // _WINDOW & 0xFF)
    )
