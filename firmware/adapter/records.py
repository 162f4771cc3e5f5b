"""A value that survives power loss: two records in two halves of flash, the newer whole one counts.

The format stands in protocol/wire/record.py. Storing erases the blocks of the older half that the record
needs, the one with its header among them, then writes the payload, then the header; cut at any byte, the other
half still holds the last value. What lies in later blocks belongs to no record; a store of `all_of_it` erases
those, too. A payload can be read piece by piece, for a heap that has no room for all of it at once.
"""

from micropython import const

from adapter.errors import FlashError
from protocol.wire.record import HEADER_BYTES, is_whole, pack_header, read_header

_MAX_SEQUENCE = 0xFFFFFFFE
_PIECE_BYTES = const(256)


class RecordPair:
    """In `size` bytes of `partition` from `start`, a block's, on; without them, in all of it.

    `partition` has size, block_bytes, readinto, program and erase.
    """

    def __init__(self, partition, start=0, size=None):
        if size is None:
            size = partition.size
        self._partition = partition
        self._start = start
        self._half = size // 2 // partition.block_bytes * partition.block_bytes
        if not self._half:
            raise FlashError("two records need two blocks, there are %d bytes" % size)
        self._sequence = None  # of the newest record; None until loaded
        self._next_half = self._at = 0

    @property
    def room_bytes(self):
        """The longest payload that fits."""
        return self._half - HEADER_BYTES

    def load(self):
        """The newest whole payload, or None."""
        length = self.find()
        return None if length is None else self.read(0, length)

    def find(self):
        """The length of the newest whole payload, which `read` gives piece by piece then; None if there is none."""
        self._sequence = 0
        self._next_half = 0
        found = [found for found in (self._header(0), self._header(1)) if found is not None]
        if len(found) == 2 and found[1][1] > found[0][1]:
            found.reverse()
        for index, sequence, header, length in found:
            self._at = self._start + index * self._half + HEADER_BYTES
            starts = range(0, length, _PIECE_BYTES)
            if is_whole(header, (self.read(at, min(_PIECE_BYTES, length - at)) for at in starts)):
                self._sequence = sequence
                self._next_half = 1 - index
                return length
        return None

    def read(self, at, count):
        """That many bytes of the payload that was found."""
        piece = bytearray(count)
        self._partition.readinto(self._at + at, piece)
        return bytes(piece)

    def store(self, payload, all_of_it=False):
        """Makes `payload` the newest record; the one before it stays whole."""
        if len(payload) > self.room_bytes:
            raise FlashError("a record holds %d bytes, got %d" % (self.room_bytes, len(payload)))
        if self._sequence is None:
            self.load()
        if self._sequence >= _MAX_SEQUENCE:
            raise FlashError("record sequence is used up at %d" % self._sequence)
        start = self._start + self._next_half * self._half
        length = self._half
        if not all_of_it:
            length = -(-(HEADER_BYTES + len(payload)) // self._partition.block_bytes) * self._partition.block_bytes
        self._partition.erase(start, length)
        self._partition.program(start + HEADER_BYTES, payload)
        self._partition.program(start, pack_header(self._sequence + 1, payload))
        self._sequence += 1
        self._next_half = 1 - self._next_half

    def _header(self, index):
        header = bytearray(HEADER_BYTES)
        self._partition.readinto(self._start + index * self._half, header)
        found = read_header(header, self.room_bytes)
        return found and (index, found[0], header, found[1])
