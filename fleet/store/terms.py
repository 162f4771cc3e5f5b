"""The facts that terms are folded from: added, never changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, select

from fleet.domain.term import (
    Activated,
    Delivered,
    Registered,
    ServiceEnded,
    ShipmentFailed,
    Shipped,
    TakenBack,
    TermEvent,
    TrialReturned,
    ValueCharged,
    ValueCredited,
)
from fleet.domain.waiver import EndCause
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import placements, term_events
from fleet.store.unit_of_work import UnitOfWork

KINDS: dict[type[TermEvent], str] = {
    Shipped: "shipped",
    Activated: "activated",
    Registered: "registered",
    Delivered: "delivered",
    ShipmentFailed: "shipment_failed",
    TakenBack: "taken_back",
    TrialReturned: "trial_returned",
    ValueCharged: "value_charged",
    ValueCredited: "value_credited",
    ServiceEnded: "service_ended",
}
PLAIN = {kind: event for event, kind in KINDS.items() if event not in (Shipped, ShipmentFailed, ServiceEnded)}


class TermEventRepository:
    """The events of the accounts in the actor's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, term_events.c.account_id)

    def record(self, account_id: int, event: TermEvent) -> None:
        """Add a fact. What a Shipped says beside its instant stands in its placement, which is stored already."""
        self._connection.execute(
            insert(term_events).values(
                account_id=account_id,
                placement_id=event.placement,
                kind=KINDS[type(event)],
                at=event.at,
                detail=_detail(event),
                recorded_at=self._now,
            )
        )

    def has_arrived(self, placement_id: int) -> bool:
        """Whether the carrier's proof, or the unit itself, says that the parcel arrived."""
        return self._has(placement_id, Delivered, Registered)

    def has_failed(self, placement_id: int) -> bool:
        """Whether the carrier reported the parcel lost, refused or returned."""
        return self._has(placement_id, ShipmentFailed)

    def has_ended(self, placement_id: int) -> bool:
        """Whether the service of that unit has ended."""
        return self._has(placement_id, ServiceEnded)

    def is_trial_returned(self, placement_id: int) -> bool:
        """Whether that unit's trial return was accepted."""
        return self._has(placement_id, TrialReturned)

    def of_account(self, account_id: int) -> list[TermEvent]:
        """All facts of an account, in the order they became known."""
        query = (
            select(term_events, placements)
            .join(placements, placements.c.id == term_events.c.placement_id)
            .where(term_events.c.account_id == account_id, self._scope)
            .order_by(term_events.c.id)
        )
        return [_event(row) for row in self._connection.execute(query)]

    def _has(self, placement_id: int, *kinds: type[TermEvent]) -> bool:
        kind = term_events.c.kind.in_([KINDS[kind] for kind in kinds])
        facts = [term_events.c.placement_id == placement_id, kind, self._scope]
        return self._connection.scalar(select(term_events.c.id).where(*facts).limit(1)) is not None


def _detail(event: TermEvent) -> str:
    match event:
        case ShipmentFailed(outcome=outcome):
            return outcome
        case ServiceEnded(cause=cause):
            return cause
    return ""


def _event(row: Row[Any]) -> TermEvent:
    if row.kind == KINDS[Shipped]:
        return Shipped(
            placement=row.placement_id,
            at=row.at,
            unit=row.serial,
            order_date=row.order_date,
            free=row.free,
            replaces=row.replaces,
            renews=row.renews,
        )
    if row.kind == KINDS[ShipmentFailed]:
        return ShipmentFailed(row.placement_id, row.at, row.detail)
    if row.kind == KINDS[ServiceEnded]:
        return ServiceEnded(row.placement_id, row.at, EndCause(row.detail))
    event: TermEvent = PLAIN[row.kind](row.placement_id, row.at)  # type: ignore[call-arg]
    return event
