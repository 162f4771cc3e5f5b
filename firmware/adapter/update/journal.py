"""What the update session remembers over power loss: one record, packed; the newest whole one counts.

Payload, big-endian: format u8 = 2, state u8 (index into UPDATE_STATES), reason u8 (UPDATE_REASONS), tries u8,
moves u8, whole only u8 (1: a delta failed), mirror u8 (to begin with), alone u8 (armed without: 1 the
fleet in reach, 2 the line registered);
u32 each: sequence of the newest assignment seen, of the one being worked on, release counter, length, offset (bytes
of the image in the slot for good), offset in the delta (0: not by a delta), bytes received, version and CRC-32 of the
name of the role that listed the image, and both at the last revert;
u32 each, seconds since 1970: when the work began, before which instant the order holds back the restart and from
which on it hurries it (0: neither), and when the order expires;
the SHA-256 of the newest assignment's signed part and of the image (32 each), the mark of the key that signed that
assignment (4, keys.mark), what was reported last (sequence u32, state u8, reason u8), and the detail behind its
length u8. A later release appends; what is behind the detail is none of ours.
"""

import struct

from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES

MAX_TRIES = 20  # in a row without a checkpoint
MAX_DETAIL_CHARACTERS = 120
_FORMAT = 2
_FIELDS = ">8B15I32s32s4sIBB"
_FIELDS_BYTES = 142


class Journal:
    """The record's values; `store` has `load() -> bytes or None` and `store(bytes)`."""

    def __init__(self, store):
        self._store = store
        self.state = "idle"
        self.reason = "none"
        self.tries = self.moves = self.whole_only = self.mirror = self.alone = 0
        self.newest = self.assignment = self.release_counter = self.length = 0
        self.offset = self.delta_offset = self.received = 0
        self.role = self.refused_role = (0, 0)  # version and CRC-32 of the name
        self.began_s = self.not_before_s = self.deadline_s = self.expires_s = 0
        self.newest_digest = self.sha256 = bytes(32)
        self.newest_key = bytes(4)
        self.told = (0, 0, 0)
        self.detail = ""
        self.is_new = not self._load()

    def save(self):
        """Makes the values as they are the newest record."""
        detail = self.detail.encode()
        self._store.store(
            struct.pack(
                _FIELDS, _FORMAT, UPDATE_STATES.index(self.state), UPDATE_REASONS.index(self.reason), self.tries,
                self.moves, self.whole_only, self.mirror, self.alone, self.newest, self.assignment,
                self.release_counter, self.length, self.offset, self.delta_offset, self.received,
                *self.role, *self.refused_role, self.began_s, self.not_before_s, self.deadline_s, self.expires_s,
                self.newest_digest, self.sha256, self.newest_key, *self.told,
            ) + bytes((len(detail),)) + detail
        )  # fmt: skip

    def _load(self):
        payload = self._store.load()
        if payload is None or len(payload) <= _FIELDS_BYTES or payload[0] != _FORMAT:
            return False
        values = struct.unpack(_FIELDS, payload[:_FIELDS_BYTES])
        detail = payload[_FIELDS_BYTES + 1 : _FIELDS_BYTES + 1 + payload[_FIELDS_BYTES]]
        if values[1] >= len(UPDATE_STATES) or values[2] >= len(UPDATE_REASONS) or len(detail) < payload[_FIELDS_BYTES]:
            return False
        self.state = UPDATE_STATES[values[1]]
        self.reason = UPDATE_REASONS[values[2]]
        self.tries, self.moves, self.whole_only, self.mirror, self.alone = values[3:8]
        self.newest, self.assignment, self.release_counter, self.length = values[8:12]
        self.offset, self.delta_offset, self.received = values[12:15]
        self.role, self.refused_role = values[15:17], values[17:19]
        self.began_s, self.not_before_s, self.deadline_s, self.expires_s = values[19:23]
        self.newest_digest, self.sha256, self.newest_key = values[23:26]
        self.told = values[26:29]
        self.detail = detail.decode()
        return True


def printable(text):
    """`text` as a report's detail takes it: printable ASCII, not too long."""
    kept = [character if " " <= character <= "~" else "?" for character in text[:MAX_DETAIL_CHARACTERS]]
    return "".join(kept)
