"""The operator loads the MAC blocks it owns; units take addresses from them in order."""

from __future__ import annotations

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.mac_block import MacBlock, Registry, block_size
from fleet.domain.references import Noun, refer
from fleet.store.mac_blocks import MacBlockRepository
from fleet.store.unit_of_work import Transactions
from protocol.wire.mac import MacAddress


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
    ) -> MacBlock:
        """A new block, from `first` on: a whole prefix, or until `last`."""
        actor.require(Permission.MAC_MANAGE)
        size = block_size(registry, first, prefix_bits, last)
        with self._transactions.begin(actor) as uow:
            block = MacBlockRepository(uow).add(registry, first, size, note)
            uow.audit(AuditAction.MAC_BLOCK_ADD, refer(Noun.MAC_BLOCK, block.id), ["first", "size"])
            uow.commit()
            return block

    def page(self, actor: Actor, limit: int, after: int | None) -> list[MacBlock]:
        """At most `limit` blocks with an id above `after`."""
        actor.require(Permission.MAC_MANAGE)
        with self._transactions.read(actor) as uow:
            return MacBlockRepository(uow).page(limit, after)
