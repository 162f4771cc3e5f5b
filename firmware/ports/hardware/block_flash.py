"""The flash of a real chip by its block devices, each a stretch of it: what its port's `chip` module found.

Program pages: the RP2040's flash takes whole pages of 256 bytes only, so a program is widened to them with ones,
which leave bits as they are. Elsewhere that does no harm.
"""

from adapter.errors import FlashError
from ports.unix.flash import Partition

_PAGE_BYTES = 256
_ERASE = 6  # of a block device's ioctl
_MASK = _PAGE_BYTES - 1


class BlockFlash:
    """`devices` are (offset, size, block device of the extended interface), `partitions` {name: (offset, size)}."""

    def __init__(self, devices, block_bytes, partitions):
        self.block_bytes = block_bytes
        self._devices = devices
        self._page = bytearray(_PAGE_BYTES)
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
        device, at = self._device(offset, len(buffer))
        device.readblocks(at // self.block_bytes, buffer, at % self.block_bytes)

    def program(self, offset, data):
        """Clears bits so that the flash holds `data` at `offset`; it is read back, FlashError if it does not."""
        view = memoryview(data)
        device, start = self._device(offset, len(view))
        page = memoryview(self._page)
        at = 0
        while at < len(view):
            skipped = (start + at) & _MASK
            part = view[at : at + _PAGE_BYTES - skipped]
            for index in range(_PAGE_BYTES):
                page[index] = 0xFF
            page[skipped : skipped + len(part)] = part
            first = start + at - skipped
            device.writeblocks(first // self.block_bytes, self._page, first % self.block_bytes)
            device.readblocks(first // self.block_bytes, self._page, first % self.block_bytes)
            if page[skipped : skipped + len(part)] != part:
                raise FlashError("program at 0x%x would set bits; erase the block first" % (offset + at))
            at += len(part)

    def erase(self, offset, length):
        """Sets every bit of the blocks from `offset` on."""
        device, start = self._device(offset, length)
        for at in range(start, start + length, self.block_bytes):
            device.ioctl(_ERASE, at // self.block_bytes)

    def _device(self, offset, length):
        """The device that holds those bytes, and where in it they begin."""
        for start, size, device in self._devices:
            if start <= offset and offset + length <= start + size:
                return device, offset - start
        raise FlashError("no device of the flash holds %d bytes at 0x%x" % (length, offset))
