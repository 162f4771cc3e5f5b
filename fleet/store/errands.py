"""The record that a request was carried out, written in the same transaction as what it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fleet.domain.access import Actor, Errand
from fleet.domain.errors import ConflictError
from fleet.store.tables.requests import errands


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class KnownErrand:
    """A request carried out before; its answer may be lost."""

    digest: bytes
    answer: Answer | None


def _sender(actor: Actor) -> str:
    return f"{actor.kind}:{actor.reference}"


def claim(connection: Connection, actor: Actor, errand: Errand, now: datetime) -> None:
    """Record that this attempt carries the errand out; ConflictError if another attempt did or is just doing so."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(errands)
    values = {"actor": _sender(actor), "key": errand.key, "digest": errand.digest, "attempt": errand.attempt}
    connection.execute(insert.values(**values, done_at=now).on_conflict_do_nothing())
    attempt = connection.scalar(
        select(errands.c.attempt).where(errands.c.actor == _sender(actor), errands.c.key == errand.key)
    )
    if attempt != errand.attempt:
        raise ConflictError(f"another request with Idempotency-Key {errand.key!r} was first; send it again to see")


def find(connection: Connection, actor: Actor, key: str) -> KnownErrand | None:
    """What this actor's request of that key came to."""
    row = connection.execute(
        select(errands).where(errands.c.actor == _sender(actor), errands.c.key == key)
    ).one_or_none()
    if row is None:
        return None
    answer = None if row.status is None else Answer(row.status, json.loads(row.headers), row.body)
    return KnownErrand(row.digest, answer)


def keep(connection: Connection, actor: Actor, errand: Errand, answer: Answer) -> None:
    """Keep the answer of the attempt that carried the errand out."""
    connection.execute(
        update(errands)
        .where(_attempt(actor, errand))
        .values(status=answer.status, headers=json.dumps(dict(answer.headers)), body=answer.body)
    )


def forget(connection: Connection, actor: Actor, errand: Errand) -> None:
    """Drop this attempt's record, so that the errand may be tried again."""
    connection.execute(delete(errands).where(_attempt(actor, errand)))


def sweep(connection: Connection, before: datetime) -> int:
    """Delete the records older than `before`; how many there were."""
    return connection.execute(delete(errands).where(errands.c.done_at < before)).rowcount


def _attempt(actor: Actor, errand: Errand) -> ColumnElement[bool]:
    return and_(errands.c.actor == _sender(actor), errands.c.key == errand.key, errands.c.attempt == errand.attempt)
