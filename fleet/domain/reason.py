"""Why a decision came out as it did: the rule it rests on, and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """`rule` as the equipment rules cite it (`ER 5, ToS 9.b`); `text` is a whole sentence with the values seen."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.rule})"
