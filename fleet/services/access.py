"""Who is behind a request: a secret becomes an actor; people sign in, programs carry tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from fleet.domain.access import Actor, ActorKind, ForbiddenError, Permission, Role, permissions_of, system_actor
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError, NotFoundError, TooManyAttemptsError, UnauthenticatedError
from fleet.domain.people import Person, Token, checked_name
from fleet.domain.references import Noun, number_of, refer
from fleet.services.credentials import MAX_SECRET_CHARACTERS, Passwords, Prefix, Secret, digest_of, mint
from fleet.store.credentials import CredentialRepository, attempt_subject
from fleet.store.people import PeopleRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

SESSION_HOURS: Final = 12
SIGN_IN_WINDOW_MINUTES: Final = 15
MAX_ATTEMPTS_PAIR: Final = 10  # of one e-mail address from one network address
MAX_ATTEMPTS_EMAIL: Final = 100
MAX_ATTEMPTS_ADDRESS: Final = 60
CACHE_SECONDS: Final = 1  # another process's revocation is seen after this long, our own at once
MAX_CACHED_ACTORS: Final = 4096

_GATE = system_actor("sign-in")
_HOST = system_actor("command-line")


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """A session just begun; `secret` is shown to its owner alone, once."""

    secret: str
    expires_at: datetime
    person: Person


@dataclass(frozen=True, slots=True, repr=False)
class NewToken:
    """A token just made; `secret` is shown once."""

    token: Token
    secret: str


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody begins to work at a station: its name, what it acts as, and the person's number."""

    station: str
    actor: str
    operator: str


def actor_of(person: Person) -> Actor:
    """A person as the one who acts."""
    return Actor(ActorKind.PERSON, person.reference, person.permissions, person.account_id)


