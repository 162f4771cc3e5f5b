"""People come in by a one-time link: the first admin by one printed on the server, all others by invitation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from fleet.domain.access import Actor, ForbiddenError, Permission, Role, system_actor
from fleet.domain.audit import AuditAction
from fleet.domain.errors import UnauthenticatedError
from fleet.domain.people import (
    PERSON_TRANSITIONS,
    LinkPurpose,
    Person,
    PersonEvent,
    PersonState,
    check_not_last,
    check_password,
    check_roles,
    checked_email,
    checked_name,
)
from fleet.domain.transitions import advance
from fleet.services.access import Access
from fleet.services.credentials import MAX_SECRET_CHARACTERS, Passwords, Prefix, digest_of, mint
from fleet.services.letters import send_letter
from fleet.store.credentials import CredentialRepository, OneTimeLink
from fleet.store.people import PeopleRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

SETUP_LINK_HOURS: Final = 24
PASSWORD_LINK_HOURS: Final = 72

_HOST = system_actor("command-line")
_GATE = system_actor("link")
_MAIL = system_actor("outbox")

INVITATION_TEXT: Final = """Hello {name},

you have been invited to Plugtone. Choose a password here, within {hours} hours:

{link}

The link works once. If you did not expect this mail, do nothing.
"""


class People:
    """Setup, invitations, roles, and the end of somebody's access."""

    def __init__(self, transactions: Transactions, access: Access, passwords: Passwords, base_url: str) -> None:
        self._transactions = transactions
        self._access = access
        self._passwords = passwords
        self._base_url = base_url

    # On the server's own command line

    def setup_link(self) -> str:
        """A link that makes its bearer an admin, once, within SETUP_LINK_HOURS; earlier ones are void.

        The secret stands behind `#`: browsers do not send that part, so it reaches no log.
        """
        with self._transactions.begin(_HOST) as uow:
            link = self._make_link(uow, LinkPurpose.SETUP, None, SETUP_LINK_HOURS)
            uow.commit()
            return link

    def first_setup_link(self) -> str | None:
        """A setup link if nobody is admin yet, else None; for a service that starts."""
        return None if self.has_admin() else self.setup_link()

    def has_admin(self) -> bool:
        """Whether somebody can sign in as admin."""
        with self._transactions.read(_HOST) as uow:
            return PeopleRepository(uow).has_admin()

    # By the bearer of a link

    def setup(self, secret: str, name: str, email: str, password: str) -> Person:
        """The bearer of a setup link becomes an active admin."""
        name, email = checked_name(name), checked_email(email)
        check_password(password, email, name)
        password_hash = self._hash_for_bearer(LinkPurpose.SETUP, secret, password)
        with self._transactions.begin(_GATE) as uow:
            _used_link(uow, LinkPurpose.SETUP, secret)
            people = PeopleRepository(uow)
            person = people.add(name, email, frozenset({Role.ADMIN}), None)
            person = people.change(person, state=PersonState.ACTIVE, password_hash=password_hash)
            uow.audit(AuditAction.PERSON_SET_PASSWORD, person.reference, ["password_hash", "roles"])
            uow.commit()
            return person

    def choose_password(self, secret: str, password: str) -> Person:
        """The bearer of an invitation becomes active with that password; their older sessions end."""
        password_hash = self._hash_for_bearer(LinkPurpose.PASSWORD, secret, password)
        with self._transactions.begin(_GATE) as uow:
            link = _used_link(uow, LinkPurpose.PASSWORD, secret)
            people = PeopleRepository(uow)
            person = people.get(link.person_id or 0)
            check_password(password, person.email, person.name)
            state = advance(PERSON_TRANSITIONS, person.state, PersonEvent.SET_PASSWORD, person.reference)
            person = people.change(person, state=state, password_hash=password_hash)
            CredentialRepository(uow).end_sessions_of(person.id)
            uow.audit(AuditAction.PERSON_SET_PASSWORD, person.reference, ["password_hash"], person.account_id)
            uow.commit()
        self._access.forget_actors()
        return person

    # By those who manage people

    def invite(self, actor: Actor, name: str, email: str, roles: frozenset[Role], account_id: int | None) -> Person:
        """A new person, who gets a link by mail. An actor bound to an account invites into that account alone."""
        actor.require(Permission.PEOPLE_MANAGE)
        actor.require_over(roles)
        check_roles(roles, actor.account_id or account_id)
        check_may_appoint(actor, roles)
        with self._transactions.begin(actor) as uow:
            person = invite_person(uow, name, email, roles, actor.account_id or account_id)
            uow.commit()
            return person

    def list(self, actor: Actor, limit: int, after_id: int | None) -> list[Person]:
        """At most `limit` people in the actor's scope."""
        actor.require(Permission.PEOPLE_MANAGE)
        with self._transactions.read(actor) as uow:
            return PeopleRepository(uow).page(limit, after_id)

    def get(self, actor: Actor, person_id: int) -> Person:
        """One person in the actor's scope."""
        actor.require(Permission.PEOPLE_MANAGE)
        with self._transactions.read(actor) as uow:
            return PeopleRepository(uow).get(person_id)

    def change_roles(self, actor: Actor, person_id: int, roles: frozenset[Role]) -> Person:
        """Give a person other roles; ConflictError if they are the last of a role that must stay."""

        def change(uow: UnitOfWork, person: Person) -> Person:
            actor.require_over(roles)
            advance(PERSON_TRANSITIONS, person.state, PersonEvent.CHANGE_ROLES, person.reference)
            check_roles(roles, person.account_id)
            if Role.ADMIN not in roles:
                check_stays_led(uow, person)
            uow.audit(AuditAction.PERSON_CHANGE_ROLES, person.reference, ["roles"], person.account_id)
            return PeopleRepository(uow).change(person, roles=roles)

        return self._change(actor, person_id, change)

    def disable(self, actor: Actor, person_id: int) -> Person:
        """End a person's access at once: their sessions end, their tokens are dead while they are."""

        def change(uow: UnitOfWork, person: Person) -> Person:
            state = advance(PERSON_TRANSITIONS, person.state, PersonEvent.DISABLE, person.reference)
            check_stays_led(uow, person)
            CredentialRepository(uow).end_sessions_of(person.id)
            uow.audit(AuditAction.PERSON_DISABLE, person.reference, ["state"], person.account_id)
            return PeopleRepository(uow).change(person, state=state, password_hash=None)

        return self._change(actor, person_id, change)

    def enable(self, actor: Actor, person_id: int) -> Person:
        """Invite a disabled person again."""

        def change(uow: UnitOfWork, person: Person) -> Person:
            state = advance(PERSON_TRANSITIONS, person.state, PersonEvent.ENABLE, person.reference)
            check_may_appoint(actor, person.roles)
            person = PeopleRepository(uow).change(person, state=state)
            uow.audit(AuditAction.PERSON_INVITE, person.reference, ["state"], person.account_id)
            _send_invitation(uow, person)
            return person

        return self._change(actor, person_id, change)

    def password_link(self, actor: Actor, person_id: int) -> str:
        """A link to hand over by another way than mail; the one mailed before is void."""
        actor.require(Permission.PEOPLE_MANAGE)
        with self._transactions.begin(actor) as uow:
            person = PeopleRepository(uow).hold(person_id)
            actor.require_over(person.roles)
            advance(PERSON_TRANSITIONS, person.state, PersonEvent.SET_PASSWORD, person.reference)
            link = self._make_link(uow, LinkPurpose.PASSWORD, person.id, PASSWORD_LINK_HOURS)
            uow.audit(AuditAction.PERSON_INVITE, person.reference, account_id=person.account_id)
            uow.commit()
            return link

    def mailed_link(self, person_id: int) -> str:
        """The link of an invitation that is mailed just now: no secret waits in the outbox."""
        with self._transactions.begin(_MAIL) as uow:
            link = self._make_link(uow, LinkPurpose.PASSWORD, person_id, PASSWORD_LINK_HOURS)
            uow.commit()
            return link

    def _change(self, actor: Actor, person_id: int, change: Callable[[UnitOfWork, Person], Person]) -> Person:
        actor.require(Permission.PEOPLE_MANAGE)
        with self._transactions.begin(actor) as uow:
            person = PeopleRepository(uow).hold(person_id)
            actor.require_over(person.roles)
            person = change(uow, person)
            uow.commit()
        self._access.forget_actors()
        return person

    def _make_link(self, uow: UnitOfWork, purpose: LinkPurpose, person_id: int | None, hours: int) -> str:
        secret = mint(Prefix.LINK)
        CredentialRepository(uow).add_link(purpose, person_id, secret.digest, uow.now + timedelta(hours=hours))
        return f"{self._base_url}/console/{purpose}#{secret.text}"

    def _hash_for_bearer(self, purpose: LinkPurpose, secret: str, password: str) -> str:
        """The password's hash, computed (it is costly) only for who brings a live link."""
        with self._transactions.begin(_GATE) as uow:  # left without commit: the link stays unused for now
            _used_link(uow, purpose, secret)
        return self._passwords.hash(password)


