"""Requests with an Idempotency-Key: found, kept and forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fleet.domain.access import Actor, Errand
from fleet.store import errands
from fleet.store.errands import Answer, KnownErrand
from fleet.store.unit_of_work import Transactions

__all__ = ["Answer", "Errands", "KnownErrand"]

KEPT_HOURS: Final = 24


class Errands:
    """Remembers what was carried out; the record itself is written by the unit of work that did it."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, actor: Actor, key: str) -> KnownErrand | None:
        """What the actor's request of that key came to, None if it was never carried out."""
        with self._transactions.read(actor) as uow:
            return errands.find(uow.connection, actor, key)

    def keep(self, actor: Actor, errand: Errand, answer: Answer) -> None:
        """Keep the answer for repetitions."""
        with self._transactions.begin(actor) as uow:
            errands.claim(uow.connection, actor, errand, uow.now)  # a write without a transaction has none yet
            errands.keep(uow.connection, actor, errand, answer)
            uow.connection.commit()

    def forget(self, actor: Actor, errand: Errand) -> None:
        """The attempt failed: let it be tried again."""
        with self._transactions.begin(actor) as uow:
            errands.forget(uow.connection, actor, errand)
            uow.connection.commit()  # not uow.commit(), which would claim it again

    def sweep(self, actor: Actor) -> int:
        """Delete what is older than KEPT_HOURS."""
        with self._transactions.begin(actor) as uow:
            count = errands.sweep(uow.connection, uow.now - timedelta(hours=KEPT_HOURS))
            uow.commit()
            return count
