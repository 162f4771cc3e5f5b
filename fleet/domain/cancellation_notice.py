"""Whether a cancellation was asked for by somebody who may, and in the way the terms allow (ToS 3, 4, 9.b, 9.c)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope
from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import local_date, local_time
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.proof_of_identity import PHONE_PROOFS, Verification


class NoticeChannel(StrEnum):
    """How a cancellation reaches us."""

    PHONE = "phone"
    DISTRIBUTOR = "distributor"


@dataclass(frozen=True, slots=True)
class Notice:
    """`at`: the instant the call began, or of our receipt. `asked_for` None: the earliest date.

    `administrator` is the person's reference. `passed_on_by` names the Authorized Distributor.
    """

    at: datetime
    channel: NoticeChannel
    administrator: str
    asked_for: date | None = None
    scope: Scope = WHOLE_ACCOUNT
    verification: Verification | None = None
    passed_on_by: str = ""


class NoticeRefusedError(InvalidError):
    """The notice does not count; nothing was cancelled."""

    code = "notice_refused"


def check_notice(notice: Notice, administrators: AbstractSet[str], policy: PolicyBook, zone: tzinfo) -> Notice:
    """`notice`, if it counts; else NoticeRefusedError, which says what is missing."""
    if notice.administrator not in administrators:
        raise NoticeRefusedError(f"only an Administrator of the account cancels; {notice.administrator} is none")
    if not notice.scope:
        raise NoticeRefusedError("the notice names no service of the account; name the lines, or all")
    if notice.channel is NoticeChannel.PHONE:
        _check_call(notice, policy, zone)
    elif not notice.passed_on_by:
        raise NoticeRefusedError("say which Authorized Distributor passed the notice on")
    return notice


def _check_call(notice: Notice, policy: PolicyBook, zone: tzinfo) -> None:
    if notice.verification is None or notice.verification.method not in PHONE_PROOFS:
        proofs = " or ".join(sorted(PHONE_PROOFS))
        raise NoticeRefusedError(f"a caller is verified by {proofs}, and that is recorded, got {notice.verification}")
    # ToS 9.b: by the instant the call begins, however long it lasts.
    began, today = local_time(notice.at, zone), local_date(notice.at, zone)
    opens = policy.on(PolicyName.PHONE_OPENS_HOUR, today)
    closes = policy.on(PolicyName.PHONE_CLOSES_HOUR, today)
    if not opens <= began.hour < closes:
        raise NoticeRefusedError(
            f"cancellations are taken by phone from {opens}:00 to {closes}:00, the call began at {began:%H:%M}"
        )
