"""Why a decision came out as it did: the rule it rests on and a sentence, or what people say of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fleet.domain.errors import InvalidError

MAX_WHY_CHARACTERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Reason:
    """`rule` as the equipment rules cite it (`ER 5, ToS 9.b`); `text` is a whole sentence with the values seen."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.rule})"


def check_why(why: str) -> None:
    """InvalidError unless people say why they do something, at bearable length."""
    if not 1 <= len(why.strip()) <= MAX_WHY_CHARACTERS:
        raise InvalidError(f"say why in 1 to {MAX_WHY_CHARACTERS} characters, got {len(why)}: it is kept")
