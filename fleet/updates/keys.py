"""The online keys (snapshot, timestamp, director), used only through a Signer; each can have a next one.

- Of the two of a role the published metadata says which signs: root for snapshot and timestamp, targets for director.
  So a rotation happens at a publication, for all processes at once, and no crash can leave them divided.
- Once the next one is published it takes the place of the one before, whose private half is gone then.
- By default a key is a PEM file of mode 0600, ROLE.pem and ROLE.next.pem. A ROLE.json in its place,
  {"key": ..., "keyid": ..., "uri": ...}, names one in an HSM or a cloud by securesystemslib's URI.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key, Signer

from fleet.updates.errors import RepositoryError
from fleet.updates.files import sync_directory, write_whole

SCHEME = "ecdsa-sha2-nistp256"  # of keys made here
# (keytype, scheme) of TUF metadata that units verify.
ACCEPTED = (("ecdsa", SCHEME), ("ed25519", "ed25519"), ("rsa", "rsassa-pss-sha256"))
ONLINE_ROLES = ("snapshot", "timestamp", "director")
MAX_DESCRIPTION_BYTES = 16 * 1024
_KEY_MODE = 0o600
_DIRECTORY_MODE = 0o700
_NEXT = ".next"


@dataclass(frozen=True, slots=True)
class OnlineKeys:
    """The keys in `directory`; read at each use, since any process may have rotated them."""

    directory: Path

    def public(self) -> dict[str, dict[str, Any]]:
        """By role `{"keyid": ..., "key": ..., "next": the same or None}`, for `release init` and `rotate`."""
        return {role: _public(self._current(role)) | {"next": self._next_public(role)} for role in ONLINE_ROLES}

    def keyids(self, role: str) -> list[str]:
        """The ids of the role's key and, if it has one, its next."""
        signers = [self._current(role), self._load(role, _NEXT)]
        return [signer.public_key.keyid for signer in signers if signer is not None]

    def signer(self, role: str, keyid: str | None = None) -> Signer:
        """The role's signer with that key id; with None, before anything was published, the current one."""
        if keyid is None:
            return self._current(role)
        # The next one becomes the current one between two looks, never the other way.
        for suffix in ("", _NEXT, ""):
            found = self._load(role, suffix)
            if found is not None and found.public_key.keyid == keyid:
                return found
        raise RepositoryError(f"the published {role} key {keyid[:8]} is not in {self.directory.name}; restore a backup")

    def make_next(self, roles: Collection[str]) -> None:
        """Make a next key for each of `roles` that has none."""
        for role in roles:
            if self._load(role, _NEXT) is None:
                _make(self.directory / f"{role}{_NEXT}.pem")

    def settle(self, role: str, keyid: str) -> bool:
        """If the published `keyid` is the next key's, let it take the place of the current one; whether it did.

        Doing it again, after a crash at any point, ends the same.
        """
        following = self._load(role, _NEXT)
        if following is None or following.public_key.keyid != keyid:
            return False
        described = (self.directory / f"{role}{_NEXT}.json").exists()
        kept, gone = (".json", ".pem") if described else (".pem", ".json")
        # A description left over would hide the key file put beside it, so it goes first.
        (self.directory / f"{role}{gone}").unlink(missing_ok=True)
        (self.directory / f"{role}{_NEXT}{kept}").replace(self.directory / f"{role}{kept}")
        sync_directory(self.directory)
        return True

    def _current(self, role: str) -> Signer:
        found = self._load(role, "")
        if found is None:
            raise RepositoryError(f"there is no {role} key in {self.directory.name}; restore a backup")
        return found

    def _next_public(self, role: str) -> dict[str, Any] | None:
        following = self._load(role, _NEXT)
        return None if following is None else _public(following)

    def _load(self, role: str, suffix: str) -> Signer | None:
        described, pem = (self.directory / f"{role}{suffix}{end}" for end in (".json", ".pem"))
        try:
            if described.exists():
                return _load_described(described)
            return _load_pem(pem)
        except FileNotFoundError:
            return None


def ensure_keys(directory: Path) -> OnlineKeys:
    """The keys of `directory`; those that are missing are made. RepositoryError for a file that is no such key."""
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    keys = OnlineKeys(directory)
    for role in ONLINE_ROLES:
        if not any((directory / f"{role}{end}").exists() for end in (".pem", ".json")):
            _make(directory / f"{role}.pem")
    keys.public()
    return keys


def directory_of(data_dir: Path) -> Path:
    """Where the keys lie."""
    return data_dir / "updates" / "keys"


def _make(path: Path) -> None:
    write_whole(path, CryptoSigner.generate_ecdsa(scheme=SCHEME).private_bytes, mode=_KEY_MODE)


def _public(signer: Signer) -> dict[str, Any]:
    return {"keyid": signer.public_key.keyid, "key": signer.public_key.to_dict()}


def _load_pem(path: Path) -> Signer:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise RepositoryError(f"{path.name} may be read by others (mode {mode:o}); make it {_KEY_MODE:o}, or a new key")
    try:
        return _checked(CryptoSigner(load_pem_private_key(path.read_bytes(), None)), path)
    except (ValueError, TypeError) as error:
        raise RepositoryError(f"{path.name} holds no unencrypted private key: {error}") from error


def _load_described(path: Path) -> Signer:
    data = path.read_bytes()[:MAX_DESCRIPTION_BYTES]  # FileNotFoundError: settled by another process since
    try:
        entry = json.loads(data)
        key = Key.from_dict(entry["keyid"], entry["key"])
        return _checked(Signer.from_priv_key_uri(entry["uri"], key), path)
    except RepositoryError:
        raise
    except Exception as error:  # signers raise what they like (Signer's docstring): say whose key it was
        raise RepositoryError(f"{path.name} names no key that can be used: {error}") from error


def _checked(signer: Signer, path: Path) -> Signer:
    key = signer.public_key
    if (key.keytype, key.scheme) not in ACCEPTED:
        accepted = ", ".join(scheme for _, scheme in ACCEPTED)
        raise RepositoryError(f"{path.name} is a key for {key.scheme}; units verify {accepted}")
    return signer
