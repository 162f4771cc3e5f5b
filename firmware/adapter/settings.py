"""What a unit keeps over restarts on its own behalf, in two banks, one a slot: a trial touches its own bank only.

A bank holds one record (records.py), big-endian: schema u8, the clock's floor u64 (UTC seconds since 1970), the
waiting reports as reports.py lays them out, then what the schema adds:

| schema | adds                                                                                        |
|--------|---------------------------------------------------------------------------------------------|
| 1      | nothing                                                                                     |
| 2      | the fleet's last configuration, as its message behind its length u16; length 0: none so far |

- What stands before that is the same in every schema, so that an image can take over the reports of any other.
- Before it arms, the running image writes the other bank in the schema the staged image wants, or in its own if
  that is older (`prepare`); it knows the way back to every schema before its own.
- A newer image brings forward what it finds in its bank (STEPS), and writes it so with the next change.
"""

import struct

from micropython import const

from adapter.errors import AdapterError
from adapter.records import RecordPair

MAX_CONFIGURATION_BYTES = 1536
FLOOR_STEP_S = const(86_400)  # the floor is written at most once a day, to spare the flash
_HEAD = ">BQ"
_HEAD_BYTES = 9
_NO_REPORTS = b"\x00"


class SettingsError(AdapterError):
    """Settings of a schema to which no step leads from here; says which."""


def _add_configuration(added):
    return added + b"\x00\x00"


def _drop_configuration(added):
    return b""


# Row n brings what schema n + 1 adds forward to schema n + 2, and back.
STEPS = ((_add_configuration, _drop_configuration),)
SCHEMA = 2


class Settings:
    """`partition` holds both banks, the image in `slot` runs. `load` and `store` are the Reports' side.

    `steps`: as STEPS, for a test that plays another release; its own schema is the one they lead to.
    """

    def __init__(self, partition, slot=0, steps=STEPS):
        bank_bytes = partition.size // 2 // partition.block_bytes * partition.block_bytes
        self._own = RecordPair(partition, slot * bank_bytes, bank_bytes)
        self._other = RecordPair(partition, (1 - slot) * bank_bytes, bank_bytes)
        self._steps = steps
        self.schema = len(steps) + 1
        self.floor_s = 0
        self._reports = _NO_REPORTS
        self._added = self.converted(b"", 1, self.schema)
        self._came_forward_whole = True
        payload = self._own.load() or self._other.load()
        if payload and len(payload) >= _HEAD_BYTES:
            self._take(payload)

    def _take(self, payload):
        schema, self.floor_s = struct.unpack(_HEAD, payload[:_HEAD_BYTES])
        stop = _reports_stop(payload)
        self._reports = payload[_HEAD_BYTES:stop]
        if 1 <= schema <= self.schema:  # what a newer one adds is not for us to read
            added = payload[stop:]
            self._added = self.converted(added, schema, self.schema)
            self._came_forward_whole = self.converted(self._added, self.schema, schema) == added

    def load(self):
        """The stored reports."""
        return self._reports

    def store(self, reports):
        """Keeps `reports`."""
        self._reports = reports
        self._write()

    def raise_floor(self, floor_s):
        """Keeps a time that is certainly past, if it is new enough to be worth it."""
        if floor_s >= self.floor_s + FLOOR_STEP_S:
            self.floor_s = floor_s
            self._write()

    @property
    def configuration(self):
        """The fleet's last configuration as it was kept, b"" if there is none."""
        return self._added[2 : 2 + int.from_bytes(self._added[:2], "big")]

    def keep_configuration(self, message):
        """Keeps the packed configuration, if it is another one and not longer than there is room for."""
        if message != self.configuration and len(message) <= MAX_CONFIGURATION_BYTES:
            self._added = struct.pack(">H", len(message)) + message
            self._write()

    def converted(self, added, source, target):
        """`added` of schema `source` as schema `target` has it; SettingsError if there is no way."""
        if not 1 <= source <= self.schema or not 1 <= target <= self.schema:
            raise SettingsError("settings of schema %d from %d; known: 1 to %d" % (target, source, self.schema))
        while source < target:
            added = self._steps[source - 1][0](added)
            source += 1
        while source > target:
            source -= 1
            added = self._steps[source - 1][1](added)
        return added

    def try_steps(self):
        """True if the ways back to the older schemas and forward again lose nothing: a trial's self-test."""
        for schema in range(1, self.schema):
            there = self.converted(self._added, self.schema, schema)
            again = self.converted(self.converted(there, schema, self.schema), self.schema, schema)
            if again != there:
                return False
        return self._came_forward_whole

    def prepare(self, schema):
        """Before arming: writes the other bank for an image of settings schema `schema`, or SettingsError."""
        schema = min(schema, self.schema)
        added = self.converted(self._added, self.schema, schema)
        self._other.store(_record(schema, self.floor_s, self._reports, added))

    def left_behind(self):
        """The reports in the other bank: after a revert, those of the trial among them. Not to be asked on trial."""
        payload = self._other.load()
        if not payload or len(payload) < _HEAD_BYTES:
            return b""
        return payload[_HEAD_BYTES : _reports_stop(payload)]

    def forget_left_behind(self):
        """Those reports are kept in our own bank by now, or the other image's turn is over."""
        if self.left_behind() not in (b"", _NO_REPORTS):
            payload = self._other.load()
            schema, floor_s = struct.unpack(_HEAD, payload[:_HEAD_BYTES])
            self._other.store(_record(schema, floor_s, _NO_REPORTS, payload[_reports_stop(payload) :]))

    def _write(self):
        self._own.store(_record(self.schema, self.floor_s, self._reports, self._added))


def _record(schema, floor_s, reports, added):
    return struct.pack(_HEAD, schema, floor_s) + (reports or _NO_REPORTS) + added


def _reports_stop(payload):
    """Where the reports of a record end."""
    at = _HEAD_BYTES
    if at >= len(payload):
        return at
    count = payload[at]
    at += 1
    for _ in range(count):
        at += 2 + (payload[at] << 8 | payload[at + 1] if at + 2 <= len(payload) else 0)
    return at
