"""A unit comes into our hands under an RMA, from the carrier or out of the quarantine of blind returns.

The caller holds the RMA, settles and commits.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fleet.domain.blind_return import BLIND_RETURN, BlindCase, BlindReturn, BlindReturnEvent, check_may_match
from fleet.domain.errors import ConflictError
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Condition, ReturnEvent, Rma, check_may_receive
from fleet.domain.term import TakenBack
from fleet.domain.transitions import advance
from fleet.domain.unit import CustodyEvent, ServiceEvent, after
from fleet.services.line_levels import store_line
from fleet.services.rma_tracks import take_step
from fleet.services.swap import finish_wait
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.placements import PlacementRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository
from fleet.store.waiting_swaps import WaitingSwapRepository


def receive_under(uow: UnitOfWork, rma: Rma, serial: str, condition: Condition) -> Rma:
    """The unit is back: its placement is over, and it waits for triage. One that came in blind came in that day."""
    check_may_receive(rma, serial)
    for waiting in WaitingSwapRepository(uow).of_old([serial]):  # no call is up on a unit in our hands
        finish_wait(uow, waiting)
    units, at = UnitRepository(uow), uow.now
    unit, blind = units.hold(serial), BlindReturnRepository(uow).open_of(serial)
    if blind is not None:
        check_may_match(blind, rma)
        at = blind.received_at
    if blind is None or blind.state is BlindReturn.SENT_BACK:
        unit = after(unit, CustodyEvent.TAKE_BACK)
    if blind is not None:
        _match(uow, blind, rma)
    unit = units.save(replace(after(unit, ServiceEvent.REMOVE), account_id=None))
    rma = take_step(uow, rma, ReturnEvent.RECEIVE, condition, at)
    PlacementRepository(uow).end(rma.placement)
    store_line(uow, unit)
    TermEventRepository(uow).record(rma.account_id, TakenBack(rma.placement, at))
    return replace(rma, condition=condition)


def take_blind_step(
    uow: UnitOfWork, case: BlindCase, event: BlindReturnEvent, why: str, at: datetime | None = None
) -> BlindCase:
    """The blind return after `event`, which happened at `at` (None: now), stored with who, when and why."""
    repository = BlindReturnRepository(uow)
    case = replace(case, state=advance(BLIND_RETURN, case.state, event, case.reference))
    repository.record(case.id, event, case.state, at or uow.now, uow.actor.reference, why)
    return repository.save(case)


def check_not_held(uow: UnitOfWork, serial: str) -> None:
    """ConflictError while nobody has said whose return the unit is: it is not ours to scrap or to sell again."""
    blind = BlindReturnRepository(uow).open_of(serial)
    if blind is not None:
        raise ConflictError(f"{serial} is held as {blind.reference}: match it to an RMA first, or send it back")


def _match(uow: UnitOfWork, blind: BlindCase, rma: Rma) -> None:
    name = refer(Noun.RMA, rma.id)
    if blind.state is BlindReturn.SENT_BACK:
        blind = take_blind_step(uow, blind, BlindReturnEvent.COME_BACK, f"it came in for {name}")
    take_blind_step(uow, replace(blind, rma_id=rma.id), BlindReturnEvent.MATCH, name)
