"""Writes an image into the other slot as it arrives: erases ahead, and says where it may go on after a power cut."""

from adapter.update.errors import FlashFailedError, LengthError


class SlotWriter:
    """`partition` is the port's; `length` the image's; `offset` the first byte still missing.

    A fresh writer's offset is a block's start: what lies there may be half written, so it is erased again.
    """

    def __init__(self, partition, length, offset):
        self._partition = partition
        self._block_bytes = partition.block_bytes
        self.length = length
        self.offset = offset

    @property
    def resume_offset(self):
        """Where a new writer may start: every byte before it is written for good."""
        return self.offset - self.offset % self._block_bytes

    def write(self, data):
        """Takes the next bytes; LengthError if the image has no room for them, FlashFailedError if the flash fails."""
        if self.offset + len(data) > self.length:
            raise LengthError("the image has %d bytes, the server sends more" % self.length)
        view = memoryview(data)
        at = 0
        try:
            while at < len(view):
                inside = self.offset % self._block_bytes
                if inside == 0:
                    self._partition.erase(self.offset, self._block_bytes)
                part = view[at : at + self._block_bytes - inside]
                self._partition.program(self.offset, part)
                self.offset += len(part)
                at += len(part)
        except OSError as error:
            raise FlashFailedError("writing the slot at byte %d: %s" % (self.offset, error))
