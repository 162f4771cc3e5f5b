"""A line's account at the registrar, made for one unit in one identity epoch and dead with either (decision 0013)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from fleet.domain.line_allowance import LineLevel
from fleet.domain.voice_profile import VoiceProfile

PASSWORD_BYTES: Final = 24  # 192 bits of chance, 32 characters: no dictionary finds it from a digest that was overheard
_TAG_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What an account is for: it goes with any of these. `number_id` None: the line has no number now.

    `sealed_by`: the key its password is kept under; what a lost key sealed is made anew.
    """

    epoch: int
    number_id: int | None
    sealed_by: str


@dataclass(frozen=True, slots=True)
class VoiceAccount:
    """`tag` names it in the unit's configuration, and says nothing. `user`: the number; without one, the serial."""

    serial: str
    tag: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"VoiceAccount({self.serial}, {self.tag})"


@dataclass(frozen=True, slots=True)
class VoiceStamp:
    """Which account, by its tag, and which version of the profile a configuration carries."""

    account: str
    profile: int


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An account as a registrar needs it: enough to check a digest (RFC 3261 22, RFC 8760), not to make one up."""

    serial: str
    user: str
    domain: str
    realm: str
    level: LineLevel
    ha1_md5: str
    ha1_sha256: str
    barred: str = ""  # what it may not call, as `fleet.domain.destination_block.rules_text` has it

    def __repr__(self) -> str:
        return f"Subscriber({self.serial})"


def new_password() -> str:
    """A password for a unit, never a person: long, and without a character that any format would quote."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def new_tag() -> str:
    """A name for an account that no other has."""
    return secrets.token_hex(_TAG_BYTES)


def subscriber_of(account: VoiceAccount, profile: VoiceProfile, level: LineLevel, barred: str = "") -> Subscriber:
    """What the registrar is told of an account."""
    secret = f"{account.user}:{profile.digest_realm}:{account.password}".encode()
    return Subscriber(
        serial=account.serial,
        user=account.user,
        domain=profile.domain,
        realm=profile.digest_realm,
        level=level,
        ha1_md5=hashlib.md5(secret, usedforsecurity=False).hexdigest(),
        ha1_sha256=hashlib.sha256(secret).hexdigest(),
        barred=barred,
    )
