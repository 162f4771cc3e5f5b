"""Signing in, sessions and tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from fleet.domain.access import Actor, ActorKind, ForbiddenError, Permission, Role
from fleet.domain.errors import InvalidError, NotFoundError, TooManyAttemptsError, UnauthenticatedError
from fleet.domain.people import Person
from fleet.services.access import MAX_ATTEMPTS_PAIR, SESSION_HOURS, SIGN_IN_WINDOW_MINUTES
from fleet.services.build import Services
from fleet.services.credentials import Passwords
from fleet.store.tables.journal import audit_log
from fleet.store.tables.people import people, sessions, sign_in_attempts, tokens
from tests.fleet.conftest import Clock

EMAIL, PASSWORD, ADDRESS = "ada@example.net", "four words nobody guessed", "192.0.2.7"


@pytest.fixture
def ada(services: Services) -> Person:
    """The first admin."""
    secret = services.people.setup_link().partition("#")[2]
    return services.people.setup(secret, "Ada", EMAIL, PASSWORD)


def signed_in(services: Services) -> tuple[str, Actor]:
    secret = services.access.sign_in(EMAIL, PASSWORD, ADDRESS).secret
    return secret, services.access.authenticate(f"Bearer {secret}")


def rows(services: Services, table, *columns: str) -> list[tuple]:
    with services.transactions.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*(table.c[name] for name in columns)))]


def test_the_right_password_starts_a_session_that_acts_as_the_person(services: Services, ada: Person) -> None:
    _, actor = signed_in(services)

    assert (actor.kind, actor.reference, actor.account_id) == (ActorKind.PERSON, ada.reference, None)
    assert actor.permissions == frozenset(Permission)


def test_secrets_and_passwords_are_stored_nowhere_in_clear(services: Services, ada: Person) -> None:
    secret, actor = signed_in(services)
    token = services.access.create_token(actor, "ci", frozenset({Permission.UNIT_READ}), None)

    stored = (services.settings.data_dir / "fleet.db").read_bytes()
    stored += (services.settings.data_dir / "fleet.db-wal").read_bytes()
    assert not [text for text in (secret, token.secret, PASSWORD) if text.encode() in stored]
    assert rows(services, people, "password_hash")[0][0].startswith("$argon2id$")


def test_the_products_own_hash_parameters_are_argon2id_with_64_mib() -> None:
    assert Passwords().hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong"), ("nobody@example.net", PASSWORD), ("", "")])
def test_a_wrong_address_and_a_wrong_password_are_told_the_same(
    services: Services, ada: Person, email: str, password: str
) -> None:
    with pytest.raises(UnauthenticatedError, match="the e-mail address or the password is wrong"):
        services.access.sign_in(email, password, ADDRESS)

    assert rows(services, sessions, "id") == []
    assert rows(services, audit_log, "action", "subject")[-1] == (
        "session:refuse",
        ada.reference if email == EMAIL else "nobody",
    )


def test_too_many_tries_are_refused_even_with_the_right_password_until_the_window_ends(
    services: Services, ada: Person, clock: Clock
) -> None:
    for _ in range(MAX_ATTEMPTS_PAIR):
        with pytest.raises(UnauthenticatedError):
            services.access.sign_in(EMAIL, "wrong", ADDRESS)
    with pytest.raises(TooManyAttemptsError) as refused:
        services.access.sign_in(EMAIL, PASSWORD, ADDRESS)
    assert refused.value.retry_after_s == SIGN_IN_WINDOW_MINUTES * 60
    assert rows(services, sessions, "id") == []

    clock.advance(minutes=SIGN_IN_WINDOW_MINUTES)
    assert services.access.sign_in(EMAIL, PASSWORD, ADDRESS).person.reference == ada.reference


def test_an_address_nobody_has_is_limited_just_as_well(services: Services, ada: Person) -> None:
    for _ in range(MAX_ATTEMPTS_PAIR):
        with pytest.raises(UnauthenticatedError):
            services.access.sign_in("nobody@example.net", "wrong", ADDRESS)
    with pytest.raises(TooManyAttemptsError):
        services.access.sign_in("nobody@example.net", "wrong", ADDRESS)


def test_the_limits_keep_no_address_in_clear(services: Services, ada: Person) -> None:
    with pytest.raises(UnauthenticatedError):
        services.access.sign_in(EMAIL, "wrong", ADDRESS)

    assert len(subjects := rows(services, sign_in_attempts, "subject")) == 3
    assert not [subject for (subject,) in subjects if ADDRESS in subject or "@" in subject]


def test_a_session_ends_by_itself(services: Services, ada: Person, clock: Clock) -> None:
    secret, _ = signed_in(services)
    clock.advance(hours=SESSION_HOURS)

    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(secret)


def test_signing_out_ends_the_session_at_once_and_twice_is_harmless(services: Services, ada: Person) -> None:
    secret, actor = signed_in(services)
    services.access.sign_out(actor, secret)
    services.access.sign_out(actor, secret)

    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(secret)
    assert [action for (action,) in rows(services, audit_log, "action")].count("session:end") == 1


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer plt_unknown", "Bearer x" + "y" * 5000])
def test_what_is_no_live_credential_is_nobody(services: Services, header: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        services.access.authenticate(header)


def test_a_token_has_only_what_it_was_given(services: Services, ada: Person) -> None:
    _, actor = signed_in(services)
    made = services.access.create_token(actor, "reader", frozenset({Permission.UNIT_READ}), None)

    assert made.secret.startswith("plt_")
    found = services.access.authenticate(f"bearer {made.secret}")
    assert (found.kind, found.reference) == (ActorKind.TOKEN, made.token.reference)
    assert found.permissions == {Permission.UNIT_READ}


def test_a_token_cannot_exceed_its_maker(services: Services, ada: Person, admin: Actor) -> None:
    viewer = Actor(ActorKind.PERSON, ada.reference, frozenset({Permission.UNIT_READ, Permission.TOKEN_OWN}))
    for asked in ({Permission.UNIT_MANAGE}, {Permission.UNIT_READ, Permission.PEOPLE_MANAGE}, set()):
        with pytest.raises(InvalidError):
            services.access.create_token(viewer, "too much", frozenset(asked), None)
    assert rows(services, tokens, "id") == []


def test_a_token_loses_what_its_maker_loses(services: Services, ada: Person, admin: Actor) -> None:
    _, actor = signed_in(services)
    both = frozenset({Permission.UNIT_READ, Permission.PEOPLE_MANAGE})
    made = services.access.create_token(actor, "ci", both, None)
    bob = services.people.setup(services.people.setup_link().partition("#")[2], "Bob", "bob@example.net", PASSWORD)

    services.people.change_roles(admin, ada.id, frozenset({Role.VIEWER}))
    assert services.access.actor_of_secret(made.secret).permissions == {Permission.UNIT_READ}
    services.people.disable(admin, ada.id)
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(made.secret)
    assert bob.reference != ada.reference


def test_a_token_makes_no_tokens(services: Services, ada: Person) -> None:
    made = services.access.issue_host_token("ci", Role.ADMIN)
    with pytest.raises(ForbiddenError, match="sign in"):
        services.access.create_token(
            services.access.actor_of_secret(made.secret), "child", frozenset({Permission.UNIT_READ}), None
        )
    assert len(rows(services, tokens, "id")) == 1


def test_a_token_expires_and_is_not_made_expired(services: Services, ada: Person, clock: Clock) -> None:
    _, actor = signed_in(services)
    soon = clock.now + timedelta(minutes=5)
    made = services.access.create_token(actor, "short", frozenset({Permission.UNIT_READ}), soon)
    services.access.actor_of_secret(made.secret)
    clock.now = soon
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(made.secret)
    with pytest.raises(InvalidError, match="past"):
        services.access.create_token(actor, "late", frozenset({Permission.UNIT_READ}), soon)


def test_a_revoked_token_is_nobody_at_once(services: Services, ada: Person) -> None:
    _, actor = signed_in(services)
    made = services.access.create_token(actor, "ci", frozenset({Permission.UNIT_READ}), None)
    services.access.actor_of_secret(made.secret)
    services.access.revoke_token(actor, made.token.id)
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(made.secret)


def test_nobody_sees_or_revokes_a_strangers_token_but_who_manages_people(services: Services, ada: Person) -> None:
    _, actor = signed_in(services)
    made = services.access.create_token(actor, "ci", frozenset({Permission.UNIT_READ}), None)
    stranger = Actor(ActorKind.PERSON, "PE-77", frozenset({Permission.TOKEN_OWN}))

    assert services.access.list_tokens(stranger, 10, None) == []
    with pytest.raises(NotFoundError):
        services.access.revoke_token(stranger, made.token.id)
    services.access.actor_of_secret(made.secret)
    assert services.access.list_tokens(actor, 10, None) == [made.token]


def test_another_processs_revocation_is_seen_within_the_caches_second(
    services: Services, ada: Person, clock: Clock, settings, passwords: Passwords
) -> None:
    from fleet.services.build import build_services

    made = services.access.issue_host_token("ci", Role.ADMIN)
    actor = services.access.actor_of_secret(made.secret)
    build_services(settings, clock, passwords).access.revoke_token(actor, made.token.id)
    clock.advance(seconds=1)
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(made.secret)
