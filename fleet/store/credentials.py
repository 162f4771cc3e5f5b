"""Sessions, tokens and one-time links by the SHA-256 of their secret; the secret itself is stored nowhere."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fleet.domain.access import Permission
from fleet.domain.errors import NotFoundError
from fleet.domain.people import LinkPurpose, Token
from fleet.store.tables.people import one_time_links, sessions, sign_in_attempts, tokens
from fleet.store.unit_of_work import UnitOfWork


def attempt_subject(kind: str, value: str) -> str:
    """What tries to sign in are counted by: a digest, so that no address is kept."""
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link not yet used nor expired."""

    id: int
    purpose: LinkPurpose
    person_id: int | None


class CredentialRepository:
    """What lets people and programs in."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    # Sessions

    def start_session(self, person_id: int, digest: bytes, expires_at: datetime) -> None:
        """A session of that person under that digest."""
        values = {"person_id": person_id, "digest": digest, "started_at": self._now, "expires_at": expires_at}
        self._connection.execute(insert(sessions).values(values))

    def session_person(self, digest: bytes) -> tuple[int, datetime] | None:
        """Whose live session this is, and until when."""
        row = self._connection.execute(
            select(sessions.c.person_id, sessions.c.expires_at).where(
                sessions.c.digest == digest, sessions.c.ended_at.is_(None), sessions.c.expires_at > self._now
            )
        ).one_or_none()
        return None if row is None else (row.person_id, row.expires_at)

    def end_session(self, digest: bytes) -> bool:
        """End it; whether it was live."""
        ended = update(sessions).where(sessions.c.digest == digest, sessions.c.ended_at.is_(None))
        return self._connection.execute(ended.values(ended_at=self._now)).rowcount == 1

    def end_sessions_of(self, person_id: int) -> None:
        """End every session of a person."""
        ended = update(sessions).where(sessions.c.person_id == person_id, sessions.c.ended_at.is_(None))
        self._connection.execute(ended.values(ended_at=self._now))

    # Tokens

    def add_token(
        self,
        name: str,
        permissions: frozenset[Permission],
        *,
        person_id: int | None,
        account_id: int | None,
        digest: bytes,
        hint: str,
        expires_at: datetime | None,
    ) -> Token:
        """A new token."""
        result = self._connection.execute(
            insert(tokens).values(
                name=name,
                person_id=person_id,
                permissions=json.dumps(sorted(permissions)),
                account_id=account_id,
                digest=digest,
                hint=hint,
                created_at=self._now,
                expires_at=expires_at,
            )
        )
        (token_id,) = result.inserted_primary_key or (0,)
        return self._token(self._connection.execute(select(tokens).where(tokens.c.id == token_id)).one())

    def live_token(self, digest: bytes) -> Token | None:
        """The token of that digest, unless revoked or expired."""
        row = self._connection.execute(
            select(tokens).where(
                tokens.c.digest == digest,
                tokens.c.revoked_at.is_(None),
                or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > self._now),
            )
        ).one_or_none()
        return None if row is None else self._token(row)

    def tokens_page(self, owner_id: int | None, limit: int, after_id: int | None) -> list[Token]:
        """At most `limit` tokens after that id: `owner_id`'s, or (None) all in the actor's scope."""
        query = self._scoped_tokens().where(tokens.c.id > (after_id or 0)).order_by(tokens.c.id).limit(limit)
        if owner_id is not None:
            query = query.where(tokens.c.person_id == owner_id)
        return [self._token(row) for row in self._connection.execute(query)]

    def get_token(self, token_id: int) -> Token:
        """One token; NotFoundError outside the actor's scope."""
        row = self._connection.execute(self._scoped_tokens().where(tokens.c.id == token_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no token TO-{token_id}")
        return self._token(row)

    def revoke_token(self, token_id: int) -> None:
        """End it for good; a second time changes nothing."""
        query = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
        self._connection.execute(query.values(revoked_at=self._now))

    # One-time links

    def add_link(self, purpose: LinkPurpose, person_id: int | None, digest: bytes, expires_at: datetime) -> None:
        """A link; those made before for the same purpose and person are void."""
        self.void_links(purpose, person_id)
        self._connection.execute(
            insert(one_time_links).values(
                purpose=purpose, person_id=person_id, digest=digest, created_at=self._now, expires_at=expires_at
            )
        )

    def void_links(self, purpose: LinkPurpose, person_id: int | None) -> None:
        """End the links that are not used yet."""
        same = and_(
            one_time_links.c.purpose == purpose,
            one_time_links.c.person_id.is_not_distinct_from(person_id),
            one_time_links.c.used_at.is_(None),
        )
        self._connection.execute(delete(one_time_links).where(same))

    def use_link(self, purpose: LinkPurpose, digest: bytes) -> OneTimeLink | None:
        """Use the link up; None if there is none of that digest, or it was used or has expired."""
        used = (
            update(one_time_links)
            .where(
                one_time_links.c.purpose == purpose,
                one_time_links.c.digest == digest,
                one_time_links.c.used_at.is_(None),
                one_time_links.c.expires_at > self._now,
            )
            .values(used_at=self._now)
            .returning(one_time_links.c.id, one_time_links.c.person_id)
        )
        row = self._connection.execute(used).one_or_none()
        return None if row is None else OneTimeLink(row.id, purpose, row.person_id)

    # Tries to sign in

    def count_attempt(self, subject: str, window: timedelta) -> int:
        """Count one more try of `subject`; how many it makes in the window now running."""
        insert_for = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert
        table = sign_in_attempts
        self._connection.execute(
            delete(table).where(table.c.subject == subject, table.c.window_started_at <= self._now - window)
        )
        counted = (
            insert_for(table)
            .values(subject=subject, window_started_at=self._now, count=1)
            .on_conflict_do_update(index_elements=[table.c.subject], set_={"count": table.c.count + 1})
            .returning(table.c.count)
        )
        return int(self._connection.execute(counted).scalar_one())

    def clear_attempts(self, subject: str) -> None:
        """Forget the tries of `subject`."""
        self._connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.subject == subject))

    def sweep(self, attempts_before: datetime, ended_before: datetime) -> None:
        """Delete windows long over, and sessions and links that ended or expired before `ended_before`."""
        self._connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.window_started_at < attempts_before))
        self._connection.execute(delete(sessions).where(sessions.c.expires_at < ended_before))
        self._connection.execute(delete(one_time_links).where(one_time_links.c.expires_at < ended_before))

    def _scoped_tokens(self) -> Select[Any]:
        query = select(tokens)
        if self._actor.account_id is not None:
            query = query.where(tokens.c.account_id == self._actor.account_id)
        return query

    @staticmethod
    def _token(row: Row[Any]) -> Token:
        return Token(
            id=row.id,
            name=row.name,
            person_id=row.person_id,
            permissions=frozenset(Permission(name) for name in json.loads(row.permissions)),
            account_id=row.account_id,
            hint=row.hint,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
