"""People: what they may be called, how they sign in, and that the last of a kind cannot be removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleet.domain.access import Role, permissions_of
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError
from fleet.domain.people import (
    MAX_EMAIL_CHARACTERS,
    MAX_NAME_CHARACTERS,
    PERSON_TRANSITIONS,
    Person,
    PersonEvent,
    PersonState,
    Token,
    check_not_last,
    check_password,
    check_roles,
    checked_email,
    checked_name,
)
from fleet.domain.transitions import advance

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ADMIN = Person(1, "Ada", "ada@example.com", frozenset({Role.ADMIN}), PersonState.ACTIVE, None, 1, NOW)
ADMINISTRATOR = replace(ADMIN, id=2, roles=frozenset({Role.ACCOUNT_ADMINISTRATOR}), account_id=7)
GOOD_PASSWORD = "four words nobody says"


@pytest.mark.parametrize("state", list(PersonState))
@pytest.mark.parametrize("event", list(PersonEvent))
def test_each_event_in_each_state_follows_the_table_or_is_refused(state: PersonState, event: PersonEvent) -> None:
    if (state, event) in PERSON_TRANSITIONS:
        assert advance(PERSON_TRANSITIONS, state, event, "PE-1") is PERSON_TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"PE-1 is {state}"):
            advance(PERSON_TRANSITIONS, state, event, "PE-1")


@pytest.mark.parametrize("state", list(PersonState))
def test_only_an_active_person_may_anything(state: PersonState) -> None:
    expected = permissions_of(ADMIN.roles) if state is PersonState.ACTIVE else frozenset()
    assert replace(ADMIN, state=state).permissions == expected


def test_the_last_administrator_of_an_account_cannot_be_removed_whatever_their_state() -> None:
    for state in PersonState:
        last = replace(ADMINISTRATOR, state=state)
        check_not_last(last, others_active=1)
        with pytest.raises(ConflictError, match="PE-2 is the account's last Administrator"):
            check_not_last(last, others_active=0)


def test_the_last_active_admin_cannot_be_removed_and_one_who_is_not_active_can() -> None:
    check_not_last(ADMIN, others_active=1)
    with pytest.raises(ConflictError, match="PE-1 is the last admin"):
        check_not_last(ADMIN, others_active=0)
    for state in (PersonState.INVITED, PersonState.DISABLED):
        check_not_last(replace(ADMIN, state=state), others_active=0)
    check_not_last(replace(ADMIN, roles=frozenset({Role.VIEWER})), others_active=0)


@pytest.mark.parametrize(
    ("roles", "account_id", "fit"),
    [
        ({Role.ACCOUNT_ADMINISTRATOR}, 7, True),
        ({Role.ACCOUNT_ADMINISTRATOR}, None, False),
        ({Role.ACCOUNT_ADMINISTRATOR, Role.VIEWER}, 7, False),
        ({Role.VIEWER}, 7, False),
        ({Role.VIEWER, Role.ADMIN}, None, True),
        (set(), None, False),
    ],
)
def test_an_administrator_is_of_one_account_and_nothing_else(
    roles: set[Role], account_id: int | None, fit: bool
) -> None:
    if fit:
        check_roles(frozenset(roles), account_id)
    else:
        with pytest.raises(InvalidError):
            check_roles(frozenset(roles), account_id)


def test_an_address_is_kept_trimmed_and_in_lower_case() -> None:
    assert checked_email("  Ada@Example.COM ") == "ada@example.com"
    longest = "a" * 64 + "@" + "b" * (MAX_EMAIL_CHARACTERS - 65)
    assert checked_email(longest) == longest


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.com", "a b@example.com", "a@b@c", "a" * 65 + "@b.c"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="one @ and no spaces"):
        checked_email(text)


def test_an_address_too_long_is_refused() -> None:
    with pytest.raises(InvalidError):
        checked_email("a" * 64 + "@" + "b" * (MAX_EMAIL_CHARACTERS - 64))


@pytest.mark.parametrize("text", ["", "  ", "Ada\x00", "x" * (MAX_NAME_CHARACTERS + 1)])
def test_a_name_is_printable_and_bounded(text: str) -> None:
    assert checked_name(" Ada Lovelace ") == "Ada Lovelace"
    with pytest.raises(InvalidError, match="1 to 120 printable"):
        checked_name(text)


@pytest.mark.parametrize(
    "password", ["short", "x" * 257, "ada@example.com", "ADA@EXAMPLE.COM", "Ada of Lovelace", "abcabcabcabc"]
)
def test_a_password_is_long_and_not_ones_own_name_and_never_repeated(password: str) -> None:
    check_password(GOOD_PASSWORD, "ada@example.com", "Ada of Lovelace")
    with pytest.raises(InvalidError) as refused:
        check_password(password, "ada@example.com", "Ada of Lovelace")
    assert password not in str(refused.value)


def test_tokens_and_people_have_references() -> None:
    assert ADMIN.reference == "PE-1"
    assert Token(3, "ci", None, frozenset(), None, "abcd", NOW, None, None).reference == "TO-3"
