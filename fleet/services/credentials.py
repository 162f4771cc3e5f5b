"""Secrets are 256 random bits behind a prefix that says what they are; passwords are kept as argon2id."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SECRET_BYTES: Final = 32
MAX_SECRET_CHARACTERS: Final = 128
HINT_CHARACTERS: Final = 4
MAX_PARALLEL_HASHES: Final = 2  # each takes 64 MiB for a moment


class Prefix(StrEnum):
    """What a secret is, so that a leaked one is recognised by people and by scanners."""

    TOKEN = "plt_"  # noqa: S105
    SESSION = "pls_"
    LINK = "pll_"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A fresh secret: `text` is shown once, `digest` is stored."""

    text: str
    digest: bytes

    @property
    def hint(self) -> str:
        """The last characters, by which a person tells secrets apart."""
        return self.text[-HINT_CHARACTERS:]


def mint(prefix: Prefix) -> Secret:
    """A new secret; high entropy, so a plain SHA-256 keeps it."""
    text = prefix + secrets.token_urlsafe(SECRET_BYTES)
    return Secret(text, digest_of(text))


def digest_of(text: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(text[: MAX_SECRET_CHARACTERS + 1].encode()).digest()


class Passwords:
    """Hashes and checks passwords, a few at a time; a missing hash takes as long as a wrong password."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = BoundedSemaphore(MAX_PARALLEL_HASHES)
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(SECRET_BYTES))

    def hash(self, password: str) -> str:
        """The PHC text of a new password."""
        with self._turn:
            return self._hasher.hash(password)

    def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` is the one behind `stored`; None matches nothing, at the same cost."""
        with self._turn:
            try:
                self._hasher.verify(stored or self._nobodys, password)
            except (VerifyMismatchError, InvalidHashError):
                return False
            return stored is not None
