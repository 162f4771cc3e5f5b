"""Who or what ends a unit's service, and whether that frees it of the reimbursement fee (equipment rules 3.4)."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason


class EndCause(StrEnum):
    """Why the service of a unit ends."""

    ACCOUNT = "account"  # a cancellation, the last line taken from the unit
    BREACH = "breach"  # we end it for a breach by the Account
    OPERATOR = "operator"  # we end it without one
    HARMFUL_CHANGE = "harmful_change"
    FORCE_MAJEURE = "force_majeure"


WAIVERS: dict[EndCause, Reason] = {
    EndCause.OPERATOR: Reason("ER 3.4", "The operator ends the service without a breach by the Account."),
    EndCause.HARMFUL_CHANGE: Reason("ER 3.4, ToS 30.b", "The Account ends the service over a change that harms it."),
    EndCause.FORCE_MAJEURE: Reason("ER 3.4, ToS 32.c", "The service ends over force majeure that lasts too long."),
}


def check_effective(told_on: date, takes_effect_on: date, policy: PolicyBook) -> None:
    """InvalidError unless Administrators are told early enough of a change that harms them (ER 6, ToS 30)."""
    earliest = told_on + timedelta(policy.on(PolicyName.CHANGE_OBJECTION_DAYS, told_on))
    if takes_effect_on < earliest:
        raise InvalidError(
            f"told on {told_on}, a change that harms takes effect on {earliest} or later, got {takes_effect_on}"
        )


def over_harmful_change(notified_on: date, objected_on: date, policy: PolicyBook) -> tuple[EndCause, Reason]:
    """The cause when an Account told of a change on `notified_on` says on `objected_on` that it ends over it.

    An objection after the last day of the period is an ordinary cancellation.
    """
    last_day = notified_on + timedelta(policy.on(PolicyName.CHANGE_OBJECTION_DAYS, notified_on))
    if objected_on <= last_day:
        return EndCause.HARMFUL_CHANGE, WAIVERS[EndCause.HARMFUL_CHANGE]
    late = f"The objection of {objected_on} came after {last_day}: the service ends as by any cancellation."
    return EndCause.ACCOUNT, Reason("ER 3.4, ToS 30.b", late)


def over_force_majeure(began_on: date, asked_on: date, policy: PolicyBook) -> tuple[EndCause, Reason]:
    """The cause when service is ended on `asked_on` over an event that has lasted since `began_on`.

    The day it began is day 0; it has lasted too long from the day after the last day of the period on.
    """
    last_day = began_on + timedelta(policy.on(PolicyName.FORCE_MAJEURE_DAYS, began_on))
    if asked_on > last_day:
        return EndCause.FORCE_MAJEURE, WAIVERS[EndCause.FORCE_MAJEURE]
    early = f"Force majeure since {began_on} frees no Account through {last_day}; it was asked on {asked_on}."
    return EndCause.ACCOUNT, Reason("ER 3.4, ToS 32.c", early)
