"""Notices and calendars that the tests of cancellations share."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from fleet.domain.cancellation_notice import Notice, NoticeChannel
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope
from fleet.domain.federal_reserve import federal_reserve_calendar
from fleet.domain.policy import PolicyBook
from fleet.domain.proof_of_identity import ProofMethod, Verification

NEW_YORK = ZoneInfo("America/New_York")
POLICY = PolicyBook()
CALENDAR = federal_reserve_calendar(2024, 2030)
VERIFIED = Verification(ProofMethod.SECURITY_QUESTIONS, "PE-7")


def day(text: str) -> date:
    return date.fromisoformat(text)


def local(text: str) -> datetime:
    """An instant by the clock in New York, like `2025-06-10 11:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def call(at: str, asked_for: str | None = None, scope: Scope = WHOLE_ACCOUNT) -> Notice:
    """A notice by phone that counts."""
    asked = None if asked_for is None else day(asked_for)
    return Notice(local(at), NoticeChannel.PHONE, "PE-1", asked, scope, VERIFIED)
