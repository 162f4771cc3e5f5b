"""Who a unit is: key, certificate, serial number and MAC, kept in a partition that no update can write.

Payload of its record, big-endian: stage u8 (0 keyed, 1 provisioned, 2 locked), format u8 = 1, epoch
u16, hardware revision u8, MAC (6), country (2), serial number (11), board (16, zero-padded), private
key (32), public key (65), then four blobs (u16 length, bytes): certificate, trust anchors, root
metadata, addresses. Boot reads the first byte only: 2 seals the partition until reset.
"""

import struct

from adapter.crypto import csr
from adapter.errors import IdentityError
from adapter.records import RecordPair
from protocol.wire import messages
from protocol.wire.mac import MacAddress

KEYED, PROVISIONED, LOCKED = 0, 1, 2
MAX_BLOB_BYTES = 8192
_FORMAT = 1
_FIELDS = ">BBHB6s2s11s16s32s65s"
_FIELDS_BYTES = struct.calcsize(_FIELDS)
_BLOBS = 4


class Identity:
    """A unit's identity; `blobs` are certificate, trust anchors, root metadata and addresses, in that order."""

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
        self.blobs = tuple(blobs) if blobs else (b"",) * _BLOBS

    @property
    def locked(self):
        """True once the identity is complete and sealed."""
        return self.stage == LOCKED

    @property
    def provisioned(self):
        """True once certificate, anchors, metadata and addresses are in."""
        return self.stage != KEYED

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
        return messages.unpack(self.blobs[3]).values

    @property
    def key_der(self):
        """The private key as TLS takes it."""
        return csr.key_der(self.private, self.public)

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
    def unpack(cls, payload):
        """The Identity in `payload`; IdentityError if it is of another format."""
        if len(payload) < _FIELDS_BYTES or payload[1] != _FORMAT or payload[0] > LOCKED:
            raise IdentityError("identity record of %d bytes has an unknown format; provision again" % len(payload))
        stage, _, epoch, revision, mac, country, serial, board, private, public = struct.unpack(
            _FIELDS, payload[:_FIELDS_BYTES]
        )
        blobs = []
        at = _FIELDS_BYTES
        for _ in range(_BLOBS):
            length = int.from_bytes(payload[at : at + 2], "big")
            blobs.append(payload[at + 2 : at + 2 + length])
            at += 2 + length
        if at != len(payload):
            raise IdentityError(
                "identity record has %d bytes, its blobs end at %d; provision again" % (len(payload), at)
            )
        board = board.rstrip(b"\x00").decode()
        return cls(
            stage, epoch, revision, MacAddress(mac), country.decode(), serial.decode(), board, private, public, blobs
        )


class IdentityStore:
    """The identity partition: an Identity, or None before provisioning."""

    def __init__(self, partition):
        self._pair = RecordPair(partition)

    def load(self):
        """The Identity, or None."""
        payload = self._pair.load()
        return None if payload is None else Identity.unpack(payload)

    def store(self, identity):
        """Makes `identity` the newest record."""
        self._pair.store(identity.pack())
