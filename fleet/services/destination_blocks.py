"""Destinations and countries are blocked for an account at once, and unblocked; the proxy is told (equipment rules 7).

The registrar's list has the rules of every line (fleet/services/voice.py). The webhook says whose have changed, and all
that hold from now on. The unit need not know, and emergency calls are under no rule.
"""

from __future__ import annotations

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.destination_block import (
    DestinationBlock,
    check_in_force,
    check_new,
    destination,
    proxy_rules,
    rules_text,
)
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.services.operators import require_operator
from fleet.store.accounts import AccountRepository
from fleet.store.destination_blocks import DestinationBlockRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork


class DestinationBlocks:
    """Blocks in the actor's scope: an Administrator sees those of their account, and changes none."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(
        self, actor: Actor, limit: int, after: int | None, account_id: int | None = None, in_force: bool = True
    ) -> list[DestinationBlock]:
        """At most `limit` blocks above `after`, of an account or all in scope; NotFoundError for a foreign account."""
        actor.require(Permission.DESTINATION_READ)
        with self._transactions.read(actor) as uow:
            if account_id is not None:
                AccountRepository(uow).get(account_id)
            return DestinationBlockRepository(uow).page(limit, after, account_id, in_force)

    def get(self, actor: Actor, block_id: int) -> DestinationBlock:
        """One block."""
        actor.require(Permission.DESTINATION_READ)
        with self._transactions.read(actor) as uow:
            return DestinationBlockRepository(uow).get(block_id)

    def block(self, actor: Actor, account_id: int, text: str, why: str) -> DestinationBlock:
        """Block what people write as +8821 or CU; ConflictError if it is already."""
        require_operator(actor, Permission.DESTINATION_BLOCK)
        check_why(why)
        wanted = destination(text)
        with self._transactions.begin(actor) as uow:
            AccountRepository(uow).hold(account_id)
            blocks = DestinationBlockRepository(uow)
            check_new(wanted, blocks.of_account(account_id))
            made = blocks.add(account_id, wanted, why)
            _tell(uow, made, "destination.blocked", AuditAction.DESTINATION_BLOCK)
            uow.commit()
            return made

    def unblock(self, actor: Actor, block_id: int, why: str) -> DestinationBlock:
        """The block is over; ConflictError if it was already."""
        require_operator(actor, Permission.DESTINATION_BLOCK)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            blocks = DestinationBlockRepository(uow)
            AccountRepository(uow).hold(blocks.get(block_id).account_id)
            held = blocks.hold(block_id)
            check_in_force(held)
            lifted = blocks.lift(held, why)
            _tell(uow, lifted, "destination.unblocked", AuditAction.DESTINATION_UNBLOCK)
            uow.commit()
            return lifted


def _tell(uow: UnitOfWork, block: DestinationBlock, event: str, action: AuditAction) -> None:
    """Audit it, and queue what the proxy has to do from now on. The account is held: of two the later one counts."""
    uow.audit(action, block.reference, ["destination", "why"], block.account_id)
    in_force = DestinationBlockRepository(uow).of_account(block.account_id)
    payload = {
        "event": event,
        "block": block.reference,
        "account": refer(Noun.ACCOUNT, block.account_id),
        "destination": block.destination.name,
        "barred": rules_text(proxy_rules([each.destination for each in in_force])),
        "units": DestinationBlockRepository(uow).units_of(block.account_id),
        "at": uow.now.isoformat(),  # a delivery that failed comes again, and may come late: the latest counts
    }
    uow.send("webhook", f"destination:{block.reference}:{block.version}", payload)
