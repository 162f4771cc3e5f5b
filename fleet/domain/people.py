"""A person is invited, active, disabled or erased; the last admin stays, an Administrator belongs to one account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from fleet.domain.access import Permission, Role, permissions_of
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.references import Noun, refer

MIN_PASSWORD_CHARACTERS: Final = 12
MAX_PASSWORD_CHARACTERS: Final = 256
MAX_NAME_CHARACTERS: Final = 120
MAX_EMAIL_CHARACTERS: Final = 254
EMAIL_FORM: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")


class PersonState(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"
    ERASED = "erased"


class PersonEvent(StrEnum):
    SET_PASSWORD = "set_password"  # noqa: S105
    DISABLE = "disable"
    ENABLE = "enable"
    CHANGE_ROLES = "change_roles"
    CORRECT = "correct"
    ERASE = "erase"


PERSON_TRANSITIONS: Final = {
    (PersonState.INVITED, PersonEvent.SET_PASSWORD): PersonState.ACTIVE,
    (PersonState.INVITED, PersonEvent.DISABLE): PersonState.DISABLED,
    (PersonState.ACTIVE, PersonEvent.SET_PASSWORD): PersonState.ACTIVE,
    (PersonState.ACTIVE, PersonEvent.DISABLE): PersonState.DISABLED,
    (PersonState.DISABLED, PersonEvent.ENABLE): PersonState.INVITED,
    (PersonState.INVITED, PersonEvent.CHANGE_ROLES): PersonState.INVITED,
    (PersonState.ACTIVE, PersonEvent.CHANGE_ROLES): PersonState.ACTIVE,
    (PersonState.DISABLED, PersonEvent.CHANGE_ROLES): PersonState.DISABLED,
    (PersonState.INVITED, PersonEvent.CORRECT): PersonState.INVITED,
    (PersonState.ACTIVE, PersonEvent.CORRECT): PersonState.ACTIVE,
    (PersonState.DISABLED, PersonEvent.CORRECT): PersonState.DISABLED,
    (PersonState.INVITED, PersonEvent.ERASE): PersonState.ERASED,
    (PersonState.ACTIVE, PersonEvent.ERASE): PersonState.ERASED,
    (PersonState.DISABLED, PersonEvent.ERASE): PersonState.ERASED,
}


class LinkPurpose(StrEnum):
    """What a one-time link lets its bearer do, once."""

    SETUP = "setup"  # become the first admin
    PASSWORD = "password"  # noqa: S105 - choose one's own


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in. `account_id` None: one of the operator's own people."""

    id: int
    name: str
    email: str
    roles: frozenset[Role]
    state: PersonState
    account_id: int | None
    version: int
    created_at: datetime

    @property
    def reference(self) -> str:
        """The public id, and what the audit keeps."""
        return refer(Noun.PERSON, self.id)

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the roles permit; nothing unless active."""
        return permissions_of(self.roles) if self.state is PersonState.ACTIVE else frozenset()


@dataclass(frozen=True, slots=True)
class Token:
    """A program's credential. `person_id` None: made on the server's own command line."""

    id: int
    name: str
    person_id: int | None
    permissions: frozenset[Permission]
    account_id: int | None
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def reference(self) -> str:
        """The public id, and what the audit keeps."""
        return refer(Noun.TOKEN, self.id)


def checked_email(text: str) -> str:
    """The address as we keep it: trimmed, lower case; InvalidError for what is none."""
    email = text.strip().lower()
    if len(email) > MAX_EMAIL_CHARACTERS or not EMAIL_FORM.fullmatch(email):
        raise InvalidError(f"an e-mail address has one @ and no spaces, got {text[:80]!r}")
    return email


def checked_name(text: str) -> str:
    """The name, trimmed; InvalidError if empty, too long or of control characters."""
    name = text.strip()
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidError(f"a name has 1 to {MAX_NAME_CHARACTERS} printable characters, got {text[:140]!r}")
    return name


def check_password(password: str, email: str, name: str) -> None:
    """InvalidError, which never repeats the password, unless it is long enough and not the person's own name."""
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise InvalidError(
            f"a password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters, got {len(password)}"
        )
    if password.lower() in {email.lower(), name.lower()} or len(set(password)) < 4:
        raise InvalidError("this password is too easy to guess; take several words that belong to nobody")


def check_roles(roles: frozenset[Role], account_id: int | None) -> None:
    """InvalidError unless the roles go together: an account's Administrator is nothing else, and has an account."""
    if not roles:
        raise InvalidError("a person needs a role; disable them to take everything away")
    of_account = Role.ACCOUNT_ADMINISTRATOR in roles
    if of_account and (len(roles) > 1 or account_id is None):
        raise InvalidError("account_administrator needs an account and goes with no other role")
    if not of_account and account_id is not None:
        raise InvalidError("a person of an account is its account_administrator, nothing else")


def check_not_last(person: Person, others_active: int) -> None:
    """ConflictError if nobody would be left of the role that must never die out.

    `others_active` counts the other active people who hold it: admins, or Administrators of the
    same account (ToS 4: the last cannot be removed).
    """
    if others_active > 0:
        return
    if Role.ADMIN in person.roles and person.state is PersonState.ACTIVE:
        raise ConflictError(f"{person.reference} is the last admin; make another one first")
    if Role.ACCOUNT_ADMINISTRATOR in person.roles:
        raise ConflictError(f"{person.reference} is the account's last Administrator; appoint another one first")
