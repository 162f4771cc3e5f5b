"""Which version a unit must run from a date on, and when one that refuses a security update loses voice (ER 6). Pure.

- A minimum names a release; who approves it is not who proposed it. It applies to an account's units from its date on,
  and no sooner than so many days after the account was told.
- Refusing is: the release is a security fix; a rollout offers the unit it or a newer one, and the offer still stands,
  neither begun on trial nor failed; and so many days on which the unit was heard, the offer stood and the unit did not
  take it. Whom nothing is offered, and who tried and failed, refuses nothing.
- Who refuses keeps emergency calls and the way to the update; voice is back with a version that is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.references import Noun, refer


class MinimumState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class MinimumEvent(StrEnum):
    APPROVE = "approve"
    WITHDRAW = "withdraw"


TRANSITIONS: Mapping[tuple[MinimumState, MinimumEvent], MinimumState] = {
    (MinimumState.PROPOSED, MinimumEvent.APPROVE): MinimumState.APPROVED,
    (MinimumState.PROPOSED, MinimumEvent.WITHDRAW): MinimumState.WITHDRAWN,
    (MinimumState.APPROVED, MinimumEvent.WITHDRAW): MinimumState.WITHDRAWN,
}


class Support(StrEnum):
    """How a unit stands to a minimum; REFUSES: it has lost voice."""

    SUFFICIENT = "sufficient"
    ENDS = "ends"
    ENDED = "ended"
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True)
class MinimumVersion:
    """From `begins_on` on units run `release` or newer. `board` None: on every board it has an image for."""

    id: int
    release: str
    board: str | None
    begins_on: date
    state: MinimumState
    author: str
    approver: str | None
    reason: str  # why it was withdrawn
    version: int

    @property
    def reference(self) -> str:
        """Its public id."""
        return refer(Noun.MINIMUM_VERSION, self.id)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a minimum asks of a unit. `told_on`: its account; None: not yet. `notice_days` have to pass since."""

    counter: int
    security: bool
    begins_on: date
    told_on: date | None
    notice_days: int

    @property
    def applies_on(self) -> date | None:
        """From when on; None while nobody was told."""
        if self.told_on is None:
            return None
        return max(self.begins_on, self.told_on + timedelta(self.notice_days))


@dataclass(frozen=True, slots=True)
class Tally:
    """On how many days the unit was heard with an offer that it did not take, and the last of them."""

    days: int = 0
    last_day: date | None = None

    def heard(self, day: date) -> Tally:
        """With `day` counted, once."""
        if self.last_day is not None and day <= self.last_day:
            return self
        return replace(self, days=self.days + 1, last_day=day)


def support(
    requirement: Requirement, counter: int, tally: Tally, offer_stands: bool, today: date, refusal_days: int
) -> Support:
    """How a unit that runs release counter `counter` stands to the requirement today."""
    if counter >= requirement.counter:
        return Support.SUFFICIENT
    applies_on = requirement.applies_on
    if applies_on is None or today < applies_on:
        return Support.ENDS
    refuses = requirement.security and offer_stands and tally.days >= refusal_days
    return Support.REFUSES if refuses else Support.ENDED


def check_begin(begins_on: date, today: date, notice_days: int) -> None:
    """InvalidError unless there is time to tell the accounts before."""
    earliest = today + timedelta(notice_days)
    if begins_on < earliest:
        raise InvalidError(
            f"accounts are told {notice_days} days before: {earliest} is the earliest day, got {begins_on}"
        )
