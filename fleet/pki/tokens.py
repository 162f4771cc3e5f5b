"""Signs who may provision a unit again that was reset: the keys whose public halves every unit is given at the bench.

Keys are files, `token-1.key`, `token-2.key` and so on, never deleted: a unit knows those there were when it was
provisioned. A token is signed by the newest one that the unit knows. `add_key` is the rotation: from then on new
units are given the new key as well, and it signs for them; the older ones go on signing for older units alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fleet.pki.certificates import PkiError, key_pem, load_key, make_key, write_file
from protocol.wire import messages

CONTEXT = b"plugtone provisioning token 1\x00"  # before what is signed: the key signs nothing else (docs/protocol.md)
MAX_KEYS = 4  # that a unit is given, the newest first
KEY_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Token:
    """What a station hands to the unit: a packed `provisioning_token`, and its signature (ECDSA P-256, DER)."""

    token: bytes
    signature: bytes


class TokenAuthority:
    """The keys, the newest first."""

    def __init__(self, keys: list[ec.EllipticCurvePrivateKey]) -> None:
        self._keys = keys

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The keys in `directory`; PkiError if there is none."""
        paths = _files(directory)
        if not paths:
            raise PkiError(f"{directory} holds no token-1.key; restore it from the backup")
        return cls([load_key(path) for path in reversed(paths)])

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is a key."""
        return bool(_files(directory))

    @classmethod
    def add_key(cls, directory: Path) -> Self:
        """A new key beside those there are; it signs for the units that are provisioned from now on."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(directory / f"token-{len(_files(directory)) + 1}.key", key_pem(make_key()))
        return cls.load(directory)

    @property
    def blob(self) -> bytes:
        """What a unit keeps of the keys: the public halves of the newest (65 bytes each)."""
        return b"".join(_point(key) for key in self._keys[:MAX_KEYS])

    def sign(
        self, key_ids: Collection[bytes], station: str, serial: str, epoch: int, challenge: bytes, now: datetime
    ) -> Token:
        """The token for that station, unit, epoch and challenge, by the newest of the keys that the unit knows."""
        for key in self._keys:
            if sha256(_point(key)).digest()[:KEY_ID_BYTES] in key_ids:
                break
        else:
            raise PkiError(
                f"{serial} knows none of our {len(self._keys)} token keys: hold its boot button, power it on, and "
                "flash it as a bare board"
            )
        values = {
            "station": station,
            "serial": serial,
            "epoch": epoch,
            "challenge": challenge,
            "issued_s": int(now.timestamp()),
        }
        token: bytes = messages.pack("provisioning_token", values)
        return Token(token, key.sign(CONTEXT + token, ec.ECDSA(SHA256())))


def _files(directory: Path) -> list[Path]:
    """The keys' files, the oldest first; they are numbered without a gap."""
    count = len(list(directory.glob("token-*.key")))
    return [directory / f"token-{number}.key" for number in range(1, count + 1)]


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
