"""Charge events are written down in the transaction of the act that causes them, once, and told to billing.

- The account is locked first: of two transactions that owe the same event, the later one finds it in the ledger.
- The webhook's key is the event's: it is queued with the event, and goes out until the receiver has taken it.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet.domain.audit import AuditAction
from fleet.domain.charge import ChargeEvent, Ledger
from fleet.services.charge_facts import charge_facts
from fleet.store.accounts import AccountRepository
from fleet.store.charges import ChargeRepository
from fleet.store.unit_of_work import UnitOfWork


def hold_ledger(uow: UnitOfWork, account_id: int) -> Ledger:
    """The account's events; no other transaction adds one until this one ends."""
    AccountRepository(uow).hold(account_id)
    return ChargeRepository(uow).ledger(account_id)


def record_charges(uow: UnitOfWork, account_id: int, ledger: Ledger, events: Sequence[ChargeEvent]) -> Ledger:
    """The held `ledger` with `events`, of which those it has not are stored, audited and queued; the caller commits.

    ConflictError if a key stands for something else already, or a credit exceeds its charge; nothing is stored then.
    """
    after = ledger.add(events)
    charges = ChargeRepository(uow)
    for event in after.events[len(ledger.events) :]:
        charges.add(account_id, event)
        uow.audit(AuditAction.CHARGE_RECORD, event.subject, [event.kind, event.rule], account_id)
        payload = {"event": "charge.recorded", "charge": charge_facts(account_id, event, uow.now)}
        uow.send("webhook", f"charge:{event.key}", payload)
    return after
