"""A stretch of flash with bounds of its own, whatever the flash behind it is."""

from adapter.errors import FlashError


class Partition:
    """A stretch of flash; offsets count from its start."""

    def __init__(self, flash, name, offset, size):
        self.name = name
        self.size = size
        self.block_bytes = flash.block_bytes
        self.sealed = False
        self._flash = flash
        self._offset = offset

    def readinto(self, offset, buffer):
        """Fills `buffer` from `offset`."""
        self._check(offset, len(buffer))
        self._flash.readinto(self._offset + offset, buffer)

    def program(self, offset, data):
        """Writes `data`; only clears bits."""
        self._check_writable()
        self._check(offset, len(data))
        self._flash.program(self._offset + offset, data)

    def erase(self, offset, length):
        """Erases whole blocks."""
        self._check_writable()
        self._check(offset, length)
        if offset % self.block_bytes or length % self.block_bytes:
            raise FlashError(
                "%s erases blocks of %d bytes, not %d at %d" % (self.name, self.block_bytes, length, offset)
            )
        self._flash.erase(self._offset + offset, length)

    def _check(self, offset, length):
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError("%s has %d bytes, asked for %d at %d" % (self.name, self.size, length, offset))

    def _check_writable(self):
        if self.sealed:
            raise FlashError("%s is sealed since boot; no running image writes it" % self.name)
