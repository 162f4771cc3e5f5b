"""The simulated flash: a file with erase blocks in which a program may only clear bits (the NOR rule)."""

from adapter.errors import FlashError

_PART_BYTES = 128  # erased, checked or programmed at a time: a fragmented heap has no room for a whole block


class Flash:
    """`path` is the file, `partitions` maps a name to (offset, size); erase blocks have `block_bytes`."""

    def __init__(self, path, size, block_bytes, partitions):
        self.size = size
        self.block_bytes = block_bytes
        self._file = open(path, "r+b", buffering=0)
        self._partitions = {}
        for name in partitions:
            offset, length = partitions[name]
            self._partitions[name] = Partition(self, name, offset, length)

    def partition(self, name):
        """The Partition called `name`."""
        found = self._partitions.get(name)
        if found is None:
            raise FlashError("no partition is called %r; known: %s" % (name, sorted(self._partitions)))
        return found

    def seal(self, name):
        """From now until reset, partition `name` can only be read."""
        self.partition(name).sealed = True

    def readinto(self, offset, buffer):
        """Fills `buffer` from `offset`."""
        self._file.seek(offset)
        if self._file.readinto(buffer) != len(buffer):
            raise FlashError("flash ends at %d bytes, read at %d asks for %d" % (self.size, offset, len(buffer)))

    def program(self, offset, data):
        """Clears bits so that the flash holds `data` at `offset`; FlashError if a bit would have to be set."""
        view = memoryview(data)
        old = bytearray(min(_PART_BYTES, len(view)))
        for at in range(0, len(view), _PART_BYTES):
            part = view[at : at + _PART_BYTES]
            found = memoryview(old)[: len(part)]
            self.readinto(offset + at, found)
            new = int.from_bytes(bytes(part), "big")
            if int.from_bytes(bytes(found), "big") & new != new:
                raise FlashError("program at 0x%x would set bits; erase the block first" % (offset + at))
            self._write(offset + at, part)

    def erase(self, offset, length):
        """Sets every bit of the blocks from `offset` on."""
        blank = b"\xff" * _PART_BYTES
        for at in range(offset, offset + length, _PART_BYTES):
            self._write(at, blank)

    def _write(self, offset, data):
        self._file.seek(offset)
        self._file.write(data)


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
