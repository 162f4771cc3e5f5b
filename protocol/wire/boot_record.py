"""What boot reads first: which slot holds which verified image, and whether one is on trial.

Payload of a record (`record`), big-endian: format u8 = 1, confirmed slot u8, trial u8 (0 none,
1 armed, 2 running), attempts u8, revert reason u8 (index into UPDATE_REASONS, 0 none), security
floor u32, then for slot 0 and slot 1 the image's length u32 (0: nothing verified) and SHA-256
(32), then the number of refused hashes u8 (at most 4) and the hashes (32 each), newest last.
The station writes the first one; afterwards only the unit does.
"""

import struct

from protocol.wire import record
from protocol.wire.enumerations import UPDATE_REASONS
from protocol.wire.errors import WireError
from protocol.wire.image import MAX_IMAGE_BYTES

TRIAL_NONE, TRIAL_ARMED, TRIAL_RUNNING = 0, 1, 2
MAX_REFUSED = 4
SHA256_BYTES = 32
_FORMAT = 1
_FIELDS = ">BBBBBII32sI32sB"
_FIELDS_BYTES = struct.calcsize(_FIELDS)
_NO_IMAGE = (0, bytes(SHA256_BYTES))


class BootRecord:
    """The record's values; `slots` is a pair of (length, SHA-256), `refused` a tuple of hashes."""

    __slots__ = ("attempts", "confirmed", "floor", "refused", "revert_reason", "slots", "trial")

    def __init__(
        self,
        *,
        confirmed=0,
        slots=(_NO_IMAGE, _NO_IMAGE),
        trial=TRIAL_NONE,
        attempts=0,
        revert_reason=0,
        floor=0,
        refused=(),
    ):
        self.confirmed = confirmed
        self.slots = tuple(slots)
        self.trial = trial
        self.attempts = attempts
        self.revert_reason = revert_reason
        self.floor = floor
        self.refused = tuple(refused)

    def but(self, **changes):
        """A copy with `changes`."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values.update(changes)
        return BootRecord(**values)

    def pack(self):
        """The payload."""
        (length_0, digest_0), (length_1, digest_1) = self.slots
        fields = struct.pack(
            _FIELDS, _FORMAT, self.confirmed, self.trial, self.attempts, self.revert_reason, self.floor,
            length_0, digest_0, length_1, digest_1, len(self.refused),
        )  # fmt: skip
        return fields + b"".join(self.refused)

    @classmethod
    def unpack(cls, payload):
        """The record in `payload`; WireError if it is not one."""
        if len(payload) < _FIELDS_BYTES:
            raise WireError("a boot record has at least %d bytes, got %d" % (_FIELDS_BYTES, len(payload)))
        values = struct.unpack(_FIELDS, bytes(payload[:_FIELDS_BYTES]))
        form, confirmed, trial, attempts, reason, floor, length_0, digest_0, length_1, digest_1, count = values
        if form != _FORMAT or len(payload) != _FIELDS_BYTES + count * SHA256_BYTES or count > MAX_REFUSED:
            raise WireError("boot record of format %d with %d bytes; known: %d" % (form, len(payload), _FORMAT))
        if confirmed > 1 or trial > TRIAL_RUNNING or reason >= len(UPDATE_REASONS):
            raise WireError("boot record out of bounds: slot %d, trial %d, reason %d" % (confirmed, trial, reason))
        if length_0 > MAX_IMAGE_BYTES or length_1 > MAX_IMAGE_BYTES:
            raise WireError("boot record names images of %d and %d bytes" % (length_0, length_1))
        refused = []
        for at in range(_FIELDS_BYTES, len(payload), SHA256_BYTES):
            refused.append(bytes(payload[at : at + SHA256_BYTES]))
        return cls(
            confirmed=confirmed,
            slots=((length_0, digest_0), (length_1, digest_1)),
            trial=trial,
            attempts=attempts,
            revert_reason=reason,
            floor=floor,
            refused=refused,
        )


def read_partition(data):
    """The BootRecord in a boot_record partition's bytes; None if there is no whole one."""
    payload = record.newest(data)
    if payload is None:
        return None
    try:
        return BootRecord.unpack(payload)
    except WireError:
        return None
