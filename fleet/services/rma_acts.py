"""What every act on an RMA brings with it: it is audited, what it made known is settled, quotes are told again.

One transaction an act; what it locks, and in which order, is said in locks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Rma
from fleet.services.cancellation_quotes import requote_pending
from fleet.services.locks import hold_rma
from fleet.services.settlement import settle
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

Change = Callable[[UnitOfWork, Rma], Rma]


class RmaActs:
    """Acts on RMAs in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def carry_out(self, actor: Actor, rma_id: int, permission: Permission, action: AuditAction, change: Change) -> Rma:
        """The RMA as `change` leaves it, stored with all that follows; nothing has changed if one of it raises."""
        actor.require(permission)
        with self._transactions.begin(actor) as uow:
            rmas = RmaRepository(uow)
            rma = rmas.save(change(uow, hold_rma(uow, rma_id)))
            uow.audit(action, refer(Noun.RMA, rma.id), account_id=rma.account_id)
            settle(uow, rma.account_id, self._zone)
            requote_pending(uow, rma.account_id, self._zone)
            uow.commit()
            return rma
