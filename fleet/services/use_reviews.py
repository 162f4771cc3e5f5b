"""Each month the use of every account is measured against its plan's, and who is out of pattern listed (ER 7).

A person looks at the evidence and says what it is; that is kept, and does nothing by itself. Suspending an account and
blocking destinations are acts of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.local_dates import local_date, months_after
from fleet.domain.order import Plan
from fleet.domain.policy import PolicyName
from fleet.domain.reason import check_why
from fleet.domain.reasonable_use import (
    Evidence,
    Outcome,
    UseReview,
    bounds_of_month,
    check_undecided,
    last_whole_month,
    out_of_pattern,
    use_of,
)
from fleet.domain.references import Noun, refer
from fleet.services.operators import require_operator
from fleet.store.call_records import CallFilter, CallRecordRepository
from fleet.store.policy import PolicyRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.use_reviews import UseReviewRepository


class UseReviews:
    """The operator's: what an account is measured against tells of others. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def page(
        self, actor: Actor, limit: int, after: int | None, month: date | None = None, open_only: bool = False
    ) -> list[UseReview]:
        """At most `limit` reviews above `after`: of a month the most use first."""
        require_operator(actor, Permission.USE_READ)
        with self._transactions.read(actor) as uow:
            return UseReviewRepository(uow).page(limit, after, month, open_only)

    def get(self, actor: Actor, review_id: int) -> UseReview:
        """One review, with its evidence."""
        require_operator(actor, Permission.USE_READ)
        with self._transactions.read(actor) as uow:
            return UseReviewRepository(uow).get(review_id)

    def decide(self, actor: Actor, review_id: int, outcome: Outcome, why: str) -> UseReview:
        """Keep what a person found, once; ConflictError if somebody did before."""
        require_operator(actor, Permission.USE_REVIEW)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            review = UseReviewRepository(uow).hold(review_id)
            check_undecided(review)
            decided = UseReviewRepository(uow).decide(review, outcome, why)
            uow.audit(AuditAction.USE_DECIDE, review.reference, ["outcome", "why"], review.account_id)
            uow.commit()
            return decided

    def measure(self, actor: Actor) -> int:
        """Measure every month that is over and was not yet, the first run the last one alone; how many there were."""
        count = 0
        while self._measure_next(actor):
            count += 1
        return count

    def _measure_next(self, actor: Actor) -> bool:
        with self._transactions.begin(actor) as uow:
            reviews, policy = UseReviewRepository(uow), PolicyRepository(uow).book()
            late_days = policy.on(PolicyName.LATE_CALL_RECORDS_DAYS, local_date(uow.now, self._zone))
            newest, last = last_whole_month(uow.now, self._zone, late_days), reviews.last_month()
            month = newest if last is None else months_after(last, 1)
            if month > newest:
                return False
            since, until = bounds_of_month(month, self._zone)
            uses, plans = CallRecordRepository(uow).use_by_account(since, until), reviews.in_service(since, until)
            percent = policy.on(PolicyName.REASONABLE_USE_PERCENT, month)
            for plan in Plan:
                theirs = {account: uses.get(account, 0) for account, had in plans.items() if had is plan}
                self._measure_plan(uow, month, plan, theirs, percent)
            uow.commit()
            return True

    def _measure_plan(self, uow: UnitOfWork, month: date, plan: Plan, uses: Mapping[int, int], percent: int) -> None:
        limit_ms, listed = out_of_pattern(uses, percent)
        reviews, records = UseReviewRepository(uow), CallRecordRepository(uow)
        reviews.note_measured(month, plan, len(uses), limit_ms, percent)
        since, until = bounds_of_month(month, self._zone)
        before, _ = bounds_of_month(months_after(month, -1), self._zone)
        for rank, account_id in enumerate(listed, start=1):
            earlier = records.totals(CallFilter(account_id, since=before, until=since))
            calls = records.each(CallFilter(account_id, since=since, until=until))
            evidence = Evidence(
                use=use_of(call.taken_in.record for call in calls),
                limit_ms=limit_ms,
                percent=percent,
                accounts=len(uses),
                rank=rank,
                before_ms=earlier.outgoing_ms + earlier.incoming_ms,
            )
            name = refer(Noun.USE_REVIEW, reviews.add(account_id, month, until, plan, evidence))
            uow.audit(AuditAction.USE_MEASURE, name, ["evidence"], account_id)
            account = refer(Noun.ACCOUNT, account_id)
            told = {"event": "use.out_of_pattern", "review": name, "account": account, "month": f"{month:%Y-%m}"}
            uow.send("webhook", f"use:{name}", told)
