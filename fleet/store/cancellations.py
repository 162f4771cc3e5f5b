"""Cancellations, within an actor's scope."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from fleet.domain.billing_cycle import Period
from fleet.domain.cancellation import Cancellation, CancellationState
from fleet.domain.cancellation_effect import Effect
from fleet.domain.cancellation_notice import Notice, NoticeChannel
from fleet.domain.cancellation_scope import Scope
from fleet.domain.errors import NotFoundError
from fleet.domain.money import Money
from fleet.domain.proof_of_identity import ProofMethod, Verification
from fleet.domain.quote import QuoteLine, TermState
from fleet.domain.reason import Reason
from fleet.domain.references import Noun, refer
from fleet.domain.waiver import EndCause
from fleet.store.scope import in_scope
from fleet.store.tables.endings import cancellations
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class KeptCancellation:
    """A cancellation of an account with the `quote` its Administrator was told last, the `told`-th.

    `cause`: why the service ends by it: the account's own wish, or a waiver that was claimed for it.
    """

    account_id: int
    cancellation: Cancellation
    quote: tuple[QuoteLine, ...]
    told: int = 1
    cause: EndCause = EndCause.ACCOUNT
    version: int = field(default=1, compare=False)


class CancellationRepository:
    """An Administrator sees those of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now
        self._scope = in_scope(uow.actor, cancellations.c.account_id)

    def get(self, cancellation_id: int) -> KeptCancellation:
        """The cancellation; NotFoundError if there is none in the actor's scope."""
        found = self._some(cancellations.c.id == cancellation_id)
        if not found:
            raise NotFoundError(f"there is no cancellation {refer(Noun.CANCELLATION, cancellation_id)}")
        return found[0]

    def pending(self, account_id: int) -> list[KeptCancellation]:
        """Those of a held account that wait for their day, in the order of their ends."""
        return self._some(
            cancellations.c.account_id == account_id, cancellations.c.state == CancellationState.REQUESTED
        )

    def standing(self, account_id: int) -> list[KeptCancellation]:
        """Those that wait, were carried out or overtaken by another end, in the order of their ends."""
        states = [CancellationState.REQUESTED, CancellationState.COMPLETED, CancellationState.OVERTAKEN]
        return self._some(cancellations.c.account_id == account_id, cancellations.c.state.in_(states))

    def due(self, limit: int, tried: Sequence[int]) -> list[KeptCancellation]:
        """At most `limit` whose day has come, the earliest first, but those that were `tried`."""
        state = cancellations.c.state == CancellationState.REQUESTED
        ids = cancellations.c.id.not_in(tried)
        return self._some(state, cancellations.c.effect_at <= self._now, ids)[:limit]

    def page(self, account_id: int, limit: int, after: int | None) -> list[KeptCancellation]:
        """At most `limit` of an account with an id above `after`."""
        table = cancellations
        query = select(table).where(self._scope, table.c.account_id == account_id, table.c.id > (after or 0))
        return [_kept(row) for row in self._connection.execute(query.order_by(table.c.id).limit(limit))]

    def add(self, new: KeptCancellation) -> KeptCancellation:
        """Store a new one under the next number; its own id is ignored."""
        values = _values(new) | {"recorded_at": self._now, "recorded_by": self._actor.reference}
        statement = insert(cancellations).values(values).returning(cancellations.c.id)
        number = self._connection.execute(statement).scalar_one()
        return replace(new, cancellation=replace(new.cancellation, id=number))

    def save(self, kept: KeptCancellation) -> KeptCancellation:
        """Store one in its new state, one version on."""
        table = cancellations
        saved = update(table).where(table.c.id == kept.cancellation.id)
        saved = saved.values(**_values(kept), version=table.c.version + 1)
        return replace(kept, version=self._connection.execute(saved.returning(table.c.version)).scalar_one())

    def _some(self, *conditions: ColumnElement[bool]) -> list[KeptCancellation]:
        table = cancellations
        query = select(table).where(self._scope, *conditions).order_by(table.c.effect_at, table.c.id)
        return [_kept(row) for row in self._connection.execute(query)]


def _values(kept: KeptCancellation) -> dict[str, Any]:
    notice, effect = kept.cancellation.notice, kept.cancellation.effect
    return {
        "account_id": kept.account_id,
        "noticed_at": notice.at,
        "channel": notice.channel,
        "administrator": notice.administrator,
        "asked_for": notice.asked_for,
        "everything": kept.cancellation.scope.everything,
        "names": json.dumps(sorted(kept.cancellation.scope.names)),
        "proof": notice.verification and notice.verification.method,
        "verified_by": notice.verification and notice.verification.verified_by,
        "passed_on_by": notice.passed_on_by,
        "effect_on": effect.on,
        "effect_at": effect.at,
        "avoids": effect.avoids,
        "renewed_from": effect.renewed and effect.renewed.begins,
        "renewed_until": effect.renewed and effect.renewed.ends,
        "reason_rule": effect.reason.rule,
        "reason_text": effect.reason.text,
        "state": kept.cancellation.state,
        "quote": json.dumps([_line_values(line) for line in kept.quote]),
        "quotes_told": kept.told,
        "cause": kept.cause,
    }


def _kept(row: Row[Any]) -> KeptCancellation:
    scope = Scope(frozenset(json.loads(row.names)), row.everything)
    proof = None if row.proof is None else Verification(ProofMethod(row.proof), row.verified_by)
    notice = Notice(
        at=row.noticed_at,
        channel=NoticeChannel(row.channel),
        administrator=row.administrator,
        asked_for=row.asked_for,
        scope=scope,
        verification=proof,
        passed_on_by=row.passed_on_by,
    )
    renewed = None if row.renewed_from is None else Period(row.renewed_from, row.renewed_until)
    reason = Reason(row.reason_rule, row.reason_text)
    effect = Effect(row.effect_on, row.effect_at, row.avoids, renewed, reason)
    cancellation = Cancellation(row.id, notice, effect, scope, CancellationState(row.state))
    quote = tuple(_line(values) for values in json.loads(row.quote))
    return KeptCancellation(row.account_id, cancellation, quote, row.quotes_told, EndCause(row.cause), row.version)


def _line_values(line: QuoteLine) -> dict[str, Any]:
    days = {name: day and day.isoformat() for name, day in (("from", line.term_from), ("until", line.term_until))}
    facts = asdict(line) | {"fee": line.fee.cents, "term_from": days["from"], "term_until": days["until"]}
    return facts


def _line(values: dict[str, Any]) -> QuoteLine:
    days = {name: values[name] and date.fromisoformat(values[name]) for name in ("term_from", "term_until")}
    return QuoteLine(**values | days | {"fee": Money(values["fee"]), "state": TermState(values["state"])})
