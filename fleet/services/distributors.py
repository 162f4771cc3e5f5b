"""The register of Authorized Distributors: who may sell, and pass a cancellation on to us (ToS 3)."""

from __future__ import annotations

from fleet.domain.access import Actor, Permission
from fleet.domain.account import check_name
from fleet.domain.audit import AuditAction
from fleet.domain.distributor import Distributor, end
from fleet.store.distributors import DistributorRepository
from fleet.store.unit_of_work import Transactions


class Distributors:
    """Distributors are the operator's; no actor of an account sees them."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(self, actor: Actor, limit: int, after: int | None) -> list[Distributor]:
        """At most `limit` with an id above `after`."""
        actor.require(Permission.ORDER_MANAGE)
        with self._transactions.read(actor) as uow:
            return DistributorRepository(uow).page(limit, after)

    def register(self, actor: Actor, name: str) -> Distributor:
        """A distributor, authorized from now on; it gets no way into the API."""
        actor.require(Permission.ORDER_MANAGE)
        name = check_name(name)
        with self._transactions.begin(actor) as uow:
            distributor = DistributorRepository(uow).add(name)
            uow.audit(AuditAction.DISTRIBUTOR_REGISTER, distributor.reference, ["name"])
            uow.commit()
            return distributor

    def end(self, actor: Actor, number: int) -> Distributor:
        """Its authorization ends; what it sold and passed on stands."""
        actor.require(Permission.ORDER_MANAGE)
        with self._transactions.begin(actor) as uow:
            repository = DistributorRepository(uow)
            distributor = repository.save(end(repository.hold(number), uow.now))
            uow.audit(AuditAction.DISTRIBUTOR_END, distributor.reference, ["state"])
            uow.commit()
            return distributor
