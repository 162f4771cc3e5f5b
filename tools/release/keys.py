"""The release owners' keys: a folder of descriptions, each with the URI at which a Signer finds the private key.

`NAME.json` holds {"key": as TUF metadata lists it, "keyid": ..., "uri": ...} and no secret; by default the URI is
`encrypted-file:NAME.pem`, an encrypted PKCS#8 file beside it. Keys in an HSM or a cloud have the URI of their
securesystemslib signer (`hsm:`, `gcpkms:`, `awskms:`, `azurekms:`, ...). Nothing but a Signer sees a private key.
Three keys for root (two sign one), one for targets, one a board. They need not lie in one folder on one machine:
who has a description alone can name the key but not sign with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import Key, SecretsHandler, Signer

from protocol.wire.release import is_name, role_of
from tools.release.encrypted_file import SCHEMES, URI_SCHEME, public_half, write_durably, write_new_key
from tools.release.errors import ReleaseError

ROOT_KEYS: Final = 3
ROOT_THRESHOLD: Final = 2
MIN_PASSPHRASE_CHARACTERS: Final = 8
MAX_NAME_CHARACTERS: Final = 40
MAX_DESCRIPTION_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A public key under the owners' name for it; `uri` says where its private half is."""

    name: str
    key: Key
    uri: str

    def to_dict(self) -> dict[str, Any]:
        return {"key": self.key.to_dict(), "keyid": self.key.keyid, "uri": self.uri}


@dataclass(frozen=True, slots=True)
class OfflineKeys:
    """The keys described in a folder; `secrets` is asked for passphrases and PINs when a private key is used."""

    directory: Path
    secrets: SecretsHandler = field(repr=False)

    def described(self) -> dict[str, KeyDescription]:
        """Every key of the folder, by name."""
        return {path.stem: _read(path, path.stem) for path in sorted(self.directory.glob("*.json"))}

    def description(self, name: str) -> KeyDescription:
        """The key of that name; ReleaseError if the folder does not describe it."""
        path = self.directory / f"{name}.json"
        if not path.is_file():
            raise ReleaseError(f"there is no {path.name} in {self.directory}; give the folder that has it")
        return _read(path, name)

    def signer(self, name: str) -> Signer:
        """The signer of that key; ReleaseError if it cannot be had with the secrets given."""
        return self._open(self.description(name))

    def signers_of(self, keyids: Collection[str]) -> list[Signer]:
        """A signer for each of `keyids` whose private half is at hand."""
        wanted = [each for each in self.described().values() if each.key.keyid in keyids]
        return [self._open(each) for each in wanted if self._at_hand(each)]

    def _at_hand(self, description: KeyDescription) -> bool:
        scheme, _, path = description.uri.partition(":")
        return scheme != URI_SCHEME or (self.directory / path).exists()

    def _open(self, description: KeyDescription) -> Signer:
        scheme, _, rest = description.uri.partition(":")
        uri = f"{scheme}:{self.directory / rest}" if scheme == URI_SCHEME else description.uri
        try:
            return Signer.from_priv_key_uri(uri, description.key, self.secrets)
        except ReleaseError:
            raise
        except Exception as error:  # signers raise what they like (Signer's docstring): say whose key it was
            raise ReleaseError(f"key {description.name} at {description.uri} cannot be used: {error}") from error


def standard_names(boards: Sequence[str]) -> list[str]:
    """The keys of a new repository."""
    for board in boards:
        if not is_name(board, "0"):
            raise ReleaseError(f"a board's name is lower-case letters, digits and hyphens, got {board!r}")
    return [*root_names(), "targets", *map(role_of, boards)]


def root_names() -> list[str]:
    """The root keys of a new repository."""
    return [f"root-{number}" for number in range(1, ROOT_KEYS + 1)]


def create_keys(directory: Path, names: Iterable[str], passphrase: str, scheme: str = SCHEMES[0]) -> list[Path]:
    """Make those keys `directory` has not yet, as encrypted files; the files. A key there already stays as it is.

    A file without a description, of a run that was cut off, is described.
    """
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise ReleaseError(f"a passphrase has at least {MIN_PASSPHRASE_CHARACTERS} characters, got {len(passphrase)}")
    wanted = list(names)
    for name in wanted:
        _check_name(name)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for name in wanted:
        if not (directory / f"{name}.json").exists():
            path = directory / f"{name}.pem"
            key = public_half(path, passphrase) if path.exists() else write_new_key(path, scheme, passphrase)
            _write(directory, KeyDescription(name, key, f"{URI_SCHEME}:{path.name}"))
            made.append(path)
    return made


def add_key(directory: Path, name: str, key: Key, uri: str) -> Path:
    """Describe a key that lies elsewhere; ReleaseError if the name is another key's."""
    _check_name(name)
    if key.scheme not in SCHEMES:
        raise ReleaseError(f"units verify {', '.join(SCHEMES)}; {name} is for {key.scheme}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    if path.exists() and _read(path, name).key.keyid != key.keyid:
        raise ReleaseError(f"{path} describes another key; choose another name")
    return _write(directory, KeyDescription(name, key, uri))


def read_public(path: Path) -> KeyDescription:
    """A key from its description, wherever it lies; ReleaseError if it is none."""
    return _read(path, path.stem)


def key_of(entry: Mapping[str, Any]) -> Key:
    """The key in `{"keyid": ..., "key": ...}`; ReleaseError if it is none that units verify."""
    try:
        key = Key.from_dict(entry["keyid"], dict(entry["key"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(f"no public key: {error}; one looks like an entry of GET /v1/update-keys") from error
    if key.scheme not in SCHEMES:
        raise ReleaseError(f"key {key.keyid[:8]} is for {key.scheme}; units verify {', '.join(SCHEMES)}")
    return key


def _read(path: Path, name: str) -> KeyDescription:
    try:
        entry = json.loads(path.read_bytes()[:MAX_DESCRIPTION_BYTES])
        return KeyDescription(name, key_of(entry), str(entry.get("uri", "")))
    except (OSError, ValueError, AttributeError) as error:
        raise ReleaseError(f"{path} describes no key: {error}; copy it from its owner again") from error


def _write(directory: Path, description: KeyDescription) -> Path:
    path = directory / f"{description.name}.json"
    write_durably(path, json.dumps(description.to_dict(), indent=1, sort_keys=True).encode() + b"\n")
    return path


def _check_name(name: str) -> None:
    if not is_name(name, "0") or len(name) > MAX_NAME_CHARACTERS:
        raise ReleaseError(f"a key's name is up to {MAX_NAME_CHARACTERS} lower-case letters, digits, -; got {name!r}")
