"""When a message that could not be delivered is tried again, and when it is given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

FIRST_RETRY_S: Final = 15
MAX_RETRY_S: Final = 6 * 3600
MAX_ATTEMPTS: Final = 14  # the last comes about 20 hours after the first
JITTER: Final = 0.25  # of the pause, so that many failures do not return at one moment


class DeliveryState(StrEnum):
    """Where a message of the outbox stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message leased for delivery; `attempt` counts from 1, the lease ends by itself at `leased_until`."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempt: int
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A message as people see it; the payload stays inside."""

    id: int
    kind: str
    key: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    last_error: str | None


class DeliveryError(Exception):
    """A message was not delivered; `permanent` if trying again cannot help."""

    def __init__(self, message: str, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


def retry_after(attempt: int, chance: float) -> timedelta | None:
    """The pause after failed attempt number `attempt` (from 1), None to give up; `chance` is in [0, 1)."""
    if attempt >= MAX_ATTEMPTS:
        return None
    pause_s = min(FIRST_RETRY_S * 2 ** (attempt - 1), MAX_RETRY_S)
    return timedelta(seconds=pause_s * (1 - JITTER + 2 * JITTER * chance))
