"""Measured months, and the accounts out of pattern in them; the operator's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, insert, or_, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.order import Plan
from fleet.domain.reasonable_use import Evidence, Outcome, Use, UseReview
from fleet.domain.references import Noun, refer
from fleet.domain.term import ServiceEnded
from fleet.store.scope import in_scope
from fleet.store.tables.calls import use_measurements, use_reviews
from fleet.store.tables.commerce import accounts, order_lines, orders, placements, term_events
from fleet.store.terms import KINDS
from fleet.store.unit_of_work import UnitOfWork


class UseReviewRepository:
    """What an account's use was measured against tells of others: accounts see none of it."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, use_reviews.c.account_id)

    def last_month(self) -> date | None:
        """The last month that was measured."""
        month: date | None = self._connection.scalar(select(func.max(use_measurements.c.month)))
        return month

    def in_service(self, since: datetime, until: datetime) -> dict[int, Plan]:
        """The plan of each account that had service of a unit at some time between, by its first order."""
        theirs = (placements.c.account_id == accounts.c.id, placements.c.activated_at < until)
        ended = (term_events.c.kind == KINDS[ServiceEnded], term_events.c.at <= since)
        over = exists().where(term_events.c.placement_id == placements.c.id, *ended)
        active = exists().where(*theirs, or_(placements.c.until.is_(None), placements.c.until > since), ~over)
        ordered = orders.c.id.in_(select(order_lines.c.order_id).where(~order_lines.c.brought))
        first = select(orders.c.plan).where(orders.c.account_id == accounts.c.id, ordered).order_by(orders.c.id)
        rows = self._connection.execute(select(accounts.c.id, first.limit(1).scalar_subquery()).where(active))
        return {account: Plan(plan or Plan.MONTHLY) for account, plan in rows}

    def note_measured(self, month: date, plan: Plan, count: int, limit_ms: int, percent: int) -> None:
        """A month was measured for a plan: what the limit was, and of how many accounts."""
        values = {"month": month, "plan": plan, "accounts": count, "limit_ms": limit_ms, "percent": percent}
        self._connection.execute(insert(use_measurements).values(values | {"measured_at": self._uow.now}))

    def add(self, account_id: int, month: date, ended_at: datetime, plan: Plan, evidence: Evidence) -> int:
        """List an account for review; the number of the review."""
        values = {
            "account_id": account_id,
            "month": month,
            "month_ended_at": ended_at,
            "plan": plan,
            "evidence": json.dumps(asdict(evidence)),
            "measured_at": self._uow.now,
            "why": "",
            "version": 1,
        }
        return int(
            self._connection.execute(insert(use_reviews).values(values).returning(use_reviews.c.id)).scalar_one()
        )

    def get(self, review_id: int) -> UseReview:
        """The review; NotFoundError if there is none."""
        return self._one(review_id, lock=False)

    def hold(self, review_id: int) -> UseReview:
        """The review, locked until this transaction ends; StaleVersionError if the actor saw another version."""
        review = self._one(review_id, lock=True)
        self._uow.check_seen(review.reference, review.version)
        return review

    def page(self, limit: int, after: int | None, month: date | None, open_only: bool) -> list[UseReview]:
        """At most `limit` reviews above `after`, in the order they were listed: of a month the most use first."""
        conditions: list[ColumnElement[bool]] = [use_reviews.c.id > (after or 0), self._scope]
        if month is not None:
            conditions.append(use_reviews.c.month == month)
        if open_only:
            conditions.append(use_reviews.c.outcome.is_(None))
        rows = self._connection.execute(select(use_reviews).where(*conditions).order_by(use_reviews.c.id).limit(limit))
        return [_review(row) for row in rows]

    def decide(self, review: UseReview, outcome: Outcome, why: str) -> UseReview:
        """The held review with what a person found."""
        values = {
            "outcome": outcome,
            "why": why,
            "decided_by": self._uow.actor.reference,
            "decided_at": self._uow.now,
            "version": review.version + 1,
        }
        self._connection.execute(update(use_reviews).where(use_reviews.c.id == review.id).values(values))
        return self.get(review.id)

    def _one(self, review_id: int, lock: bool) -> UseReview:
        query = select(use_reviews).where(use_reviews.c.id == review_id, self._scope)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no review {refer(Noun.USE_REVIEW, review_id)}")
        return _review(row)


def _review(row: Row[Any]) -> UseReview:
    return UseReview(
        id=row.id,
        account_id=row.account_id,
        month=row.month,
        plan=Plan(row.plan),
        evidence=_evidence(json.loads(row.evidence)),
        measured_at=row.measured_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        why=row.why,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        version=row.version,
    )


def _evidence(kept: dict[str, Any]) -> Evidence:
    countries: Sequence[Sequence[Any]] = kept["use"].pop("outgoing_ms_by_country")
    use = Use(**kept.pop("use"), outgoing_ms_by_country=tuple((name, ms) for name, ms in countries))
    return Evidence(use, **kept)
