"""Where signed metadata lies between two refreshes: littlefs on the data partition, each file whole or not there.

What cannot be mounted, or takes no file any more, is formatted: there is nothing in it that cannot be fetched and
verified again.
"""

import os

import vfs
from micropython import const

from adapter.update.errors import FlashFailedError

_MOUNT_POINT = "/data"
_PROGRAM_BYTES = const(256)
_SIZE_FIELD = const(6)  # of what os.stat gives
_COUNT, _SIZE, _ERASE = const(4), const(5), const(6)  # the block device's ioctl, as littlefs calls it


class _Blocks:
    """A Partition as a block device of the extended interface."""

    def __init__(self, partition):
        self._partition = partition
        self._block_bytes = partition.block_bytes

    def readblocks(self, block, buffer, offset=0):
        self._partition.readinto(block * self._block_bytes + offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            self.ioctl(_ERASE, block)
            offset = 0
        self._partition.program(block * self._block_bytes + offset, buffer)

    def ioctl(self, operation, argument):
        if operation == _COUNT:
            return self._partition.size // self._block_bytes
        if operation == _SIZE:
            return self._block_bytes
        if operation == _ERASE:
            self._partition.erase(argument * self._block_bytes, self._block_bytes)
        return 0


class MetadataFiles:
    """`partition` is the port's; mounts it until `close`, so there is one of them at a time."""

    def __init__(self, partition):
        self._blocks = _Blocks(partition)
        try:
            self._mount()
        except OSError:
            self._format()

    def close(self):
        """Lets go of the file system: another one of these may mount it."""
        vfs.umount(_MOUNT_POINT)

    def get(self, name):
        """The file's bytes, or None."""
        path = _MOUNT_POINT + "/" + name
        try:
            with open(path, "rb") as file:
                return file.read(os.stat(path)[_SIZE_FIELD])  # of unknown size it would be read by growing
        except OSError:
            return None

    def put(self, name, data):
        """Makes `data` the file's content: after a power cut it is the old or the new one. FlashFailedError."""
        try:
            self._write(name, data)
        except OSError:  # full, or damaged where mounting does not look: it would be so for ever
            try:
                vfs.umount(_MOUNT_POINT)
                self._format()
                self._write(name, data)
            except OSError as error:
                raise FlashFailedError("storing %s: %s" % (name, error))

    def delete(self, name):
        """Removes the file, if it is there."""
        try:
            os.remove(_MOUNT_POINT + "/" + name)
        except OSError:
            return

    def _write(self, name, data):
        path = _MOUNT_POINT + "/" + name
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)

    def _mount(self):
        vfs.mount(vfs.VfsLfs2(self._blocks, readsize=_PROGRAM_BYTES, progsize=_PROGRAM_BYTES), _MOUNT_POINT)

    def _format(self):
        vfs.VfsLfs2.mkfs(self._blocks, readsize=_PROGRAM_BYTES, progsize=_PROGRAM_BYTES)
        self._mount()
