"""One step of one track of an RMA: the table decides, and who, when and why are kept. The caller commits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from fleet.domain.references import Noun, refer
from fleet.domain.rma import (
    DECISION,
    REPLACEMENT,
    RETURN,
    DecisionEvent,
    ReplacementEvent,
    ReturnEvent,
    Rma,
    RmaStep,
)
from fleet.domain.transitions import advance
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import UnitOfWork


def take_step(
    uow: UnitOfWork,
    rma: Rma,
    event: DecisionEvent | ReplacementEvent | ReturnEvent,
    why: str,
    at: datetime | None = None,
) -> Rma:
    """The RMA after `event`, which happened at `at` (None: now); stored by the caller."""
    subject = refer(Noun.RMA, rma.id)
    state: StrEnum
    match event:
        case DecisionEvent():
            track, state = "decision", advance(DECISION, rma.decision, event, f"the decision on {subject}")
            rma = replace(rma, decision=state)
        case ReplacementEvent():
            track, state = "replacement", advance(REPLACEMENT, rma.replacement, event, f"the replacement of {subject}")
            rma = replace(rma, replacement=state)
        case ReturnEvent():
            track, state = "return", advance(RETURN, rma.returning, event, f"the return of {subject}")
            rma = replace(rma, returning=state)
    RmaRepository(uow).record(rma.id, RmaStep(track, event, state, at or uow.now, uow.actor.reference, why))
    return rma
