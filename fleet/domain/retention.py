"""How long each class of data is kept, what is purged then, and the proof of it (equipment rules 8, ToS 25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256

from fleet.domain.local_dates import ONE_DAY, months_after
from fleet.domain.policy import PolicyBook, PolicyName


class RetentionClass(StrEnum):
    CALL_RECORDS = "call_records"
    CONNECTION_LOGS = "connection_logs"
    PERSONAL_DATA = "personal_data"
    UNDELIVERED_MESSAGES = "undelivered_messages"
    UNIT_HISTORY = "unit_history"


@dataclass(frozen=True, slots=True)
class Retention:
    """`period` None: kept for ever. It counts from the day of `counts_from`; `purged` says what goes."""

    period: PolicyName | None
    counts_from: str
    purged: str


RETENTION: dict[RetentionClass, Retention] = {
    RetentionClass.CALL_RECORDS: Retention(PolicyName.CALL_RECORDS_MONTHS, "the start of the call", "the record"),
    RetentionClass.CONNECTION_LOGS: Retention(PolicyName.CONNECTION_LOGS_DAYS, "the entry", "the entry"),
    RetentionClass.PERSONAL_DATA: Retention(
        PolicyName.PERSONAL_DATA_DAYS,
        "the closing of the account",
        "names, addresses, e-mail, usernames, registered locations, verification records",
    ),
    RetentionClass.UNDELIVERED_MESSAGES: Retention(
        PolicyName.UNDELIVERED_MESSAGES_DAYS, "the message", "the message, by the message service"
    ),
    RetentionClass.UNIT_HISTORY: Retention(None, "the unit's making", "nothing: it names no person"),
}


def purge_from(data: RetentionClass, counted_from: date, today: date, policy: PolicyBook) -> date | None:
    """The first date on which data of that class, of the local day `counted_from`, is purged; None: never.

    The period is the one in force `today`: a purge acts by the rule of its own day, also on older data.
    """
    name = RETENTION[data].period
    if name is None:
        return None
    period = policy.on(name, today)
    if name is PolicyName.CALL_RECORDS_MONTHS:
        return months_after(counted_from, period)  # over at the first instant of the day it ends
    return counted_from + timedelta(days=period) + ONE_DAY  # the last day of the period is kept whole


def purged_until(data: RetentionClass, today: date, policy: PolicyBook) -> date | None:
    """The last local day whose data of that class is purged `today`; None: none ever is."""
    if RETENTION[data].period is None:
        return None
    day = today
    while not is_due(data, day, today, policy):  # day by day: months are of many lengths
        day -= ONE_DAY
    return day


def is_due(data: RetentionClass, counted_from: date, today: date, policy: PolicyBook) -> bool:
    """Whether data of the local day `counted_from` is purged today."""
    first = purge_from(data, counted_from, today, policy)
    return first is not None and first <= today


@dataclass(frozen=True, slots=True)
class PurgeProof:
    """What a purge job did: how many records, and a digest over their ids that whoever had a list can check."""

    data: RetentionClass
    on: date
    count: int
    first: str
    last: str
    sha256: str


def purge_proof(data: RetentionClass, on: date, ids: Sequence[str]) -> PurgeProof:
    """The proof for records named `ids`, in any order; names that say nothing of what was in them."""
    ordered = sorted(ids)
    digest = sha256("".join(f"{name}\n" for name in ordered).encode()).hexdigest()
    first, last = (ordered[0], ordered[-1]) if ordered else ("", "")
    return PurgeProof(data, on, len(ordered), first, last, digest)
