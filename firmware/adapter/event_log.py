"""What happened on this unit, also before the last restart: a ring of records over erase blocks.

A record of 32 bytes, big-endian: number u32 (from 1, without gaps between records that were written),
UTC seconds u64 (0 while unknown), uptime u32 in ms, value u32, event u8 (its index in EVENTS), zeros,
CRC-32 of all before. Records are written one after the other; the block ahead is erased when the ring
enters it. A torn record fails its CRC and is stepped over; a torn erase leaves no record that is valid
and younger, so the ring goes on behind the youngest valid record.
"""

import struct
from binascii import crc32

from micropython import const

RECORD_BYTES = const(32)
_FIELDS = ">IQIIB7x"
_BODY_BYTES = RECORD_BYTES - 4
_ERASED = b"\xff" * RECORD_BYTES
_BOOT = const(0)  # the index of "boot" in EVENTS


class EventLog:
    """The ring on `partition` (size, block_bytes, readinto, program, erase)."""

    def __init__(self, partition):
        self._partition = partition
        self._per_block = partition.block_bytes // RECORD_BYTES
        self._slots = partition.size // partition.block_bytes * self._per_block
        self._buffer = bytearray(RECORD_BYTES)
        self.last_number = 0
        self._next_slot = 0
        self._find_end()

    def append(self, event, value, utc_s, uptime_ms):
        """Writes one record; `event` is its index in EVENTS."""
        number = self.last_number + 1
        body = struct.pack(_FIELDS, number, utc_s, uptime_ms & 0xFFFFFFFF, value & 0xFFFFFFFF, event)
        self._make_room()
        self._partition.program(self._next_slot * RECORD_BYTES, body + crc32(body).to_bytes(4, "big"))
        self.last_number = number
        self._next_slot = (self._next_slot + 1) % self._slots

    def recent(self, count):
        """Up to `count` youngest records as (utc_s, event, value), the oldest of them first.

        A record of before its start's time was set gets it from the younger ones of the same start.
        """
        found = []
        offset_s = None
        slot = self._next_slot
        expected = self.last_number
        for _ in range(self._slots):
            if len(found) == count or expected == 0:
                break
            slot = (slot - 1) % self._slots
            record = self._read(slot)
            if record is None:
                continue
            number, utc_s, uptime_ms, value, event = record
            if number > expected:  # left over from before: the ring has been all round
                break
            expected = number - 1
            if utc_s:
                offset_s = utc_s - uptime_ms // 1000
            elif offset_s is not None:
                utc_s = offset_s + uptime_ms // 1000
            if event == _BOOT:
                offset_s = None
            found.append((utc_s, event, value))
        found.reverse()
        return found

    def _read(self, slot):
        """(number, utc_s, uptime_ms, value, event), or None where there is no valid record."""
        self._partition.readinto(slot * RECORD_BYTES, self._buffer)
        if int.from_bytes(self._buffer[_BODY_BYTES:], "big") != crc32(self._buffer[:_BODY_BYTES]):
            return None
        return struct.unpack(_FIELDS, self._buffer[:_BODY_BYTES])

    def _is_erased(self, slot):
        self._partition.readinto(slot * RECORD_BYTES, self._buffer)
        return self._buffer == _ERASED

    def _find_end(self):
        """Sets the last number and the slot behind it; reads a few records a block, not all."""
        newest = None
        for first in range(0, self._slots, self._per_block):
            for slot in range(first, first + self._per_block):
                record = self._read(slot)
                if record and record[0] > self.last_number:
                    self.last_number, newest = record[0], first
                if record or self._buffer == _ERASED:
                    break
        if newest is None:
            return
        low, high = newest, newest + self._per_block  # everything from `high` on is erased
        while low < high:
            middle = (low + high) // 2
            if self._is_erased(middle):
                high = middle
            else:
                low = middle + 1
        self._next_slot = low % self._slots
        for slot in range(low - 1, newest - 1, -1):
            record = self._read(slot)
            if record:
                self.last_number = record[0]
                break

    def _make_room(self):
        """Moves on to a slot that can be written, erasing each block as the ring enters it."""
        while self._next_slot % self._per_block:
            if self._is_erased(self._next_slot):
                return
            self._next_slot = (self._next_slot + 1) % self._slots
        self._partition.erase(self._next_slot * RECORD_BYTES, self._partition.block_bytes)
