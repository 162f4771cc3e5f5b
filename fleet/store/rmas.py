"""RMAs and the steps of their tracks, within an actor's scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Condition, Decision, Replacement, ReplacementMode, Return, Rma, RmaKind, RmaStep
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import rma_steps, rmas
from fleet.store.unit_of_work import UnitOfWork

COLUMNS = {
    "returning": "return_state",
    "placement": "placement_id",
    "replacement_placement": "replacement_placement_id",
}


UNSET = ("id", "version")


class RmaRepository:
    """An Administrator sees the RMAs of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, rmas.c.account_id)

    def get(self, rma_id: int) -> Rma:
        """The RMA; NotFoundError if there is none in the actor's scope."""
        row = self._connection.execute(select(rmas).where(rmas.c.id == rma_id, self._scope)).one_or_none()
        if row is None:
            raise _unknown(rma_id)
        return _rma(row)

    def hold(self, rma_id: int) -> Rma:
        """The RMA, locked until this transaction ends, with all others of its unit's stay: they move together."""
        of_stay = select(rmas.c.placement_id).where(rmas.c.id == rma_id).scalar_subquery()
        query = select(rmas).where(rmas.c.placement_id == of_stay, self._scope).order_by(rmas.c.id)
        found = [_rma(row) for row in self._connection.execute(query.with_for_update(key_share=True))]
        held = next((rma for rma in found if rma.id == rma_id), None)
        if held is None:
            raise _unknown(rma_id)
        self._uow.check_seen(refer(Noun.RMA, rma_id), held.version)
        return held

    def others_granted(self, rma: Rma) -> list[Rma]:
        """The other approved ones of the same stay as a held `rma` that are not closed, oldest first."""
        query = select(rmas).where(
            rmas.c.placement_id == rma.placement,
            rmas.c.id != rma.id,
            rmas.c.decision == Decision.APPROVED,
            rmas.c.return_state != Return.CLOSED,
            self._scope,
        )
        return [_rma(row) for row in self._connection.execute(query.order_by(rmas.c.id))]

    def hold_of_replacement(self, placement_id: int) -> Rma | None:
        """The RMA that sent the unit of a placement as a replacement, locked."""
        found = self.of_replacement(placement_id)
        return None if found is None else self.hold(found.id)

    def of_replacement(self, placement_id: int) -> Rma | None:
        """The RMA that sent the unit of a placement as a replacement."""
        query = select(rmas).where(rmas.c.replacement_placement_id == placement_id, self._scope)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _rma(row)

    def hold_of_replacements(self, placement_ids: Collection[int]) -> None:
        """Lock the RMAs that sent the units of these placements, in the order of their numbers."""
        sent = select(rmas.c.id).where(rmas.c.replacement_placement_id.in_(placement_ids), self._scope)
        self._connection.execute(sent.order_by(rmas.c.id).with_for_update(key_share=True)).all()

    def open_of(self, placement_id: int) -> list[Rma]:
        """The RMAs that are requested or approved for a placement, oldest first; the system's own may be beside one."""
        query = select(rmas).where(
            rmas.c.placement_id == placement_id,
            rmas.c.decision.in_([Decision.REQUESTED, Decision.APPROVED]),
            rmas.c.return_state != Return.CLOSED,
            self._scope,
        )
        return [_rma(row) for row in self._connection.execute(query.order_by(rmas.c.id))]

    def uninspected_of(self, serial: str) -> Rma | None:
        """The RMA under which the unit lies here and waits to be inspected."""
        here = rmas.c.return_state.in_([Return.RECEIVED, Return.IN_QUARANTINE])
        row = self._connection.execute(select(rmas).where(rmas.c.serial == serial, here, self._scope)).first()
        return None if row is None else _rma(row)

    def granted_of(self, account_id: int) -> list[Rma]:
        """All that an account was ever granted, oldest first: what they cost may still change."""
        query = select(rmas).where(rmas.c.account_id == account_id, rmas.c.approved_at.is_not(None), self._scope)
        return [_rma(row) for row in self._connection.execute(query.order_by(rmas.c.id))]

    def hold_trials(self, account_id: int) -> list[Rma]:
        """The account's approved trial returns, locked, oldest first."""
        query = select(rmas).where(
            rmas.c.account_id == account_id,
            rmas.c.kind == RmaKind.TRIAL_RETURN,
            rmas.c.decision == Decision.APPROVED,
            self._scope,
        )
        return [
            _rma(row) for row in self._connection.execute(query.order_by(rmas.c.id).with_for_update(key_share=True))
        ]

    def reserved_for(self, placement_ids: Collection[int]) -> list[Rma]:
        """Those of the placements for which a replacement is set aside, oldest first."""
        reserved = rmas.c.replacement == Replacement.RESERVED
        query = select(rmas).where(rmas.c.placement_id.in_(placement_ids), reserved, self._scope)
        return [_rma(row) for row in self._connection.execute(query.order_by(rmas.c.id))]

    def hold_all(self, rma_ids: Collection[int]) -> None:
        """Lock these RMAs, in the order of their numbers."""
        query = select(rmas.c.id).where(rmas.c.id.in_(rma_ids), self._scope).order_by(rmas.c.id)
        self._connection.execute(query.with_for_update(key_share=True)).all()

    def due_before(self, day: date, after: int, limit: int) -> list[int]:
        """At most `limit` RMAs with an id above `after` whose unit was to be handed in before `day` and is not here."""
        query = select(rmas.c.id).where(
            rmas.c.decision == Decision.APPROVED,
            rmas.c.return_state == Return.AWAITED,
            rmas.c.due_on < day,
            rmas.c.id > after,
            self._scope,
        )
        return list(self._connection.execute(query.order_by(rmas.c.id).limit(limit)).scalars())

    def waiting(self, day: date, after: int, limit: int) -> list[Rma]:
        """At most `limit` with an id above `after` whose unit may still be handed in by `day` or later."""
        query = select(rmas).where(
            rmas.c.decision == Decision.APPROVED,
            rmas.c.return_state == Return.AWAITED,
            rmas.c.due_on >= day,
            rmas.c.id > after,
            self._scope,
        )
        return [_rma(row) for row in self._connection.execute(query.order_by(rmas.c.id).limit(limit))]

    def page(self, limit: int, after: int | None) -> list[Rma]:
        """At most `limit` RMAs with an id above `after`."""
        query = select(rmas).where(self._scope, rmas.c.id > (after or 0)).order_by(rmas.c.id).limit(limit)
        return [_rma(row) for row in self._connection.execute(query)]

    def add(self, rma: Rma) -> Rma:
        """Store a new RMA under the next number; its own id is ignored."""
        row = self._connection.execute(insert(rmas).values(_values(rma)).returning(rmas)).one()
        return _rma(row)

    def save(self, rma: Rma) -> Rma:
        """Store an RMA in its new state, one version on."""
        saved = update(rmas).where(rmas.c.id == rma.id).values(**_values(rma), version=rmas.c.version + 1)
        return replace(rma, version=self._connection.execute(saved.returning(rmas.c.version)).scalar_one())

    def record(self, rma_id: int, step: RmaStep) -> None:
        """Keep a step of a track; when it became known is now."""
        self._connection.execute(
            insert(rma_steps).values(
                rma_id=rma_id,
                track=step.track,
                event=step.event,
                state=step.state,
                at=step.at,
                recorded_at=self._now,
                actor=step.actor,
                why=step.why,
            )
        )

    def steps(self, rma_id: int) -> list[RmaStep]:
        """The steps of an RMA in the actor's scope, oldest first."""
        return self._steps(rma_steps.c.rma_id == rma_id)

    def steps_of_stay(self, placement_id: int) -> list[RmaStep]:
        """Those of all RMAs of a unit's stay, in the order they became known."""
        return self._steps(rmas.c.placement_id == placement_id)

    def _steps(self, condition: ColumnElement[bool]) -> list[RmaStep]:
        query = select(rma_steps).join(rmas, rmas.c.id == rma_steps.c.rma_id).where(condition, self._scope)
        return [
            RmaStep(row.track, row.event, row.state, row.at, row.actor, row.why)
            for row in self._connection.execute(query.order_by(rma_steps.c.id))
        ]


def _unknown(rma_id: int) -> NotFoundError:
    return NotFoundError(f"there is no RMA {refer(Noun.RMA, rma_id)}")


def _values(rma: Rma) -> dict[str, Any]:
    return {COLUMNS.get(f.name, f.name): getattr(rma, f.name) for f in fields(rma) if f.name not in UNSET}


def _rma(row: Row[Any]) -> Rma:
    return Rma(
        id=row.id,
        account_id=row.account_id,
        serial=row.serial,
        placement=row.placement_id,
        kind=RmaKind(row.kind),
        mode=ReplacementMode(row.mode),
        reason=row.reason,
        opened_at=row.opened_at,
        decision=Decision(row.decision),
        replacement=Replacement(row.replacement),
        returning=Return(row.return_state),
        replacement_serial=row.replacement_serial,
        replacement_placement=row.replacement_placement_id,
        approved_at=row.approved_at,
        due_on=row.due_on,
        condition=None if row.condition is None else Condition(row.condition),
        version=row.version,
    )
