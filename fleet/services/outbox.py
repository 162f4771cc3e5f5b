"""What is still to be said leaves at least once: leased, sent, closed; a failure comes back later."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from fleet.domain.access import Actor, Permission, system_actor
from fleet.domain.audit import AuditAction
from fleet.domain.delivery import DeliveryError, DeliveryState, Letter, OutboxEntry, retry_after
from fleet.services.operators import require_operator
from fleet.store.outbox import OutboxRepository
from fleet.store.unit_of_work import Transactions

LEASE_S: Final = 120  # more than a worker's batch takes if every delivery runs into its time limit
KEPT_DAYS: Final = 30

_COURIER = system_actor("outbox")


class Outbox:
    """Shared by all that deliver: the worker (mail, webhook) and the gateway (command, revoke)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def lease(self, kinds: Collection[str], limit: int, lease: timedelta = timedelta(seconds=LEASE_S)) -> list[Letter]:
        """At most `limit` due messages of those kinds, this caller's until the lease ends."""
        if not kinds:
            return []
        with self._transactions.read(_COURIER) as uow:
            if not OutboxRepository(uow).has_due(kinds):
                return []
        with self._transactions.begin(_COURIER) as uow:
            letters = OutboxRepository(uow).lease(kinds, limit, lease)
            uow.commit()
            return letters

    def delivered(self, letter: Letter) -> bool:
        """The message arrived; False if the lease was lost (another worker sends it once more)."""
        with self._transactions.begin(_COURIER) as uow:
            closed = OutboxRepository(uow).mark_delivered(letter)
            uow.commit()
            return closed

    def failed(self, letter: Letter, error: DeliveryError, chance: float) -> bool:
        """The message did not arrive: tried again after a pause, or given up. `chance` in [0, 1) spreads retries."""
        pause = None if error.permanent else retry_after(letter.attempt, chance)
        with self._transactions.begin(_COURIER) as uow:
            closed = OutboxRepository(uow).mark_failed(letter, str(error), pause)
            uow.commit()
            return closed

    def list(self, actor: Actor, state: DeliveryState | None, limit: int, after_id: int | None) -> list[OutboxEntry]:
        """Messages by id, of one state or all."""
        require_operator(actor, Permission.OUTBOX_MANAGE)
        with self._transactions.read(actor) as uow:
            return OutboxRepository(uow).page(state, limit, after_id)

    def redeliver(self, actor: Actor, entry_id: int) -> None:
        """Send a message again, from its first attempt on, whatever came of it."""
        require_operator(actor, Permission.OUTBOX_MANAGE)
        with self._transactions.begin(actor) as uow:
            OutboxRepository(uow).reopen(entry_id)
            uow.audit(AuditAction.OUTBOX_RETRY, f"outbox-{entry_id}")
            uow.commit()

    def sweep(self, actor: Actor) -> int:
        """Delete what was delivered more than KEPT_DAYS ago, and mails given up so long: what they say is personal."""
        with self._transactions.begin(actor) as uow:
            count = OutboxRepository(uow).sweep(uow.now - timedelta(days=KEPT_DAYS))
            uow.commit()
            return count
