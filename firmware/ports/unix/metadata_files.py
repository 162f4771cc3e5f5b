"""Where signed metadata lies between two refreshes: littlefs on the data partition, each file whole or not there.

What cannot be mounted is formatted: there is nothing in it that cannot be fetched and verified again.
"""

import os

import vfs
from micropython import const

_MOUNT_POINT = "/data"
_PROGRAM_BYTES = const(256)
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
    """`partition` is the port's; mounts it at the first use."""

    def __init__(self, partition):
        self._partition = partition
        self._mounted = False

    def get(self, name):
        """The file's bytes, or None."""
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def put(self, name, data):
        """Makes `data` the file's content: after a power cut it is the old or the new one."""
        path = self._path(name)
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)

    def delete(self, name):
        """Removes the file, if it is there."""
        try:
            os.remove(self._path(name))
        except OSError:
            return

    def _path(self, name):
        if not self._mounted:
            self._mount()
        return _MOUNT_POINT + "/" + name

    def _mount(self):
        blocks = _Blocks(self._partition)
        try:
            filesystem = vfs.VfsLfs2(blocks, readsize=_PROGRAM_BYTES, progsize=_PROGRAM_BYTES)
        except OSError:
            vfs.VfsLfs2.mkfs(blocks, readsize=_PROGRAM_BYTES, progsize=_PROGRAM_BYTES)
            filesystem = vfs.VfsLfs2(blocks, readsize=_PROGRAM_BYTES, progsize=_PROGRAM_BYTES)
        vfs.mount(filesystem, _MOUNT_POINT)
        self._mounted = True
