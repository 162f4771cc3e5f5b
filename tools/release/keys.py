"""The offline keys: three for root, one for targets, one a board, each an encrypted PKCS#8 file.

`root-1.pem` ... `root-3.pem` (two sign a root), `targets.pem`, `board-BOARD.pem`. P-256. They need not lie in
one folder on one machine: a signer takes what the folder it is given has, and says what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, Signer

from protocol.wire.release import is_name, role_of
from tools.release.errors import ReleaseError

ROOT_KEYS = 3
ROOT_THRESHOLD = 2
MIN_PASSPHRASE_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class OfflineKeys:
    """Opens the key files of a folder with one passphrase."""

    directory: Path
    passphrase: str

    def signer(self, name: str) -> Signer:
        """The signer of key `name`; ReleaseError if the file is missing or the passphrase is not its own."""
        path = self._path(name)
        try:
            key = load_pem_private_key(path.read_bytes(), self.passphrase.encode())
        except FileNotFoundError:
            raise ReleaseError(f"there is no {path.name} in {self.directory}; give the folder that has it") from None
        except (ValueError, TypeError) as error:
            raise ReleaseError(f"{path} does not open: {error}; check the passphrase") from error
        return CryptoSigner(key)

    def root_signers(self) -> list[Signer]:
        """Whichever root keys are here, in order."""
        return [self.signer(name) for name in _root_names() if self._path(name).exists()]

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}.pem"


def create_keys(directory: Path, boards: Sequence[str], passphrase: str) -> list[Path]:
    """Make the keys that `directory` has not yet; the files made. A key there already stays as it is."""
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise ReleaseError(f"a passphrase has at least {MIN_PASSPHRASE_CHARACTERS} characters, got {len(passphrase)}")
    for board in boards:
        if not is_name(board, "0"):
            raise ReleaseError(f"a board's name is lower-case letters, digits and hyphens, got {board!r}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for name in (*_root_names(), "targets", *map(role_of, boards)):
        path = directory / f"{name}.pem"
        if not path.exists():
            _write_new(path, passphrase)
            made.append(path)
    return made


def _root_names() -> list[str]:
    return [f"root-{number}" for number in range(1, ROOT_KEYS + 1)]


def _write_new(path: Path, passphrase: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
