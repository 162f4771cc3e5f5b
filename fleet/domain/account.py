"""An account: the customer; whether service is available to it is one condition of Activation (ToS 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fleet.domain.errors import InvalidError

MAX_NAME_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Account:
    """Suspension and the end of service make `service_available` false (equipment rules, section 5)."""

    id: int
    name: str
    service_available: bool
    created_at: datetime


def check_name(text: str) -> str:
    """A name without the spaces around it; InvalidError if nothing or too much is left."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise InvalidError(f"an account's name has 1 to {MAX_NAME_CHARACTERS} characters, got {len(name)}")
    return name
