"""Charge events as acts would cause them, and what of them is queued for the books."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from fleet.domain.access import system_actor
from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, charge_key
from fleet.domain.money import Money
from fleet.domain.policy import PolicyName, PolicyValue
from fleet.domain.reason import Reason
from fleet.services.build import Services
from fleet.services.ledger import hold_ledger, record_charges
from fleet.store.tables.journal import outbox

VALUE = PolicyValue(PolicyName.REPLACEMENT_VALUE_CENTS, date(2026, 1, 1), 6500)


def charge_of(subject: str, cents: int = 6500, on: date = date(2026, 3, 2)) -> ChargeEvent:
    rule = ChargeRule.REPLACEMENT_VALUE
    reason = Reason("ER 4", "It stays away.")
    key = charge_key(rule, subject, "once")
    return ChargeEvent(
        key, ChargeKind.CHARGE, rule, subject, Money(cents), on, reason, (("unit", "PT000000018"),), (VALUE,)
    )


def credit_of(charge: ChargeEvent, cents: int) -> ChargeEvent:
    rule = ChargeRule.LATE_RETURN
    key = charge_key(rule, charge.key, f"to-{charge.amount.cents - cents}")
    reason = Reason("ER 4", "It is back.")
    return ChargeEvent(
        key, ChargeKind.CREDIT, rule, charge.subject, Money(cents), charge.on, reason, (), (), charge.key
    )


def record(services: Services, account_id: int, *events: ChargeEvent) -> None:
    with services.transactions.begin(system_actor("test")) as uow:
        record_charges(uow, account_id, hold_ledger(uow, account_id), events)
        uow.commit()


def outbox_keys(services: Services, kind: str = "webhook") -> set[str]:
    with services.transactions.engine.connect() as connection:
        return set(connection.execute(select(outbox.c.key).where(outbox.c.kind == kind)).scalars())
