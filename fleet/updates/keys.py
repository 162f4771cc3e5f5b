"""The online keys (snapshot, timestamp, director): PEM files of mode 0600, used only through a Signer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Signer

from fleet.updates.errors import RepositoryError
from fleet.updates.files import write_whole

SCHEME = "ecdsa-sha2-nistp256"
ONLINE_ROLES = ("snapshot", "timestamp", "director")
_KEY_MODE = 0o600
_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class OnlineKeys:
    """A signer for each of ONLINE_ROLES; what holds the private keys is the signers' business."""

    snapshot: Signer
    timestamp: Signer
    director: Signer

    def public(self) -> dict[str, dict[str, Any]]:
        """By role `{"keyid": ..., "key": ...}`, as `plugtone release init` puts them under root and targets."""
        signers = {"snapshot": self.snapshot, "timestamp": self.timestamp, "director": self.director}
        return {
            role: {"keyid": signer.public_key.keyid, "key": signer.public_key.to_dict()}
            for role, signer in signers.items()
        }


def ensure_keys(directory: Path) -> OnlineKeys:
    """The keys of `directory`; those that are missing are made. RepositoryError for a file that is no such key."""
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    for role in ONLINE_ROLES:
        path = _path(directory, role)
        if not path.exists():
            write_whole(path, CryptoSigner.generate_ecdsa(scheme=SCHEME).private_bytes, mode=_KEY_MODE)
    return OnlineKeys(*(_load(_path(directory, role)) for role in ONLINE_ROLES))


def _path(directory: Path, role: str) -> Path:
    return directory / f"{role}.pem"


def _load(path: Path) -> Signer:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise RepositoryError(f"{path.name} may be read by others (mode {mode:o}); make it {_KEY_MODE:o}, or a new key")
    try:
        signer = CryptoSigner(load_pem_private_key(path.read_bytes(), None))
    except (ValueError, TypeError) as error:
        raise RepositoryError(f"{path.name} holds no unencrypted private key: {error}") from error
    if signer.public_key.scheme != SCHEME:
        raise RepositoryError(f"{path.name} is a key for {signer.public_key.scheme}; units verify {SCHEME}")
    return signer


def directory_of(data_dir: Path) -> Path:
    """Where the keys lie."""
    return data_dir / "updates" / "keys"
