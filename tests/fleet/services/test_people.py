"""Setup, invitations, roles and disabling."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from fleet.domain.access import Actor, ActorKind, ForbiddenError, Permission, Role, Seen, permissions_of
from fleet.domain.errors import (
    ConflictError,
    IllegalTransitionError,
    InvalidError,
    NotFoundError,
    StaleVersionError,
    UnauthenticatedError,
)
from fleet.domain.people import Person, PersonState
from fleet.services.build import Services
from fleet.services.people import PASSWORD_LINK_HOURS, SETUP_LINK_HOURS
from fleet.store.tables.journal import outbox
from fleet.store.tables.people import people
from tests.fleet.conftest import Clock, someone

PASSWORD = "four words nobody guessed"


def secret_of(link: str) -> str:
    return link.partition("#")[2]


def set_up(services: Services, email: str = "ada@example.net") -> Person:
    return services.people.setup(secret_of(services.people.setup_link()), "Ada", email, PASSWORD)


def count_people(services: Services) -> int:
    with services.transactions.engine.connect() as connection:
        return len(connection.execute(select(people.c.id)).all())


def test_the_setup_link_hides_its_secret_in_the_fragment_and_makes_an_admin(services: Services) -> None:
    link = services.people.first_setup_link()
    assert link is not None
    assert link.startswith("http://127.0.0.1:8080/console/setup#pll_")

    person = services.people.setup(secret_of(link), " Ada ", "Ada@Example.NET", PASSWORD)
    assert (person.name, person.email, person.roles) == ("Ada", "ada@example.net", {Role.ADMIN})
    assert person.state is PersonState.ACTIVE
    assert services.people.first_setup_link() is None


def test_a_setup_link_works_once(services: Services) -> None:
    link = services.people.setup_link()
    services.people.setup(secret_of(link), "Ada", "ada@example.net", PASSWORD)
    with pytest.raises(UnauthenticatedError):
        services.people.setup(secret_of(link), "Eve", "eve@example.net", PASSWORD)
    assert count_people(services) == 1


def test_a_setup_link_expires_and_a_newer_one_voids_it(services: Services, clock: Clock) -> None:
    older, newer = services.people.setup_link(), services.people.setup_link()
    with pytest.raises(UnauthenticatedError):
        services.people.setup(secret_of(older), "Eve", "eve@example.net", PASSWORD)
    clock.advance(hours=SETUP_LINK_HOURS)
    with pytest.raises(UnauthenticatedError):
        services.people.setup(secret_of(newer), "Eve", "eve@example.net", PASSWORD)
    assert count_people(services) == 0


@pytest.mark.parametrize(
    ("name", "email", "password"),
    [
        ("", "ada@example.net", PASSWORD),
        ("Ada\n", "no address", PASSWORD),
        ("Ada", "ada@example.net", "short"),
        ("Ada", "ada@example.net", "aaaaaaaaaaaaaaaa"),
        ("Ada", "long.name@example.net", "Long.Name@example.net"),
        ("A" * 121, "ada@example.net", PASSWORD),
    ],
)
def test_bad_details_leave_the_setup_link_usable(services: Services, name: str, email: str, password: str) -> None:
    secret = secret_of(services.people.setup_link())
    with pytest.raises(InvalidError) as refused:
        services.people.setup(secret, name, email, password)
    assert password not in str(refused.value)
    assert services.people.setup(secret, "Ada", "ada@example.net", PASSWORD).state is PersonState.ACTIVE


def test_an_invitation_is_mailed_without_its_secret_waiting_anywhere(services: Services, admin: Actor) -> None:
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.SUPPORT}), None)
    with services.transactions.engine.connect() as connection:
        (payload,) = connection.scalars(select(outbox.c.payload)).all()
    mail = json.loads(payload)
    assert (mail["person"], mail["link_for"]) == (bob.id, bob.id)
    assert "bob" not in payload.lower(), "name and address are looked up when it leaves"
    assert "{link}" in mail["text"]
    assert "pll_" not in payload

    link = services.people.mailed_link(bob.id)
    assert services.people.choose_password(secret_of(link), PASSWORD).state is PersonState.ACTIVE
    assert services.access.sign_in("bob@example.net", PASSWORD, "").person.id == bob.id


def test_an_invitation_expires(services: Services, admin: Actor, clock: Clock) -> None:
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.SUPPORT}), None)
    link = services.people.password_link(admin, bob.id)
    clock.advance(hours=PASSWORD_LINK_HOURS)
    with pytest.raises(UnauthenticatedError):
        services.people.choose_password(secret_of(link), PASSWORD)
    assert services.people.get(admin, bob.id) == bob


def test_a_setup_link_is_no_invitation_and_the_other_way_round(services: Services, admin: Actor) -> None:
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    with pytest.raises(UnauthenticatedError):
        services.people.setup(secret_of(services.people.password_link(admin, bob.id)), "E", "e@example.net", PASSWORD)
    with pytest.raises(UnauthenticatedError):
        services.people.choose_password(secret_of(services.people.setup_link()), PASSWORD)


def test_choosing_a_new_password_ends_the_sessions_of_the_old_one(services: Services, admin: Actor) -> None:
    ada = set_up(services)
    session = services.access.sign_in(ada.email, PASSWORD, "")
    services.access.actor_of_secret(session.secret)
    services.people.choose_password(secret_of(services.people.password_link(admin, ada.id)), PASSWORD + "!")
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(session.secret)


def test_one_address_belongs_to_one_person(services: Services, admin: Actor) -> None:
    services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    with pytest.raises(ConflictError):
        services.people.invite(admin, "Rob", "BOB@example.net", frozenset({Role.VIEWER}), None)
    assert count_people(services) == 1


@pytest.mark.parametrize(
    ("roles", "account_id"),
    [
        (set(), None),
        ({Role.ACCOUNT_ADMINISTRATOR}, None),
        ({Role.ADMIN}, 3),
        ({Role.ADMIN, Role.ACCOUNT_ADMINISTRATOR}, 3),
    ],
)
def test_roles_that_do_not_go_together_are_refused(
    services: Services, admin: Actor, roles: set[Role], account_id: int | None
) -> None:
    with pytest.raises(InvalidError):
        services.people.invite(admin, "Bob", "bob@example.net", frozenset(roles), account_id)
    assert count_people(services) == 0


def test_the_last_admin_can_neither_be_disabled_nor_demoted(services: Services, admin: Actor) -> None:
    ada = set_up(services)
    services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.ADMIN}), None)  # invited is not enough
    for attempt in (
        lambda: services.people.disable(admin, ada.id),
        lambda: services.people.change_roles(admin, ada.id, frozenset({Role.VIEWER})),
    ):
        with pytest.raises(ConflictError, match="last admin"):
            attempt()
    assert services.people.get(admin, ada.id) == ada

    eve = set_up(services, "eve@example.net")
    assert services.people.disable(admin, ada.id).state is PersonState.DISABLED
    with pytest.raises(ConflictError, match="last admin"):
        services.people.disable(admin, eve.id)


def test_an_accounts_last_administrator_stays_and_another_accounts_does_not_count(
    services: Services, admin: Actor
) -> None:
    roles = frozenset({Role.ACCOUNT_ADMINISTRATOR})
    first = services.people.invite(replace(admin, account_id=1), "Kim", "kim@example.net", roles, 1)
    services.people.invite(replace(admin, account_id=2), "Lee", "lee@example.net", roles, 2)
    with pytest.raises(ConflictError, match="last Administrator"):
        services.people.disable(admin, first.id)
    services.people.invite(replace(admin, account_id=1), "Max", "max@example.net", roles, 1)
    assert services.people.disable(admin, first.id).state is PersonState.DISABLED


def test_disabling_ends_sessions_and_enabling_needs_a_new_password(services: Services, admin: Actor) -> None:
    ada, eve = set_up(services), set_up(services, "eve@example.net")
    session = services.access.sign_in(ada.email, PASSWORD, "")
    services.people.disable(admin, ada.id)
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(session.secret)
    assert services.people.enable(admin, ada.id).state is PersonState.INVITED
    with pytest.raises(UnauthenticatedError):
        services.access.sign_in(ada.email, PASSWORD, "")
    with pytest.raises(IllegalTransitionError):
        services.people.enable(admin, eve.id)


def test_a_change_on_an_old_version_is_refused(services: Services, admin: Actor) -> None:
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    changed = services.people.change_roles(admin, bob.id, frozenset({Role.SUPPORT}))
    stale = replace(admin, seen=Seen(bob.reference, bob.version))
    for attempt in (
        lambda: services.people.change_roles(stale, bob.id, frozenset({Role.ADMIN})),
        lambda: services.people.disable(stale, bob.id),
    ):
        with pytest.raises(StaleVersionError, match="PE-1 is at version 2, not 1"):
            attempt()
    assert services.people.get(admin, bob.id) == changed


def test_an_actor_of_one_account_sees_no_people_of_another(services: Services, admin: Actor) -> None:
    roles = frozenset({Role.ACCOUNT_ADMINISTRATOR})
    mine = services.people.invite(replace(admin, account_id=1), "Kim", "kim@example.net", roles, 1)
    theirs = services.people.invite(replace(admin, account_id=2), "Lee", "lee@example.net", roles, 2)
    bound = Actor(admin.kind, "PE-901", permissions_of(frozenset(Role)), 1)

    assert services.people.list(bound, 10, None) == [mine]
    with pytest.raises(NotFoundError):
        services.people.get(bound, theirs.id)
    with pytest.raises(NotFoundError):
        services.people.disable(bound, theirs.id)
    assert services.people.invite(bound, "Max", "max@example.net", roles, 2).account_id == 1
    with pytest.raises(InvalidError):
        services.people.invite(bound, "Eve", "eve@example.net", frozenset({Role.ADMIN}), None)


def test_nobody_gives_nor_takes_over_rights_beyond_their_own(services: Services) -> None:
    """A token that may only manage people must not make itself an admin by a detour."""
    ada = set_up(services)
    narrow = Actor(ActorKind.TOKEN, "TO-9", permissions_of(frozenset({Role.VIEWER})) | {Permission.PEOPLE_MANAGE})
    bob = services.people.invite(narrow, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    for attempt in (
        lambda: services.people.invite(narrow, "Eve", "eve@example.net", frozenset({Role.ADMIN}), None),
        lambda: services.people.change_roles(narrow, bob.id, frozenset({Role.SUPPORT})),
        lambda: services.people.change_roles(narrow, ada.id, frozenset({Role.VIEWER})),
        lambda: services.people.password_link(narrow, ada.id),
        lambda: services.people.disable(narrow, ada.id),
    ):
        with pytest.raises(ForbiddenError, match="beyond"):
            attempt()
    assert services.people.list(narrow, 10, None) == [ada, bob]


def test_only_who_manages_people_manages_people(services: Services) -> None:
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(ForbiddenError):
            services.people.invite(someone(role), "Eve", "eve@example.net", frozenset({Role.ADMIN}), None)
    assert count_people(services) == 0
