"""What a unit's line may do now, and why: nothing, emergency calls only, outgoing calls only, all (equipment rules 7).

- Nothing but a quarantined or revoked identity, or the law, takes 911 away from a unit at an account.
- The first reason in the order below is the one that is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet.domain.admission import WITH_ACCOUNT
from fleet.domain.phone_number import HELD, NumberState
from fleet.domain.reason import Reason
from fleet.domain.registered_location import LocationState
from fleet.domain.suspension import AccountService
from fleet.domain.unit import Custody, Trust


class LineLevel(StrEnum):
    """The names of the wire's LINE_LEVELS."""

    NONE = "none"
    EMERGENCY_ONLY = "emergency_only"
    OUTGOING_ONLY = "outgoing_only"  # emergency calls among them
    FULL = "full"


# Service is available to the account (ToS 1.3): a line for emergency calls alone is none (docs/decisions/0012).
IN_SERVICE = frozenset({LineLevel.OUTGOING_ONLY, LineLevel.FULL})


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What the decision rests on. `number` None: the line has none. `refused_security_update`: a mandatory one.

    `came_on`: the unit has registered from its account; until then a unit it replaces keeps the line (ER 4).
    `waits_for_call`: it has, and a call is up on the unit it replaces.
    """

    custody: Custody
    trust: Trust
    account_service: AccountService
    location: LocationState
    number: NumberState | None
    unit_in_service: bool = True
    country_blocked: bool = False
    refused_security_update: bool = False
    came_on: bool = True
    waits_for_call: bool = False


@dataclass(frozen=True, slots=True)
class LineAllowance:
    level: LineLevel
    reason: Reason


_LOCATION = {
    LocationState.MISSING: "No registered location is known; voice waits for it.",
    LocationState.UNACKNOWLEDGED: "The 911 disclosure is not acknowledged; voice waits for it.",
    LocationState.NETWORK_CHANGED: "The unit is on another public network; its registered location is asked for again.",
}


def line_allowance(facts: LineFacts) -> LineAllowance:
    """The allowance of one unit's line. Metering, fraud rules and maintenance are not asked: they never stop 911."""
    missing = _why_no_line(facts)
    if missing is not None:
        return LineAllowance(LineLevel.NONE, missing)
    withheld = _why_no_voice(facts)
    if withheld is None and facts.waits_for_call:
        withheld = Reason("ER 4", "A call is up on the unit it replaces; the line comes over when it ends.")
    if withheld is not None:
        return LineAllowance(LineLevel.EMERGENCY_ONLY, withheld)
    if facts.number is NumberState.PORTING_IN:
        reason = Reason("ER 7, ToS 22.a", "The number is being ported in: outgoing calls only until that is effective.")
        return LineAllowance(LineLevel.OUTGOING_ONLY, reason)
    return LineAllowance(LineLevel.FULL, Reason("ER 7", "Nothing stands against it."))


def _why_no_line(facts: LineFacts) -> Reason | None:
    if facts.trust is not Trust.GOOD:
        return Reason("ER 2, ER 7", f"The unit's identity is {facts.trust}.")
    if facts.custody not in WITH_ACCOUNT:
        return Reason("ER 1", f"The unit is {facts.custody}: no account has it.")
    if not facts.came_on:
        return Reason("ER 4", "The unit has not come on at its account yet.")
    if facts.country_blocked:
        return Reason("ER 6, ToS 32.o", "The unit registered from a country on the export block list.")
    return None


def _why_no_voice(facts: LineFacts) -> Reason | None:
    if facts.account_service is AccountService.SUSPENDED:
        return Reason("ER 5", "The account is suspended.")
    if facts.account_service is AccountService.ENDED or not facts.unit_in_service:
        return Reason("ER 5", "The service of the account or of this unit has ended.")
    if facts.location is not LocationState.CURRENT:
        return Reason("ER 7", _LOCATION[facts.location])
    if facts.refused_security_update:
        return Reason("ER 6", "The unit refused a mandatory security update; installing it brings voice back.")
    if facts.number not in HELD:
        return Reason("ER 7", f"The line has no number of the account ({facts.number or 'none'}).")
    return None
