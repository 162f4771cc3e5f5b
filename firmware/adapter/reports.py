"""The reports that may not get lost: on flash until the fleet says that it has stored them.

A broker's PUBACK says stored at the broker, not handled; so each critical report waits here for the
fleet's own `acknowledge`, over reconnects and restarts, with the boot id and sequence it was made with:
the fleet knows a repetition by them. At most MAX_REPORTS wait; when there is no room, the oldest that is no
update report goes, for the later ones say more.

Stored as: u8 count, then each packed message behind its u16 length.
"""

import struct

from micropython import const

from protocol.wire.errors import WireError
from protocol.wire.messages import unpack

MAX_REPORTS = const(12)
MAX_STORED_BYTES = const(3072)
RESEND_MS = const(20_000)


class Reports:
    """The waiting reports; `store` has `load() -> bytes or None` and `store(bytes)`."""

    def __init__(self, store):
        self._store = store
        self._waiting = _decode(store.load())
        self._due_ms = [0] * len(self._waiting)

    def __len__(self):
        return len(self._waiting)

    def add(self, message):
        """Keeps the packed `message`, on flash, until it is acknowledged."""
        self._keep([message])

    def adopt(self, stored):
        """Takes over reports that another image of this unit stored; one that waits here too is the same one."""
        fresh = [message for message in _decode(stored) if message not in self._waiting]
        if fresh:
            self._keep(fresh)

    def _keep(self, messages):
        self._waiting.extend(messages)
        self._due_ms.extend([0] * len(messages))
        while len(self._waiting) > MAX_REPORTS or len(_encode(self._waiting)) > MAX_STORED_BYTES:
            self._drop(self._least_important())
        self._store.store(_encode(self._waiting))

    def acknowledge(self, boot_id, sequence):
        """The fleet has that report; True if it was waiting here."""
        for at, message in enumerate(self._waiting):
            report = unpack(message)
            if report.boot_id == boot_id and report.sequence == sequence:
                self._drop(at)
                self._store.store(_encode(self._waiting))
                return True
        return False

    def due(self, now_ms, count):
        """Up to `count` reports to be sent now, the oldest first; each is due again after RESEND_MS."""
        found = []
        for at, due_ms in enumerate(self._due_ms):
            if due_ms <= now_ms and len(found) < count:
                found.append(self._waiting[at])
                self._due_ms[at] = now_ms + RESEND_MS
        return found

    def next_timer(self):
        """When the next report is due, in ms; None if none waits."""
        return min(self._due_ms) if self._due_ms else None

    def connection_lost(self):
        """All that wait are due again as soon as there is a connection."""
        self._due_ms = [0] * len(self._waiting)

    def has_result_of(self, command_id):
        """True if the result of that command waits here: it was carried out already."""
        for message in self._waiting:
            report = unpack(message)
            if report.name == "command_result" and report["command_id"] == command_id:
                return True
        return False

    def _least_important(self):
        for at, message in enumerate(self._waiting):
            if unpack(message).name != "update_report":
                return at
        return 0

    def _drop(self, at):
        self._waiting.pop(at)
        self._due_ms.pop(at)


def _encode(messages):
    out = bytearray([len(messages)])
    for message in messages:
        out.extend(struct.pack(">H", len(message)))
        out.extend(message)
    return bytes(out)


def _decode(data):
    """The stored messages that this firmware understands; another release may have written others."""
    messages = []
    if not data:
        return messages
    at = 1
    for _ in range(min(data[0], MAX_REPORTS)):
        if at + 2 > len(data):
            break
        end = at + 2 + struct.unpack(">H", data[at : at + 2])[0]
        message = bytes(data[at + 2 : end])
        at = end
        try:
            unpack(message)
        except WireError:
            continue
        messages.append(message)
    return messages
