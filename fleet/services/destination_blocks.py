"""Destinations and countries are blocked for an account at once, and unblocked; the proxy is told (equipment rules 7).

The webhook has all the rules of the account as they are from now on, so that the proxy replaces what it has; the export
has those of every account, for a proxy that starts. The unit need not know, and emergency calls are under no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.destination_block import (
    DestinationBlock,
    ProxyRule,
    check_in_force,
    check_new,
    destination,
    proxy_rules,
)
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.services.csv_text import csv_text
from fleet.services.operators import require_operator
from fleet.store.accounts import AccountRepository
from fleet.store.destination_blocks import DestinationBlockRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

EXPORT_COLUMNS: Final = ("number", "account", "prefix", "action")
ACTIONS: Final = {True: "block", False: "allow"}


@dataclass(frozen=True, slots=True)
class Barred:
    """What the proxy does with the calls of a number, the longest prefix counting."""

    account_id: int
    number: str
    rules: Sequence[ProxyRule]


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

    def export(self, actor: Actor) -> Iterator[str]:
        """The rules of every number that may call and is barred from anything, as CSV: what a proxy starts from."""
        require_operator(actor, Permission.SUBSCRIBER_READ)
        with self._transactions.read(actor) as uow:
            return _rows(_barred(uow))


def _barred(uow: UnitOfWork) -> list[Barred]:
    repository = DestinationBlockRepository(uow)
    rules = {account_id: proxy_rules(blocked) for account_id, blocked in repository.blocked().items()}
    return [Barred(account_id, number, rules[account_id]) for account_id, number in repository.callers(rules)]


def _rows(barred: Sequence[Barred]) -> Iterator[str]:
    yield csv_text([EXPORT_COLUMNS])
    for each in barred:
        account = refer(Noun.ACCOUNT, each.account_id)
        yield csv_text([each.number, account, rule.prefix, ACTIONS[rule.blocked]] for rule in each.rules)


def _tell(uow: UnitOfWork, block: DestinationBlock, event: str, action: AuditAction) -> None:
    """Audit it, and queue what the proxy has to do from now on. The account is held: of two the later one counts."""
    uow.audit(action, block.reference, ["destination", "why"], block.account_id)
    in_force = DestinationBlockRepository(uow).of_account(block.account_id)
    rules: list[dict[str, Any]] = [
        {"prefix": rule.prefix, "action": ACTIONS[rule.blocked]}
        for rule in proxy_rules([each.destination for each in in_force])
    ]
    payload = {
        "event": event,
        "block": block.reference,
        "account": refer(Noun.ACCOUNT, block.account_id),
        "destination": block.destination.name,
        "rules": rules,
        "at": uow.now.isoformat(),  # a delivery that failed comes again, and may come late: the latest counts
    }
    uow.send("webhook", f"destination:{block.reference}:{block.version}", payload)
