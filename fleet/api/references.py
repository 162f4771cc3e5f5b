"""Public ids in paths and bodies: PE-1, TO-1, AC-1, and the numbers behind them."""

from __future__ import annotations

from fleet.domain.references import Noun, number_of, refer


def present_account(account_id: int | None) -> str | None:
    """AC-1, or None for who belongs to no account."""
    return None if account_id is None else refer(Noun.ACCOUNT, account_id)


def account_number(reference: str | None) -> int | None:
    """The number in AC-1; NotFoundError for what is no account's name."""
    return None if reference is None else number_of(Noun.ACCOUNT, reference)
