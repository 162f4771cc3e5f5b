"""When a unit is Activated: the first instant at which three conditions hold together (ToS 1.3); billing starts there.

- Changes are facts, in any order of arrival. A condition that both begins and ends at one instant does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from fleet.domain.policy import PolicyBook, PolicyName


class Condition(StrEnum):
    """What must hold for Activation."""

    ON_INTERNET = "on_internet"
    REGISTERED = "registered"
    SERVICE_AVAILABLE = "service_available"


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` on `condition` holds or does not."""

    at: datetime
    condition: Condition
    holds: bool


def activated_at(changes: Iterable[Change]) -> datetime | None:
    """The instant of Activation, in UTC; None while the three have never held together."""
    # False sorts after True here, so that the end of a condition wins over its beginning at the same instant.
    ordered = sorted(changes, key=lambda change: (_utc(change), not change.holds))
    holding: set[Condition] = set()
    for at, together in groupby(ordered, key=_utc):
        for change in together:
            (holding.add if change.holds else holding.discard)(change.condition)
        if len(holding) == len(Condition):
            return at
    return None


def _utc(change: Change) -> datetime:
    return change.at.astimezone(UTC)


def service_term_begins(activated_on: date | None, order_date: date, policy: PolicyBook) -> date:
    """The Term of a service: from the earlier of Activation and Order Date + 30 days (ToS 1.27, 9.a)."""
    latest = order_date + timedelta(policy.on(PolicyName.START_WITHOUT_ACTIVATION_DAYS, order_date))
    return latest if activated_on is None else min(activated_on, latest)
