"""Where the command keeps things: metadata in one folder, artifacts in another, each file whole or not there."""

import os

from adapter.errors import AdapterError
from adapter.update.errors import HashError, LengthError
from adapter.update.hashes import HashCheck

_READ_BYTES = 65_536
_PART = "%part"  # of no file that is whole: after a percent sign those have two hexadecimal digits
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"


class FolderError(AdapterError):
    """A folder that is not there and cannot be made."""


class MetadataFolder:
    """The store of a TrustedSet, in the folder `path`, which is made if it is not there."""

    def __init__(self, path):
        self._path = path
        _make_folder(path)

    def get(self, name):
        """The file's bytes, or None."""
        try:
            with open(self._path + "/" + name, "rb") as file:
                return file.read()
        except OSError:
            return None

    def put(self, name, data):
        """Makes `data` the file's content, at once."""
        path = self._path + "/" + name
        with open(path + _PART, "wb") as file:
            file.write(data)
        os.rename(path + _PART, path)

    def delete(self, name):
        """Removes the file, if it is there."""
        try:
            os.remove(self._path + "/" + name)
        except OSError:
            return


class Artifact:
    """The artifact `name` in `folder`, as the Value `target` of its role describes it."""

    def __init__(self, folder, name, target):
        _make_folder(folder)
        self._name = name
        self._hashes = target["hashes"]
        self.length = target["length"].number()
        self._path = folder + "/" + local_name(name)
        self._file = None
        self._check = None
        self._taken = 0

    @property
    def is_here(self):
        """True if it was downloaded before and is still what is signed for."""
        check = HashCheck(self._hashes)
        size = 0
        try:
            with open(self._path, "rb") as file:
                while True:
                    data = file.read(_READ_BYTES)
                    if not data:
                        break
                    size += len(data)
                    check.update(data)
            check.check(self._name)
        except (OSError, HashError):
            return False
        return size == self.length

    def start(self):
        """Makes room for the bytes that `write` takes."""
        self._check = HashCheck(self._hashes)
        self._taken = 0
        self._file = open(self._path + _PART, "wb")

    def write(self, data):
        """Takes the next bytes."""
        self._taken += len(data)
        self._check.update(bytes(data))
        self._file.write(data)

    def finish(self):
        """HashError or LengthError unless the bytes are those that are signed for; then they are the artifact."""
        if self._taken != self.length:
            raise LengthError("%s has %d bytes, %d are signed for" % (self._name, self._taken, self.length))
        self._check.check(self._name)
        self._file.close()
        os.rename(self._path + _PART, self._path)
        self._file = None

    def drop(self):
        """Forgets what `finish` did not accept."""
        if self._file is not None:
            self._file.close()
            self._file = None
            os.remove(self._path + _PART)


def local_name(name):
    """The name of a target's file: percent-encoded as a whole, so that it can lie nowhere else."""
    if name in (".", ".."):
        return name.replace(".", "%2E")
    return "".join([chr(byte) if byte in _PLAIN else "%%%02X" % byte for byte in name.encode()])


def _make_folder(path):
    try:
        os.mkdir(path)
    except OSError as error:
        try:
            os.stat(path)
        except OSError:
            raise FolderError("the folder %s cannot be made: %s" % (path, error))
