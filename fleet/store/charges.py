"""Charge events, within an actor's scope."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, insert, select

from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger
from fleet.domain.money import Money
from fleet.domain.policy import PolicyName, PolicyValue
from fleet.domain.reason import Reason
from fleet.store.scope import in_scope
from fleet.store.tables.charges import charge_events
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordedCharge:
    """An event as it was written down, for the account it belongs to."""

    id: int
    account_id: int
    event: ChargeEvent
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ChargeFilter:
    """Which events are asked for; None: any. `since` and `until`: the first and the last date."""

    account_id: int | None = None
    kind: ChargeKind | None = None
    rule: ChargeRule | None = None
    subject: str | None = None
    since: date | None = None
    until: date | None = None


class ChargeRepository:
    """An Administrator sees the events of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, charge_events.c.account_id)

    def ledger(self, account_id: int) -> Ledger:
        """All events of an account, in the order they were made."""
        table = charge_events
        query = select(table).where(table.c.account_id == account_id, self._scope).order_by(table.c.id)
        return Ledger(tuple(_event(row) for row in self._connection.execute(query)))

    def add(self, account_id: int, event: ChargeEvent) -> None:
        """Write a new event down; a key that is there already is refused by the table."""
        values = {
            "key": event.key,
            "account_id": account_id,
            "kind": event.kind,
            "rule": event.rule,
            "subject": event.subject,
            "amount_cents": event.amount.cents,
            "charged_on": event.on,
            "reason_rule": event.reason.rule,
            "reason_text": event.reason.text,
            "inputs": json.dumps(event.inputs),
            "policy": json.dumps([[v.name, v.effective_from.isoformat(), v.value] for v in event.policy]),
            "credits_key": event.of,
            "recorded_at": self._now,
        }
        self._connection.execute(insert(charge_events).values(values))

    def page(self, wanted: ChargeFilter, limit: int, after: int | None) -> list[RecordedCharge]:
        """At most `limit` of the `wanted` events with an id above `after`."""
        table = charge_events
        query = select(table).where(self._scope, table.c.id > (after or 0)).order_by(table.c.id).limit(limit)
        exact = {"account_id": wanted.account_id, "kind": wanted.kind, "rule": wanted.rule, "subject": wanted.subject}
        for name, value in exact.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        if wanted.since is not None:
            query = query.where(table.c.charged_on >= wanted.since)
        if wanted.until is not None:
            query = query.where(table.c.charged_on <= wanted.until)
        rows = self._connection.execute(query)
        return [RecordedCharge(row.id, row.account_id, _event(row), row.recorded_at) for row in rows]


def _event(row: Row[Any]) -> ChargeEvent:
    return ChargeEvent(
        key=row.key,
        kind=ChargeKind(row.kind),
        rule=ChargeRule(row.rule),
        subject=row.subject,
        amount=Money(row.amount_cents),
        on=row.charged_on,
        reason=Reason(row.reason_rule, row.reason_text),
        inputs=tuple((name, value) for name, value in json.loads(row.inputs)),
        policy=tuple(
            PolicyValue(PolicyName(name), date.fromisoformat(since), value)
            for name, since, value in json.loads(row.policy)
        ),
        of=row.credits_key,
    )
