"""The operator loads the MAC blocks it owns, sees what became of every address, and is warned before they run out."""

from __future__ import annotations

from datetime import timedelta

from fleet.domain.access import Actor, ForbiddenError, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import NotFoundError
from fleet.domain.lease import Lease, LeaseState
from fleet.domain.mac_address import AddressHistory
from fleet.domain.mac_block import BlockCount, Registry, block_size
from fleet.domain.mac_supply import RATE_DAYS, Supply
from fleet.domain.references import Noun, refer
from fleet.store.mac_addresses import MacAddressRepository
from fleet.store.mac_blocks import MacBlockRepository
from fleet.store.mac_leases import MacLeaseRepository
from fleet.store.outbox import OutboxRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from protocol.wire.mac import MacAddress

MAX_EXPIRED_WARNED = 100


def require_inventory(actor: Actor, permission: Permission) -> None:
    """ForbiddenError unless the actor has the permission and acts for the operator, not for one account."""
    actor.require(permission)
    if actor.account_id is not None:
        raise ForbiddenError("numbers and addresses are the operator's; this actor acts for one account")


class MacBlocks:
    """Blocks are the operator's: they lie in no account's scope."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add(
        self,
        actor: Actor,
        registry: Registry,
        first: MacAddress,
        *,
        prefix_bits: int | None = None,
        last: MacAddress | None = None,
        note: str = "",
    ) -> BlockCount:
        """A new block, from `first` on: a whole prefix, or until `last`."""
        require_inventory(actor, Permission.MAC_MANAGE)
        size = block_size(registry, first, prefix_bits, last)
        with self._transactions.begin(actor) as uow:
            added = MacBlockRepository(uow).add(registry, first, size, note)
            uow.audit(AuditAction.MAC_BLOCK_ADD, refer(Noun.MAC_BLOCK, added.block.id), ["first", "size"])
            uow.commit()
            return added

    def page(self, actor: Actor, limit: int, after: int | None) -> list[BlockCount]:
        """At most `limit` blocks with an id above `after`."""
        require_inventory(actor, Permission.MAC_MANAGE)
        with self._transactions.read(actor) as uow:
            return MacBlockRepository(uow).page(limit, after)

    def get(self, actor: Actor, block_id: int) -> BlockCount:
        """One block."""
        require_inventory(actor, Permission.MAC_MANAGE)
        with self._transactions.read(actor) as uow:
            return MacBlockRepository(uow).get(block_id)

    def history(self, actor: Actor, mac: MacAddress) -> AddressHistory:
        """What became of an address; NotFoundError for one that was never ours."""
        require_inventory(actor, Permission.MAC_MANAGE)
        with self._transactions.read(actor) as uow:
            history = MacAddressRepository(uow).history(mac)
        if history.block_id is None and not history.steps:
            raise NotFoundError(f"{mac} lies in no block of ours")
        return history

    def supply(self, actor: Actor) -> tuple[Supply, list[Lease]]:
        """What is left, and the first of the leases that should have been settled by now."""
        require_inventory(actor, Permission.MAC_MANAGE)
        with self._transactions.read(actor) as uow:
            return self._supply(uow)

    def warn(self, actor: Actor) -> None:
        """Tell by webhook, once each, that a level of the supply is reached and that a lease has expired."""
        with self._transactions.begin(actor) as uow:
            supply, expired = self._supply(uow)
            if supply.is_low:
                level = "rate" if supply.level_percent is None else supply.level_percent
                facts = {"event": "mac_supply_low", "free": supply.free, "size": supply.size}
                _tell_once(uow, f"mac_supply:{supply.size}:{level}", facts | {"days_left": supply.days_left})
            for lease in expired:
                facts = {"event": "mac_lease_expired", "lease": lease.reference, "station": lease.station}
                _tell_once(uow, f"mac_lease_expired:{lease.reference}", facts)
            uow.commit()

    def _supply(self, uow: UnitOfWork) -> tuple[Supply, list[Lease]]:
        counted = MacBlockRepository(uow).supply(uow.now - timedelta(days=RATE_DAYS))
        expired = MacLeaseRepository(uow).page(MAX_EXPIRED_WARNED, None, LeaseState.OPEN, expired=True)
        return Supply(*counted), expired


def _tell_once(uow: UnitOfWork, key: str, facts: dict[str, object]) -> None:
    if not OutboxRepository(uow).has("webhook", key):
        uow.send("webhook", key, facts)
