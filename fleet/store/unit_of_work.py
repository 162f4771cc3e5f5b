"""One transaction: leaving without `commit` rolls back; audit and outbox rows go with the change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine

from fleet.domain.access import Actor
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError, StaleVersionError
from fleet.store.errands import claim
from fleet.store.sealing import Seal
from fleet.store.tables.journal import audit_log, outbox

_AUDIT = audit_log.insert()


class UnitOfWork:
    """A connection in a transaction, who acts, and when. Repositories are built on it."""

    def __init__(
        self, engine: Engine, actor: Actor, now: datetime, read_only: bool = False, seal: Seal | None = None
    ) -> None:
        self.actor = actor
        self.now = now
        self.seal = seal
        self._compared = False
        self.connection: Connection = engine.connect().execution_options(plugtone_read_only=read_only)

    def __enter__(self) -> Self:
        self.connection.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()  # rolls back what was not committed

    def commit(self) -> None:
        """Make everything since the start durable; the unit of work is over."""
        if self.actor.seen is not None and not self._compared:
            raise InvalidError(f"{self.actor.seen.reference} has no version to match here; leave If-Match out")
        if self.actor.errand is not None:
            claim(self.connection, self.actor, self.actor.errand, self.now)
        self.connection.commit()

    def check_seen(self, reference: str, version: int) -> None:
        """What is held, at which version: StaleVersionError if the actor saw another one of it.

        Every repository that holds a row with a version says so here; what the actor saw nothing of is not compared.
        """
        seen = self.actor.seen
        if seen is None or seen.reference != reference or self._compared:  # once: then it is locked, and ours to change
            return
        if seen.version != version:
            raise StaleVersionError(f"{reference} is at version {version}, not {seen.version}; read it again")
        self._compared = True

    def audit(
        self, action: AuditAction, subject: str, fields: Sequence[str] = (), account_id: int | None = None
    ) -> None:
        """Record who did what to what. `fields` are names of what changed, never personal values."""
        self.connection.execute(
            _AUDIT,
            {
                "at": self.now,
                "actor_kind": self.actor.kind.value,
                "actor": self.actor.reference,
                "operator": self.actor.operator or None,
                "action": action.value,
                "subject": subject,
                "account_id": account_id,
                "fields": json.dumps(list(fields)),
            },
        )

    def send(self, kind: str, key: str, payload: Mapping[str, Any]) -> None:
        """Queue a message for delivery after the commit, once for each `key`.

        Kinds: `mail`, `webhook`, `command` (to a unit), `revoke` (of an identity: throw it out now).
        """
        self.connection.execute(
            outbox.insert().values(
                kind=kind, key=key, payload=json.dumps(payload), created_at=self.now, due_at=self.now
            )
        )


class Transactions:
    """Begins units of work; the one thing every service is given. `seal`: of secrets at rest, for who handles them."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime], seal: Seal | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self._seal = seal

    def begin(self, actor: Actor) -> UnitOfWork:
        """A writing transaction, as `with transactions.begin(actor) as uow: ...; uow.commit()`."""
        return UnitOfWork(self.engine, actor, self.clock(), seal=self._seal)

    def read(self, actor: Actor) -> UnitOfWork:
        """A reading transaction: a snapshot that blocks nobody."""
        return UnitOfWork(self.engine, actor, self.clock(), read_only=True, seal=self._seal)
