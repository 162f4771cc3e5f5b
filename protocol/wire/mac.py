"""A MAC address: 48 bits with the I/G and U/L bits readable (IEEE 802-2014, 8.2)."""

from binascii import hexlify

from protocol.wire.errors import WireError

MAC_BYTES = 6
_HEX_DIGITS = "0123456789ABCDEFabcdef"
# The written forms: length of the text, digits in a group, what may stand between groups.
_FORMS = ((17, 2, ":-"), (14, 4, "."), (12, 12, ""))


class MacAddress:
    """An EUI-48, immutable and hashable; `octets` is its six bytes."""

    __slots__ = ("octets",)

    def __init__(self, octets):
        if not isinstance(octets, (bytes, bytearray, memoryview)):
            raise WireError("a MAC address is made of bytes, got %r" % (octets,))
        if len(octets) != MAC_BYTES:
            raise WireError("a MAC address has 6 octets, got %d" % len(octets))
        self.octets = bytes(octets)

    @classmethod
    def parse(cls, text):
        """From `00:1A:2B:3C:4D:5E`, `00-1a-...`, `001a.2b3c.4d5e` or 12 hex digits."""
        digits = ""
        if isinstance(text, str):
            for length, group, separators in _FORMS:
                if len(text) == length and text[group : group + 1] in separators:
                    parts = text.split(text[group]) if separators else [text]
                    if all([len(part) == group for part in parts]):
                        digits = "".join(parts)
        if not digits or not all([digit in _HEX_DIGITS for digit in digits]):
            raise WireError("not a MAC address: %r; write it as 00:1A:2B:3C:4D:5E" % (text,))
        return cls.from_int(int(digits, 16))

    @classmethod
    def from_int(cls, value):
        """From an integer below 2**48."""
        if not 0 <= value < 1 << 48:
            raise WireError("a MAC address is below 2**48, got %d" % value)
        return cls(value.to_bytes(MAC_BYTES, "big"))

    def __int__(self):
        return int.from_bytes(self.octets, "big")

    @property
    def is_multicast(self):
        """The I/G bit: a group address, never a unit's."""
        return bool(self.octets[0] & 1)

    @property
    def is_local(self):
        """The U/L bit: locally administered, not from a registered block."""
        return bool(self.octets[0] & 2)

    def hex(self):
        """Twelve lower-case hex digits."""
        return hexlify(self.octets).decode()

    def __str__(self):
        digits = self.hex().upper()
        return ":".join([digits[i : i + 2] for i in range(0, 12, 2)])

    def __repr__(self):
        return "MacAddress(%s)" % self

    def __eq__(self, other):
        return isinstance(other, MacAddress) and self.octets == other.octets

    def __hash__(self):
        return hash(self.octets)