class Access:
    """Authentication, sign-in and tokens."""

    def __init__(self, transactions: Transactions, passwords: Passwords) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._actors: dict[bytes, tuple[Actor, datetime]] = {}
        self._lock = Lock()

    def authenticate(self, authorization: str | None) -> Actor:
        """The actor behind an `Authorization` header; UnauthenticatedError without a good one."""
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise UnauthenticatedError("send Authorization: Bearer with a token (plt_...) or a session (pls_...)")
        return self.actor_of_secret(secret.strip())

    def actor_of_secret(self, secret: str) -> Actor:
        """The actor behind a session's or token's secret; UnauthenticatedError if it is not live."""
        digest = digest_of(secret)
        now = self._transactions.clock()
        cached = self._actors.get(digest)
        if cached is not None and now < cached[1]:
            return cached[0]
        with self._transactions.read(_GATE) as uow:
            actor = self._find_actor(uow, secret, digest)
        if actor is None:
            raise UnauthenticatedError("this credential is unknown, expired or revoked; sign in or make a new token")
        with self._lock:
            if len(self._actors) >= MAX_CACHED_ACTORS:
                self._actors.clear()
            self._actors[digest] = (actor, now + timedelta(seconds=CACHE_SECONDS))
        return actor

    def operated(self, actor: Actor, badge: str) -> Actor:
        """The actor with the person whose badge that is beside it; UnauthenticatedError for a badge of nobody.

        A badge is a token (or session) of a person who may operate stations. It gives the actor no right it has not.
        """
        holder = self.actor_of_secret(badge.strip())
        holder.require(Permission.STATION_OPERATE)
        person = holder.reference if holder.kind is ActorKind.PERSON else holder.owner
        if not person:
            raise UnauthenticatedError("an operator's badge is a person's own; this one is the token of a machine")
        return replace(actor, operator=person)

    def begin_shift(self, actor: Actor) -> Shift:
        """Somebody signed in at a station by their badge; InvalidError without one."""
        actor.require(Permission.UNIT_PROVISION)
        if not actor.operator:
            raise InvalidError("a shift is somebody's: send their badge in Plugtone-Operator")
        with self._transactions.begin(actor) as uow:
            name = actor.reference
            if actor.kind is ActorKind.TOKEN:
                name = CredentialRepository(uow).get_token(number_of(Noun.TOKEN, actor.reference)).name
            uow.audit(AuditAction.SHIFT_BEGIN, actor.operator)
            uow.commit()
        return Shift(name, actor.reference, actor.operator)

    def forget_actors(self) -> None:
        """Look every credential up again: somebody's rights have changed."""
        with self._lock:
            self._actors.clear()

    def sign_in(self, email: str, password: str, address: str) -> Session:
        """A session for the right password; UnauthenticatedError says the same for everything wrong.

        `address` is the network address that asks; TooManyAttemptsError when it, or the e-mail, was
        tried too often. The try is counted before the password is looked at.
        """
        email = email.strip().lower()
        pair = self._count_attempt(email, address)
        with self._transactions.read(_GATE) as uow:
            found = PeopleRepository(uow).password_of(email)
        if not self._passwords.matches(password, found[1] if found else None) or found is None:
            self._record_refusal(found[0] if found else None)
            raise UnauthenticatedError("the e-mail address or the password is wrong")
        person, secret = found[0], mint(Prefix.SESSION)
        with self._transactions.begin(actor_of(person)) as uow:
            credentials = CredentialRepository(uow)
            credentials.clear_attempts(pair)
            expires_at = uow.now + timedelta(hours=SESSION_HOURS)
            credentials.start_session(person.id, secret.digest, expires_at)
            uow.audit(AuditAction.SESSION_START, person.reference, account_id=person.account_id)
            uow.commit()
        return Session(secret.text, expires_at, person)

    def sign_out(self, actor: Actor, secret: str) -> None:
        """End the session of that secret; ending it twice changes nothing."""
        with self._transactions.begin(actor) as uow:
            if CredentialRepository(uow).end_session(digest_of(secret)):
                uow.audit(AuditAction.SESSION_END, actor.reference, account_id=actor.account_id)
            uow.commit()
        self.forget_actors()

    def create_token(
        self, actor: Actor, name: str, permissions: frozenset[Permission], expires_at: datetime | None
    ) -> NewToken:
        """A token of the actor's own, with some of the actor's permissions and exactly its scope."""
        actor.require(Permission.TOKEN_OWN)
        if actor.kind is not ActorKind.PERSON:
            raise ForbiddenError("a token cannot make tokens; sign in to make one")
        excess = permissions - actor.permissions
        if excess or not permissions:
            seen = ", ".join(sorted(excess)) or "none at all"
            raise InvalidError(f"a token has some of its maker's permissions; asked for {seen}")
        if expires_at is not None and expires_at <= self._transactions.clock():
            raise InvalidError(f"a token cannot expire in the past, got {expires_at.isoformat()}")
        return self._add_token(actor, name, permissions, expires_at, number_of(Noun.PERSON, actor.reference))

    def issue_host_token(self, name: str, role: Role) -> NewToken:
        """A token with a role's permissions, for who already rules the server's own command line."""
        if role is Role.ACCOUNT_ADMINISTRATOR:
            raise InvalidError("a token for an account's Administrator is made by that Administrator")
        return self._add_token(_HOST, name, permissions_of(frozenset({role})), None, None)

    def list_tokens(self, actor: Actor, limit: int, after_id: int | None) -> list[Token]:
        """The actor's own tokens; with people:manage all in its scope."""
        actor.require(Permission.TOKEN_OWN)
        with self._transactions.read(actor) as uow:
            return CredentialRepository(uow).tokens_page(self._owner_seen(actor), limit, after_id)

    def revoke_token(self, actor: Actor, token_id: int) -> None:
        """End a token for good; NotFoundError for one the actor may not see."""
        actor.require(Permission.TOKEN_OWN)
        with self._transactions.begin(actor) as uow:
            credentials = CredentialRepository(uow)
            token = credentials.get_token(token_id)
            owner = self._owner_seen(actor)
            if owner is not None and token.person_id != owner:
                raise NotFoundError(f"there is no token {token.reference}")
            credentials.revoke_token(token_id)
            uow.audit(AuditAction.TOKEN_REVOKE, token.reference, account_id=token.account_id)
            uow.commit()
        self.forget_actors()

    def sweep(self, actor: Actor) -> None:
        """Delete counters of tries and sessions and links that are long over."""
        with self._transactions.begin(actor) as uow:
            minute, day = timedelta(minutes=SIGN_IN_WINDOW_MINUTES), timedelta(days=1)
            CredentialRepository(uow).sweep(uow.now - minute, uow.now - day)
            uow.commit()

    def _find_actor(self, uow: UnitOfWork, secret: str, digest: bytes) -> Actor | None:
        if len(secret) > MAX_SECRET_CHARACTERS:
            return None
        people, credentials = PeopleRepository(uow), CredentialRepository(uow)
        if secret.startswith(Prefix.SESSION):
            session = credentials.session_person(digest)
            person = people.get(session[0]) if session else None
            return actor_of(person) if person is not None and person.permissions else None
        token = credentials.live_token(digest) if secret.startswith(Prefix.TOKEN) else None
        if token is None:
            return None
        permissions = token.permissions
        if token.person_id is not None:  # a token never outlives nor exceeds what its maker may do today
            permissions &= people.get(token.person_id).permissions
        owner = "" if token.person_id is None else refer(Noun.PERSON, token.person_id)
        return Actor(ActorKind.TOKEN, token.reference, permissions, token.account_id, owner) if permissions else None

    def _owner_seen(self, actor: Actor) -> int | None:
        """Whose tokens the actor may see: None for everybody's, 0 for nobody's."""
        if Permission.PEOPLE_MANAGE in actor.permissions:
            return None
        return number_of(Noun.PERSON, actor.reference) if actor.kind is ActorKind.PERSON else 0

    def _add_token(
        self,
        actor: Actor,
        name: str,
        permissions: frozenset[Permission],
        expires_at: datetime | None,
        owner: int | None,
    ) -> NewToken:
        secret: Secret = mint(Prefix.TOKEN)
        with self._transactions.begin(actor) as uow:
            token = CredentialRepository(uow).add_token(
                checked_name(name),
                permissions,
                person_id=owner,
                account_id=actor.account_id,
                digest=secret.digest,
                hint=secret.hint,
                expires_at=expires_at,
            )
            uow.audit(AuditAction.TOKEN_CREATE, token.reference, ["permissions"], token.account_id)
            uow.commit()
        return NewToken(token, secret.text)

    def _count_attempt(self, email: str, address: str) -> str:
        """Count a try under its three limits; the subject of the pair. No address is kept, only hashes."""
        window = timedelta(minutes=SIGN_IN_WINDOW_MINUTES)
        limits = {
            attempt_subject("pair", f"{email}\n{address}"): MAX_ATTEMPTS_PAIR,
            attempt_subject("email", email): MAX_ATTEMPTS_EMAIL,
            attempt_subject("address", address): MAX_ATTEMPTS_ADDRESS,
        }
        with self._transactions.begin(_GATE) as uow:
            credentials = CredentialRepository(uow)
            over = [subject for subject, most in limits.items() if credentials.count_attempt(subject, window) > most]
            uow.commit()
        if over:
            raise TooManyAttemptsError(
                f"too many tries to sign in; wait {SIGN_IN_WINDOW_MINUTES} minutes", int(window.total_seconds())
            )
        return next(iter(limits))

    def _record_refusal(self, person: Person | None) -> None:
        """Audit it, at the same cost whether the address is somebody's or not."""
        with self._transactions.begin(_GATE) as uow:
            uow.audit(
                AuditAction.SESSION_REFUSE,
                person.reference if person else "nobody",
                account_id=person.account_id if person else None,
            )
            uow.commit()
