"""A charge event as other systems read it: the same names in the API, the webhook and the CSV file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from fleet.domain.charge import ChargeEvent
from fleet.domain.policy import SINCE_EVER
from fleet.domain.references import Noun, refer
from fleet.services.csv_text import csv_text
from fleet.store.charges import RecordedCharge

COLUMNS: Final = (
    "key",
    "account",
    "kind",
    "rule",
    "subject",
    "amount_cents",
    "currency",
    "date",
    "credits",
    "reason_rule",
    "reason",
    "inputs",
    "policy",
    "recorded_at",
)
CURRENCY: Final = "USD"


def charge_facts(account_id: int, event: ChargeEvent, recorded_at: datetime) -> dict[str, Any]:
    """The facts of one event, ready for JSON; `amount_cents` is more than zero whatever the kind."""
    return {
        "key": event.key,
        "account": refer(Noun.ACCOUNT, account_id),
        "kind": event.kind,
        "rule": event.rule,
        "subject": event.subject,
        "amount_cents": event.amount.cents,
        "currency": CURRENCY,
        "date": event.on.isoformat(),
        "credits": event.of or None,
        "reason_rule": event.reason.rule,
        "reason": event.reason.text,
        "inputs": dict(event.inputs),
        "policy": [
            {
                "name": value.name,
                "value": value.value,
                "effective_from": None if value.effective_from == SINCE_EVER else value.effective_from.isoformat(),
            }
            for value in event.policy
        ],
        "recorded_at": recorded_at.isoformat(),
    }


def csv_header() -> str:
    """The first line of the file."""
    return csv_text([COLUMNS])


def csv_lines(charges: Iterable[RecordedCharge]) -> str:
    """A line an event; `inputs` and `policy` as JSON. No cell begins as a formula does: no name of people is in it."""
    return csv_text(map(_cells, charges))


def _cells(charge: RecordedCharge) -> list[str]:
    facts = charge_facts(charge.account_id, charge.event, charge.recorded_at)
    facts |= {name: json.dumps(facts[name]) for name in ("inputs", "policy")}
    return ["" if facts[name] is None else str(facts[name]) for name in COLUMNS]
