"""Who a unit is: key, certificate, serial number and MAC, kept in a partition that no update can write.

Payload of its record, big-endian: stage u8 (0 keyed, 1 provisioned, 2 locked, 3 reset), format u8 = 2, epoch
u16, hardware revision u8, MAC (6), country (2), serial number (11), board (16, zero-padded), private
key (32), public key (65), then six blobs (u16 length, bytes): certificate, trust anchors, root
metadata, addresses, token keys, bench. Format 1 ended after the addresses. Boot reads the first byte
only: 2 seals the partition until reset. After a factory reset both keys are zeros, and of the blobs
the last two are left, since they are the fleet's and the board's, not the identity's.

Token keys: public keys (65 bytes each) of the fleet, which sign who may provision it again.
Bench: line gain u16 (32768 + tenths of a dB), clock u16 (32768 + ppm too fast), then for each test of the
station's self-test: test u8, result u8, code u8, value u32. Written by the lock, and kept ever after: a unit that
has it and is not locked was reset.
"""

import struct

from adapter.errors import IdentityError
from adapter.records import RecordPair
from protocol.wire.mac import MacAddress

KEYED, PROVISIONED, LOCKED, RESET = 0, 1, 2, 3
MAX_BLOB_BYTES = 8192
TOKEN_KEYS, BENCH = 4, 5  # of the blobs
_FORMAT = 2
_FIELDS = ">BBHB6s2s11s16s32s65s"
_FIELDS_BYTES = struct.calcsize(_FIELDS)
_BLOBS = 6
_BLOBS_OF_FORMAT_1 = 4
_BIAS = 32768


class Identity:
    """A unit's identity; `blobs` are those of the wire's BLOBS, and what was measured at the bench."""

    __slots__ = (
        "blobs",
        "board",
        "country",
        "epoch",
        "hardware_revision",
        "mac",
        "private",
        "public",
        "serial",
        "stage",
    )

    def __init__(self, stage, epoch, hardware_revision, mac, country, serial, board, private, public, blobs=None):
        self.stage = stage
        self.epoch = epoch
        self.hardware_revision = hardware_revision
        self.mac = mac
        self.country = country
        self.serial = serial
        self.board = board
        self.private = private
        self.public = public
        self.blobs = tuple(blobs or ()) + (b"",) * (_BLOBS - len(blobs or ()))

    @property
    def locked(self):
        """True once the identity is complete and sealed."""
        return self.stage == LOCKED

    @property
    def provisioned(self):
        """True once certificate, anchors, metadata and addresses are in."""
        return self.stage in (PROVISIONED, LOCKED)

    @property
    def certificate_der(self):
        """The unit's certificate."""
        return self.blobs[0]

    @property
    def anchors_der(self):
        """The certificate authority that signs the fleet's servers."""
        return self.blobs[1]

    @property
    def root_metadata(self):
        """The first root.json the unit trusts."""
        return self.blobs[2]

    @property
    def addresses(self):
        """Where the fleet is: the values of message `addresses`."""
        from protocol.wire import messages

        return messages.unpack(self.blobs[3]).values

    @property
    def resettable(self):
        """True if the fleet has a key by which a unit that was reset can be provisioned again."""
        return bool(self.blobs[TOKEN_KEYS])

    @property
    def calibration(self):
        """What the bench found: tenths of a dB that the line wants added, and ppm that the clock goes too fast."""
        bench = self.blobs[BENCH]
        if not bench:
            return 0, 0
        return int.from_bytes(bench[:2], "big") - _BIAS, int.from_bytes(bench[2:4], "big") - _BIAS

    @property
    def key_der(self):
        """The private key as TLS takes it."""
        from adapter.crypto.ec_key import key_der

        return key_der(self.private, self.public)

    def but(self, **changes):
        """A copy with `changes`."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values.update(changes)
        return Identity(**values)

    def pack(self):
        """The record's payload."""
        parts = [
            struct.pack(
                _FIELDS, self.stage, _FORMAT, self.epoch, self.hardware_revision, self.mac.octets,
                self.country.encode(), self.serial.encode(), self.board.encode(), self.private, self.public,
            )
        ]  # fmt: skip
        for blob in self.blobs:
            parts.append(struct.pack(">H", len(blob)))
            parts.append(blob)
        return b"".join(parts)

    @classmethod
    def unpack(cls, length, read, wanted=None):
        """The Identity in a record of `length` bytes, of which `read(at, count)` gives a piece; IdentityError if it is
        of another format. Of the blobs only the `wanted` numbers are read, or all: they take the heap 4 KB.
        """
        fields = read(0, _FIELDS_BYTES) if length >= _FIELDS_BYTES else b"\xff"
        if fields[0] > RESET or fields[1] not in (1, _FORMAT):
            raise IdentityError("identity record of %d bytes has an unknown format; provision again" % length)
        stage, known, epoch, revision, mac, country, serial, board, private, public = struct.unpack(_FIELDS, fields)
        blobs, due = [], _BLOBS if known == _FORMAT else _BLOBS_OF_FORMAT_1
        at = _FIELDS_BYTES
        while at < length and len(blobs) < due:
            count = int.from_bytes(read(at, min(2, length - at)), "big")
            at += 2 + count
            blobs.append(read(at - count, count) if at <= length and (not wanted or len(blobs) in wanted) else b"")
        if at != length or len(blobs) < due:
            raise IdentityError("identity record has %d bytes, its blobs end at %d; provision again" % (length, at))
        board = board.rstrip(b"\x00").decode()
        return cls(
            stage, epoch, revision, MacAddress(mac), country.decode(), serial.decode(), board, private, public, blobs
        )


class IdentityStore:
    """The identity partition: an Identity, or None before provisioning, read piece by piece."""

    def __init__(self, partition):
        self._pair = RecordPair(partition)

    def load(self, wanted=None):
        """The Identity, or None; with the `wanted` blobs only, by number, or with all."""
        length = self._pair.find()
        return None if length is None else Identity.unpack(length, self._pair.read, wanted)

    def store(self, identity):
        """Makes `identity` the newest record; nothing of the one before the last is left."""
        self._pair.store(identity.pack(), True)
