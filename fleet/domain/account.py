"""An account: the customer, open until it is closed; whether it has service is a condition of Activation (ToS 1.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.references import Noun, refer
from fleet.domain.transitions import advance

MAX_NAME_CHARACTERS = 120


class AccountState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class AccountEvent(StrEnum):
    CLOSE = "close"


# For good: who comes back opens another account.
ACCOUNT: dict[tuple[AccountState, AccountEvent], AccountState] = {
    (AccountState.OPEN, AccountEvent.CLOSE): AccountState.CLOSED
}


@dataclass(frozen=True, slots=True)
class Account:
    """Suspension and the end of service make `service_available` false (equipment rules, section 5)."""

    id: int
    name: str
    service_available: bool
    created_at: datetime
    closed_at: datetime | None = None

    @property
    def state(self) -> AccountState:
        """Open until it is closed."""
        return AccountState.OPEN if self.closed_at is None else AccountState.CLOSED

    @property
    def reference(self) -> str:
        """The public id, and what the audit keeps."""
        return refer(Noun.ACCOUNT, self.id)

    def check_open(self) -> None:
        """ConflictError for a closed account: nothing begins there any more."""
        if self.state is AccountState.CLOSED:
            raise ConflictError(f"{self.reference} is closed; open another account")


def close(account: Account, services_running: int, at: datetime) -> Account:
    """The account, closed `at` (equipment rules 8); ConflictError while a service of it runs."""
    advance(ACCOUNT, account.state, AccountEvent.CLOSE, account.reference)
    if services_running:
        raise ConflictError(
            f"{services_running} services of {account.reference} still run; cancel them all first, then close it"
        )
    return replace(account, closed_at=at.astimezone(UTC))


def check_name(text: str) -> str:
    """A name without the spaces around it; InvalidError if nothing or too much is left."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise InvalidError(f"an account's name has 1 to {MAX_NAME_CHARACTERS} characters, got {len(name)}")
    return name
