"""The records of calls, on flash until the fleet has them: a ring of packed `call_record` messages.

A slot of 128 bytes: state u8 (0xFF erased, 0x7F waits for the fleet's `acknowledge`, 0x00 acknowledged), length u8,
the message, its CRC-32 behind it. Slots are written one after the other; the block ahead is erased when the ring
enters it, so of a fleet that is away for long the oldest records go. A torn slot fails its CRC and is stepped over.
The message's first field is the record's number, which grows for ever: the highest one is the youngest.

Towards the uplink it is as Reports: `due`, `acknowledge`, `next_timer`, `connection_lost`.
"""

from binascii import crc32

from micropython import const

from protocol.wire.messages import ENVELOPE_BYTES

SLOT_BYTES = const(128)
_MOST_BYTES = SLOT_BYTES - 6
_STATE_WAITS = b"\x7f"
_STATE_DONE = b"\x00"
_WAITS = const(0x7F)
_IN_FLIGHT = const(4)  # sent and not acknowledged
_RESEND_MS = const(20_000)


class CallLog:
    """The ring on `partition` (size, block_bytes, readinto, program, erase)."""

    def __init__(self, partition):
        self.last_number = 0
        self._partition = partition
        self._slots = partition.size // SLOT_BYTES
        self._per_block = partition.block_bytes // SLOT_BYTES
        self._buffer = bytearray(SLOT_BYTES)
        self._waiting = 0
        self._sent = []  # (slot, boot id and sequence, when it is due again)
        newest = -1
        for slot in range(self._slots):
            number = self._read(slot)
            if number is not None:
                self._waiting += self._buffer[0] == _WAITS
                if number >= self.last_number:
                    self.last_number, newest = number, slot
        self._next_slot = (newest + 1) % self._slots

    def __len__(self):
        return self._waiting

    def add(self, message):
        """Keeps the packed `call_record` of number last_number + 1; ValueError if it is longer than a slot takes."""
        if len(message) > _MOST_BYTES:
            raise ValueError("a slot takes a call record of %d bytes, got %d" % (_MOST_BYTES, len(message)))
        self._make_room()
        slot = _STATE_WAITS + bytes((len(message),)) + message + crc32(message).to_bytes(4, "big")
        self._partition.program(self._next_slot * SLOT_BYTES, slot)
        self.last_number = int.from_bytes(message[ENVELOPE_BYTES : ENVELOPE_BYTES + 4], "big")
        self._next_slot = (self._next_slot + 1) % self._slots
        self._waiting += 1

    def due(self, now_ms, count):
        """Up to `count` records to be sent now, the oldest first; each is due again after 20 s."""
        found = []
        if not self._waiting:
            return found
        for at, (slot, name, due_ms) in enumerate(self._sent):
            if due_ms <= now_ms and len(found) < count and self._read(slot) is not None:
                self._sent[at] = (slot, name, now_ms + _RESEND_MS)
                found.append(self._message())
        slot = self._next_slot
        while len(found) < count and len(self._sent) < min(_IN_FLIGHT, self._waiting):
            slot = self._waiting_from(slot)
            if slot is None:
                self._waiting = len(self._sent)
                break
            message = self._message()
            self._sent.append((slot, message[2:ENVELOPE_BYTES], now_ms + _RESEND_MS))
            found.append(message)
            slot += 1
        return found

    def acknowledge(self, boot_id, sequence):
        """The fleet has that record; True if it was waiting here."""
        wanted = boot_id.to_bytes(4, "big") + sequence.to_bytes(4, "big")
        for at, (slot, name, _) in enumerate(self._sent):
            if name == wanted:
                self._sent.pop(at)
                self._partition.program(slot * SLOT_BYTES, _STATE_DONE)
                self._waiting -= 1
                return True
        return False

    def next_timer(self):
        """When the next record is due, in ms; 0: now, None: no record waits."""
        if not self._waiting:
            return None
        if len(self._sent) < min(_IN_FLIGHT, self._waiting):
            return 0
        return min([due_ms for _, _, due_ms in self._sent])

    def connection_lost(self):
        """All that wait are due again as soon as there is a connection."""
        self._sent = []

    def _message(self):
        return bytes(self._buffer[2 : 2 + self._buffer[1]])

    def _waiting_from(self, first):
        """The first slot from `first` on, round the ring, that waits and is not in flight, in _buffer; or None."""
        in_flight = [slot for slot, _, _ in self._sent]
        for at in range(first, self._next_slot + self._slots):
            slot = at % self._slots
            if slot not in in_flight and self._read(slot) is not None and self._buffer[0] == _WAITS:
                return slot
        return None

    def _read(self, slot):
        """Reads a slot into _buffer; its record's number, None if it holds none."""
        self._partition.readinto(slot * SLOT_BYTES, self._buffer)
        length = self._buffer[1]
        if not ENVELOPE_BYTES + 4 <= length <= _MOST_BYTES:
            return None
        body = memoryview(self._buffer)[2 : 2 + length]
        if int.from_bytes(self._buffer[2 + length : 6 + length], "big") != crc32(body):
            return None
        return int.from_bytes(body[ENVELOPE_BYTES : ENVELOPE_BYTES + 4], "big")

    def _make_room(self):
        """Moves on to a slot that can be written, erasing each block as the ring enters it."""
        while self._next_slot % self._per_block:
            self._partition.readinto(self._next_slot * SLOT_BYTES, self._buffer)
            if self._buffer == b"\xff" * SLOT_BYTES:
                return
            self._next_slot = (self._next_slot + 1) % self._slots
        for slot in range(self._next_slot, self._next_slot + self._per_block):
            self._waiting -= self._read(slot) is not None and self._buffer[0] == _WAITS
        self._sent = []  # a slot in flight may be among them: what waits elsewhere is sent again
        self._partition.erase(self._next_slot * SLOT_BYTES, self._partition.block_bytes)
