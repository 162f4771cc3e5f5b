"""Whether a unit may be returned from its trial, and by when (equipment rules 4, es 7.b)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fleet.domain.inspection import Inspection
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason
from fleet.domain.return_deadline import ReturnVerdict, Timeliness

TRIAL_RULE = "ER 4, es 7.b"


@dataclass(frozen=True, slots=True)
class TrialVerdict:
    """`accepted`: no reimbursement fee, and for a bought unit the price less the restocking fee."""

    accepted: bool
    reason: Reason


def may_open_trial_return(order_date: date, opened_on: date, policy: PolicyBook) -> TrialVerdict:
    """Whether a trial return of `opened_on` comes in time after the Order Date."""
    last_day = order_date + timedelta(policy.on(PolicyName.TRIAL_OPEN_DAYS, order_date))
    text = f"Ordered on {order_date}: a trial return is opened by {last_day}; this one was on {opened_on}."
    return TrialVerdict(opened_on <= last_day, Reason(TRIAL_RULE, text))


def judge_trial(verdict: ReturnVerdict, inspection: Inspection) -> TrialVerdict:
    """Whether a returned unit came in time, in original condition, with all accessories."""
    if verdict.timeliness is not Timeliness.IN_TIME:
        return TrialVerdict(False, verdict.reason)
    text = f"{verdict.reason.text} The inspection found {inspection.code}."
    return TrialVerdict(inspection.is_original, Reason(TRIAL_RULE, text))
