"""Secrets at rest, sealed under a key that is a file beside the database: a copy of the database alone shows none.

AES-256-GCM (NIST SP 800-38D) with a nonce drawn anew each time; what a secret belongs to is bound to it, so that it
cannot be put in another row. The key is made at the first start, mode 0600; who loses it makes every secret anew.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE: Final = "voice.key"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_KEY_MODE: Final = 0o600
_ID_CHARACTERS: Final = 16


class SealError(Exception):
    """A secret that this key does not open, or a key that is none; says which file to look at."""


class Seal:
    """One key. `id` tells keys apart and says nothing of this one."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.id = hashlib.sha256(b"plugtone seal" + key).hexdigest()[:_ID_CHARACTERS]

    def close(self, secret: str, of: str) -> bytes:
        """The secret, sealed; `of` names what it belongs to."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), of.encode())

    def open(self, sealed: bytes, of: str) -> str:
        """The secret in `sealed`; SealError if another key sealed it, or for something else."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], of.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealError(f"{KEY_FILE} does not open the secret of {of}; restore the key of this database") from None


def load_seal(directory: Path) -> Seal:
    """The key in `directory`, made if there is none; of processes that start together one makes it."""
    path = directory / KEY_FILE
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise SealError(f"{KEY_FILE} has {len(key)} bytes, a key has {KEY_BYTES}; restore it from a backup")
    return Seal(key)


def _make(path: Path) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
        os.fchmod(file.fileno(), _KEY_MODE)
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
