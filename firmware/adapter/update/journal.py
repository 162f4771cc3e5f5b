"""What the update session remembers over power loss: one record, packed; the newest whole one counts.

Payload, big-endian: format u8 = 1, state u8 (index into UPDATE_STATES), reason u8 (UPDATE_REASONS), tries u8,
then u32 each: sequence of the newest assignment seen, of the one being worked on, release counter, length,
offset, version of the board's role that listed the image, and that version at the last revert; then the
SHA-256 of the newest assignment's signed part and of the image (32 each), what was reported last (sequence
u32, state u8, reason u8), then name and detail, each behind its length u8.
"""

import struct

from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES

MAX_DETAIL_CHARACTERS = 120
_FORMAT = 1
_FIELDS = ">BBBBIIIIIII32s32sIBB"
_FIELDS_BYTES = struct.calcsize(_FIELDS)


class Journal:
    """The record's values; `store` has `load() -> bytes or None` and `store(bytes)`."""

    def __init__(self, store):
        self._store = store
        self.state = "idle"
        self.reason = "none"
        self.tries = 0
        self.newest = 0
        self.newest_digest = bytes(32)
        self.assignment = 0
        self.release_counter = 0
        self.length = 0
        self.offset = 0
        self.role_version = 0
        self.refused_version = 0
        self.sha256 = bytes(32)
        self.told = (0, 0, 0)
        self.name = ""
        self.detail = ""
        self.is_new = not self._load()

    def save(self):
        """Makes the values as they are the newest record."""
        name = self.name.encode()
        detail = self.detail.encode()
        self._store.store(
            struct.pack(
                _FIELDS, _FORMAT, UPDATE_STATES.index(self.state), UPDATE_REASONS.index(self.reason), self.tries,
                self.newest, self.assignment, self.release_counter, self.length, self.offset, self.role_version,
                self.refused_version, self.newest_digest, self.sha256, *self.told,
            ) + bytes((len(name),)) + name + bytes((len(detail),)) + detail
        )  # fmt: skip

    def _load(self):
        payload = self._store.load()
        if payload is None or len(payload) < _FIELDS_BYTES + 2 or payload[0] != _FORMAT:
            return False
        values = struct.unpack(_FIELDS, payload[:_FIELDS_BYTES])
        if values[1] >= len(UPDATE_STATES) or values[2] >= len(UPDATE_REASONS):
            return False
        name_stop = _FIELDS_BYTES + 1 + payload[_FIELDS_BYTES]
        if name_stop >= len(payload) or name_stop + 1 + payload[name_stop] != len(payload):
            return False
        self.state = UPDATE_STATES[values[1]]
        self.reason = UPDATE_REASONS[values[2]]
        self.tries, self.newest, self.assignment, self.release_counter, self.length, self.offset = values[3:9]
        self.role_version, self.refused_version, self.newest_digest, self.sha256 = values[9:13]
        self.told = values[13:16]
        self.name = payload[_FIELDS_BYTES + 1 : name_stop].decode()
        self.detail = payload[name_stop + 1 :].decode()
        return True


def printable(text):
    """`text` as a report's detail takes it: printable ASCII, not too long."""
    kept = [character if " " <= character <= "~" else "?" for character in text[:MAX_DETAIL_CHARACTERS]]
    return "".join(kept)
