"""Whether bytes are those that a HASHES object of metadata means (TUF specification 4.2).

Every hash of an algorithm known here has to fit, and there has to be one: SHA-256, or SHA-512 where a foreign
repository uses it (it is slow here, and loaded only then).
"""

from binascii import unhexlify
from hashlib import sha256

from adapter.update.errors import HashError, MismatchError


def of_hex(text):
    """The bytes that hexadecimal digits stand for; b"" for anything else, white space included.

    This runtime skips white space, CPython does not, and the same text has to mean the same to both.
    """
    try:
        found = unhexlify(text)
    except ValueError:
        return b""
    return found if 2 * len(found) == len(text) else b""


def sha256_of(hashes):
    """The SHA-256 in the Value `hashes`; MismatchError if it has none."""
    return _digest(hashes["sha256"].text(), 32)


class HashCheck:
    """Takes a file's bytes by `update`, in any pieces; then `check` once. `hashes` is a Value."""

    def __init__(self, hashes):
        self._states = []
        for name, value in hashes.members():
            if name == "sha256":
                self._states.append((sha256(), _digest(value.text(), 32)))
            elif name == "sha512":
                from adapter.crypto.sha512 import Sha512

                self._states.append((Sha512(), _digest(value.text(), 64)))
        if not self._states:
            raise MismatchError("no hash here is of an algorithm that is known: sha256, sha512")

    def update(self, data):
        """Takes the next bytes."""
        for state, _ in self._states:
            state.update(data)

    def check(self, name):
        """HashError if they were not the bytes that `name` has."""
        for state, digest in self._states:
            if state.digest() != digest:
                raise HashError("%s is not the file that was signed for" % name)


def _digest(text, size):
    digest = of_hex(text)
    if len(digest) != size:
        raise MismatchError("%d hexadecimal digits are wanted, got %r" % (2 * size, text[:70]))
    return digest
