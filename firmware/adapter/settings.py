"""The few values that a unit keeps over restarts on its own behalf: the clock's floor and the waiting reports.

Payload of the settings partition's record, big-endian: format u8 = 1, floor u64 (UTC seconds since 1970),
then the reports as reports.py lays them out. What another format wrote is taken for nothing.
"""

import struct

from micropython import const

_FORMAT = const(1)
_FIELDS = ">BQ"
_FIELDS_BYTES = struct.calcsize(_FIELDS)
FLOOR_STEP_S = const(86_400)  # the floor is written at most once a day, to spare the flash


class Settings:
    """`pair` is the partition's RecordPair. `load` and `store` are the Reports' side of it."""

    def __init__(self, pair):
        self._pair = pair
        self.floor_s = 0
        self._reports = b""
        payload = pair.load()
        if payload and len(payload) >= _FIELDS_BYTES and payload[0] == _FORMAT:
            self.floor_s = struct.unpack(_FIELDS, payload[:_FIELDS_BYTES])[1]
            self._reports = payload[_FIELDS_BYTES:]

    def load(self):
        """The stored reports, b"" if there are none."""
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

    def _write(self):
        self._pair.store(struct.pack(_FIELDS, _FORMAT, self.floor_s) + self._reports)
