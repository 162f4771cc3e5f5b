"""An account is open until it is closed, which it is for good, and only without services."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleet.domain.account import ACCOUNT, Account, AccountEvent, AccountState, check_name, close
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ACCOUNT_7 = Account(7, "Blue Heron Dental", True, NOW)


def test_an_account_without_services_is_closed_and_begins_nothing_any_more() -> None:
    ACCOUNT_7.check_open()
    closed = close(ACCOUNT_7, 0, NOW)
    assert (ACCOUNT_7.state, closed.state, closed.closed_at) == (AccountState.OPEN, AccountState.CLOSED, NOW)
    with pytest.raises(ConflictError, match="AC-7 is closed"):
        closed.check_open()


def test_an_account_is_closed_once_and_never_while_a_service_runs() -> None:
    with pytest.raises(ConflictError, match="2 services of AC-7 still run"):
        close(ACCOUNT_7, 2, NOW)
    with pytest.raises(IllegalTransitionError, match="AC-7 is closed"):
        close(close(ACCOUNT_7, 0, NOW), 0, NOW)
    assert ACCOUNT == {(AccountState.OPEN, AccountEvent.CLOSE): AccountState.CLOSED}


@pytest.mark.parametrize("text", ["", "   ", "x" * 121])
def test_a_name_is_bounded_and_kept_without_needless_spaces(text: str) -> None:
    assert check_name("  Blue   Heron ") == "Blue Heron"
    with pytest.raises(InvalidError):
        check_name(text)
