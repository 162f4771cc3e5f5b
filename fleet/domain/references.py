"""The names people and programs use for numbered things: AC-1, OR-7, RMA-12."""

from __future__ import annotations

from enum import StrEnum

from fleet.domain.errors import NotFoundError

MAX_REFERENCE_DIGITS = 12


class Noun(StrEnum):
    """The letters in front of the number."""

    ACCOUNT = "AC"
    ORDER = "OR"
    RMA = "RMA"
    BLIND_RETURN = "BR"
    MAC_BLOCK = "MB"
    MAC_LEASE = "ML"
    CANCELLATION = "CN"
    DISTRIBUTOR = "DI"
    BREACH_NOTICE = "BN"
    CHANGE_NOTICE = "CH"
    CLONE_ALARM = "CA"
    PERSON = "PE"
    TOKEN = "TO"  # noqa: S105 - the letters in front of a number
    ROLLOUT = "RO"
    MINIMUM_VERSION = "MV"
    NUMBER = "NU"
    CALL = "CL"
    DESTINATION_BLOCK = "DB"
    USE_REVIEW = "UR"


def refer(noun: Noun, number: int) -> str:
    """The reference of the `number`-th thing of that kind."""
    return f"{noun}-{number}"


def number_of(noun: Noun, reference: str) -> int:
    """The number in `reference`; NotFoundError for one of no or another kind, since nothing has that name."""
    digits = reference.removeprefix(f"{noun}-")
    canonical = digits.isascii() and digits.isdecimal() and not digits.startswith("0")
    if digits == reference or not canonical or len(digits) > MAX_REFERENCE_DIGITS:
        raise NotFoundError(f"nothing is called {reference!r}; this takes a reference like {noun}-1")
    return int(digits)
