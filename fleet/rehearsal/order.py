"""The director's order as a unit reads it, and when the unit may restart into its image. Pure; UTC seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from fleet.rehearsal.behaviour import DAY_S


@dataclass(frozen=True, slots=True)
class Hours:
    """Maintenance hours: of one day as instants, and the same hours of every other day; equal ends: always."""

    from_s: int
    until_s: int

    def next(self, now_s: int) -> int:
        """The first moment in them, from `now_s` on."""
        into_s = (now_s - self.from_s) % DAY_S
        return now_s if self.from_s == self.until_s or into_s < self.until_s - self.from_s else now_s + DAY_S - into_s


@dataclass(frozen=True, slots=True)
class Order:
    """`sha256` of the image in hexadecimal, None: stay as you are; `not_before_s` and `deadline_s` 0: not set."""

    sequence: int
    sha256: str | None
    board: str
    not_before_s: int
    deadline_s: int
    expires_s: int

    @classmethod
    def read(cls, document: bytes) -> Order:
        """The order in the director's file, whose signature nobody checks here."""
        signed = json.loads(document)["signed"]
        target = signed["target"] or {}
        return cls(
            signed["version"],
            target.get("sha256"),
            target.get("board", ""),
            _instant(signed.get("not_before")),
            _instant(signed.get("deadline")),
            _instant(signed["expires"]),
        )

    def restart_s(self, now_s: int, hours: Hours | None) -> int:
        """The first moment from `now_s` on at which it lets the unit restart; a call is another matter."""
        earliest_s = max(now_s, self.not_before_s)
        within_s = earliest_s if hours is None else hours.next(earliest_s)
        return min(within_s, max(earliest_s, self.deadline_s)) if self.deadline_s else within_s


def _instant(text: str | None) -> int:
    return 0 if text is None else int(datetime.fromisoformat(text).timestamp())
