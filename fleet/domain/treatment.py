"""How units take a rollout's update: whether they restart into it at all, and when. Pure.

Never in a call, whatever is said here: the unit itself refuses that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from fleet.domain.errors import InvalidError

# A unit keeps instants in 32 bits of seconds, and this is the last of them: what is held back until then is never due.
NEVER = datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)


class Mode(StrEnum):
    """SOFT: in the unit's maintenance hours, from a deadline on at any hour. FORCED: as soon as it is loaded.

    DOWNLOAD_ONLY: loaded, verified and kept; another rollout of the release restarts the unit into it.
    """

    SOFT = "soft"
    FORCED = "forced"
    DOWNLOAD_ONLY = "download_only"


@dataclass(frozen=True, slots=True)
class Treatment:
    """`urgent`: a security fix that no hour may hold back (ER 6), so it is forced.

    `not_before`: no restart earlier; `deadline`: from then on maintenance hours hold back nothing; None: free.
    """

    mode: Mode = Mode.SOFT
    urgent: bool = False
    not_before: datetime | None = None
    deadline: datetime | None = None

    @classmethod
    def asked(
        cls, mode: Mode | None, urgent: bool, not_before: datetime | None, deadline: datetime | None
    ) -> Treatment:
        """What a person asked for; what is urgent is forced without saying so."""
        return cls(mode or (Mode.FORCED if urgent else Mode.SOFT), urgent, not_before, deadline)

    def check(self, without_flag: Collection[str], now: datetime) -> None:
        """InvalidError for what cannot be meant together; `without_flag`: images not signed as a security fix."""
        if self.deadline is not None and self.mode is not Mode.SOFT:
            raise InvalidError(f"a deadline is for mode soft, and this is {self.mode}; leave one of them out")
        if self.not_before is not None and (self.urgent or self.mode is Mode.DOWNLOAD_ONLY):
            what = "urgent" if self.urgent else "download_only, which restarts nobody"
            raise InvalidError(f"not_before holds a restart back, and this is {what}; leave one of them out")
        if self.deadline is not None and self.deadline <= max(now, self.not_before or now):
            raise InvalidError(f"the deadline {self.deadline} is over, or not after the earliest restart")
        if self.urgent and self.mode is not Mode.FORCED:
            raise InvalidError(f"an urgent rollout is forced, and this is {self.mode}; leave the mode or urgent out")
        if self.urgent and without_flag:
            named = ", ".join(without_flag)
            raise InvalidError(f"urgent is for security fixes; not signed as one (--security): {named}; leave it out")

    def order_times(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """(not before, deadline) of an order signed at `now`; a unit knows nothing else of this."""
        if self.mode is Mode.DOWNLOAD_ONLY:
            return NEVER, None
        return self.not_before, now if self.mode is Mode.FORCED else self.deadline

    @property
    def in_words(self) -> str:
        """As people read it: `soft until 2026-12-01 02:00 UTC`."""
        words = "urgent" if self.urgent else self.mode.replace("_", " ")
        if self.not_before is not None:
            words += f", not before {_time(self.not_before)}"
        return words if self.deadline is None else f"{words} until {_time(self.deadline)}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


SOFTLY = Treatment()