def invite_person(uow: UnitOfWork, name: str, email: str, roles: frozenset[Role], account_id: int | None) -> Person:
    """Add an invited person within the caller's transaction and queue their mail; for opening an account, too."""
    check_roles(roles, account_id)
    person = PeopleRepository(uow).add(checked_name(name), checked_email(email), roles, account_id)
    uow.audit(AuditAction.PERSON_INVITE, person.reference, ["name", "email", "roles"], account_id)
    _send_invitation(uow, person)
    return person


def invite_again(uow: UnitOfWork, person: Person) -> None:
    """Queue the mail to an invited person anew; a link that went out before is void."""
    CredentialRepository(uow).void_links(LinkPurpose.PASSWORD, person.id)
    _send_invitation(uow, person)


def _send_invitation(uow: UnitOfWork, person: Person) -> None:
    text = INVITATION_TEXT.replace("{hours}", str(PASSWORD_LINK_HOURS))
    key = f"invitation:{person.reference}:{person.version}"
    send_letter(uow, person, key, "Your invitation to Plugtone", text, with_link=True)


def _used_link(uow: UnitOfWork, purpose: LinkPurpose, secret: str) -> OneTimeLink:
    link = (
        CredentialRepository(uow).use_link(purpose, digest_of(secret)) if len(secret) <= MAX_SECRET_CHARACTERS else None
    )
    if link is None:
        raise UnauthenticatedError("this link was used, has expired or never was; ask for a new one")
    return link


def check_may_appoint(actor: Actor, roles: frozenset[Role]) -> None:
    """ToS 4: an account's Administrators appoint each other; from outside it takes a proof (Administrators.recover)."""
    if Role.ACCOUNT_ADMINISTRATOR in roles and actor.account_id is None:
        raise ForbiddenError("an Administrator is appointed by another one; where all are gone, recover the account")


def check_stays_led(uow: UnitOfWork, person: Person) -> None:
    """ConflictError if nobody would be left of the role that must never die out."""
    role = Role.ADMIN if Role.ADMIN in person.roles else Role.ACCOUNT_ADMINISTRATOR
    states = [PersonState.ACTIVE] if role is Role.ADMIN else [PersonState.ACTIVE, PersonState.INVITED]
    check_not_last(person, PeopleRepository(uow).count_others(person, role, states))
