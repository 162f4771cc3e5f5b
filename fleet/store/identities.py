"""Which certificate a unit has: one current identity at most, and none that died comes back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from fleet.domain.access import Actor
from fleet.domain.errors import ConflictError
from fleet.domain.identity import Identity, Standing
from fleet.domain.unit import Trust, Unit
from fleet.store.scope import in_scope
from fleet.store.tables.equipment import identities, units
from fleet.store.unit_of_work import Transactions, UnitOfWork

CURRENT, DEAD = "current", "dead"


@dataclass(frozen=True, slots=True)
class IssuedIdentity:
    """What was issued to a unit in an epoch; hashes are SHA-256 in lower-case hex."""

    epoch: int
    fingerprint: str
    public_key_sha256: str
    certificate: bytes


class IdentityRepository:
    """The identities of units in the actor's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    def of(self, unit: Unit) -> IssuedIdentity | None:
        """The current identity of the unit's present epoch."""
        row = self._connection.execute(
            select(identities).where(
                identities.c.serial == unit.serial, identities.c.epoch == unit.epoch, identities.c.state == CURRENT
            )
        ).one_or_none()
        if row is None:
            return None
        return IssuedIdentity(row.epoch, row.fingerprint, row.public_key_sha256, row.certificate)

    def add(self, serial: str, issued: IssuedIdentity) -> None:
        """A new current identity; ConflictError for a public key that was ever seen before."""
        seen = self._connection.scalar(
            select(identities.c.serial).where(identities.c.public_key_sha256 == issued.public_key_sha256)
        )
        if seen is not None:
            raise ConflictError(
                f"the key in this request was certified before, for {seen}; the unit must make a new one"
            )
        self._connection.execute(
            insert(identities).values(
                serial=serial,
                epoch=issued.epoch,
                fingerprint=issued.fingerprint,
                public_key_sha256=issued.public_key_sha256,
                certificate=issued.certificate,
                state=CURRENT,
                issued_at=self._now,
            )
        )

    def kill(self, serial: str) -> bool:
        """End the unit's current identity for ever; whether it had one."""
        ended = self._connection.execute(
            update(identities)
            .where(identities.c.serial == serial, identities.c.state == CURRENT)
            .values(state=DEAD, dead_at=self._now)
        )
        return ended.rowcount > 0

    def find(self, fingerprint: str) -> Identity | None:
        """The record of the certificate with that fingerprint, as it stands now."""
        row = self._connection.execute(
            select(identities.c.serial, identities.c.state, units.c.trust)
            .join(units, units.c.serial == identities.c.serial)
            .where(identities.c.fingerprint == fingerprint, in_scope(self._actor, units.c.account_id))
        ).one_or_none()
        if row is None:
            return None
        standing = Standing.DEAD if row.state == DEAD else STANDING[Trust(row.trust)]
        return Identity(row.serial, fingerprint, standing)


STANDING = {
    Trust.GOOD: Standing.GOOD,
    Trust.QUARANTINED: Standing.QUARANTINED,
    Trust.REVOKED: Standing.REVOKED,
}


class IdentityLookup:
    """What the broker's callout asks: each answer is a fresh read."""

    def __init__(self, transactions: Transactions, actor: Actor) -> None:
        self._transactions = transactions
        self._actor = actor

    def find(self, fingerprint: str) -> Identity | None:
        """The record of the certificate with that fingerprint, as it stands now."""
        with self._transactions.read(self._actor) as uow:
            return IdentityRepository(uow).find(fingerprint)
