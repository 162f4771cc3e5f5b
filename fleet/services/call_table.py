"""A call record as other systems read it: the same names in the API and in the CSV file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from fleet.domain.errors import InvalidError, NotFoundError
from fleet.domain.references import Noun, number_of, refer
from fleet.services.csv_text import csv_text
from fleet.store.call_records import FIGURES, Call, Place

COLUMNS: Final = (
    "id",
    "account",
    "unit",
    "line",
    "started_at",
    "start_taken_from",
    "received_at",
    "direction",
    "number",
    "emergency",
    "setup_ms",
    "duration_ms",
    "ended_by",
    "status",
    "codec",
    "secured",
    "metered_by",
    "metered_minutes",
    "charge",
    *FIGURES,
)


def call_facts(call: Call) -> dict[str, Any]:
    """The facts of one call, ready for JSON. `metered_by`: the prefix; `charge`: the key of the event it went into."""
    told, record, metering = call.taken_in, call.taken_in.record, call.taken_in.metering
    return {
        "id": call.reference,
        "account": None if told.account_id is None else refer(Noun.ACCOUNT, told.account_id),
        "unit": told.serial,
        "line": None if told.line is None else f"line-{told.line}",
        "started_at": told.started_at.isoformat(),
        "start_taken_from": told.start_taken_from,
        "received_at": told.received_at.isoformat(),
        "direction": record.direction,
        "number": record.number,
        "emergency": record.emergency,
        "setup_ms": record.setup_ms,
        "duration_ms": record.duration_ms,
        "ended_by": record.ended_by,
        "status": record.status or None,
        "codec": record.codec,
        "secured": record.secured,
        "metered_by": None if metering is None else metering.destination.prefix,
        "metered_minutes": 0 if metering is None else metering.minutes,
        "charge": call.charge_key,
        **{name: getattr(record.figures, name) for name in FIGURES},
    }


def place_text(call: Call) -> str:
    """Where a page that ends with `call` goes on, as text."""
    return f"{call.taken_in.started_at.isoformat()} {call.reference}"


def parse_place(text: str) -> Place:
    """The place in such a text; InvalidError for what was none."""
    instant, _, reference = text.partition(" ")
    try:
        return datetime.fromisoformat(instant).astimezone(UTC), number_of(Noun.CALL, reference)
    except (ValueError, OverflowError, NotFoundError):
        raise InvalidError(f"no list of calls goes on at {text[:60]!r}; take `next` of the page before") from None


def csv_header() -> str:
    """The first line of the file."""
    return csv_text([COLUMNS])


def csv_lines(calls: Iterable[Call]) -> str:
    """A line a call. Of numbers only what no spreadsheet computes was ever kept (`fleet.domain.call_record`)."""
    return csv_text(map(_cells, calls))


def _cells(call: Call) -> list[str]:
    facts = call_facts(call)
    return ["" if facts[name] is None else str(facts[name]) for name in COLUMNS]
