"""A unit comes into our hands under an RMA, from the carrier or out of the quarantine of blind returns.

It comes back once, whatever is asked for it: the returns of all its RMAs move together. The caller holds the RMA,
settles and commits.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fleet.domain.blind_return import BLIND_RETURN, BlindCase, BlindReturn, BlindReturnEvent, check_may_match
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Condition, Return, ReturnEvent, Rma, check_may_receive
from fleet.domain.term import TakenBack
from fleet.domain.transitions import advance
from fleet.domain.unit import CustodyEvent, ServiceEvent, after
from fleet.services.line_levels import store_line
from fleet.services.rma_tracks import take_step
from fleet.services.swap import finish_wait
from fleet.store.accounts import AccountRepository
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository
from fleet.store.waiting_swaps import WaitingSwapRepository


def receive_under(
    uow: UnitOfWork, rma: Rma, serial: str, condition: Condition, received_at: datetime | None = None
) -> Rma:
    """The unit is back: its placement is over, and it waits for triage. One that came in blind came in that day.

    `received_at`: when it came, if that is noted later (None: now).
    """
    _check_not_anothers(uow, rma, serial)
    check_may_receive(rma, serial)
    for waiting in WaitingSwapRepository(uow).of_old([serial]):  # no call is up on a unit in our hands
        finish_wait(uow, waiting)
    units, at = UnitRepository(uow), received_at or uow.now
    unit, blind = units.hold(serial), BlindReturnRepository(uow).open_of(serial)
    if blind is not None:
        check_may_match(blind, rma)
        at = blind.received_at
    else:
        check_came_back(uow, rma.placement, at)
        _check_waited(rma, at)
    if blind is None or blind.state is BlindReturn.SENT_BACK:
        unit = after(unit, CustodyEvent.TAKE_BACK)
    if blind is not None:
        _match(uow, blind, rma)
    unit = units.save(replace(after(unit, ServiceEvent.REMOVE), account_id=None))
    AccountRepository(uow).hold(rma.account_id)  # the end of its service may be asking for the unit just now
    rma = take_step(uow, rma, ReturnEvent.RECEIVE, condition, at)
    for other in RmaRepository(uow).others_granted(rma):
        RmaRepository(uow).save(take_step(uow, other, ReturnEvent.RECEIVE, f"under {refer(Noun.RMA, rma.id)}", at))
    PlacementRepository(uow).end(rma.placement)
    store_line(uow, unit)
    TermEventRepository(uow).record(rma.account_id, TakenBack(rma.placement, at))
    return replace(rma, condition=condition)


def hand_in(uow: UnitOfWork, rma: Rma, at: datetime) -> Rma:
    """The carrier has accepted the unit, under whichever RMA."""
    AccountRepository(uow).hold(rma.account_id)
    rma = take_step(uow, rma, ReturnEvent.HAND_IN, "accepted by the carrier", at)
    for other in RmaRepository(uow).others_granted(rma):
        if other.returning in (Return.AWAITED, Return.OVERDUE):
            why = f"under {refer(Noun.RMA, rma.id)}"
            RmaRepository(uow).save(take_step(uow, other, ReturnEvent.HAND_IN, why, at))
    return rma


def catch_up(uow: UnitOfWork, rma: Rma) -> Rma:
    """An RMA that was granted just now, for a unit that is on its way back, or here, under another one."""
    steps = {step.event: step for step in RmaRepository(uow).steps_of_stay(rma.placement)}
    for event in (ReturnEvent.RECEIVE, ReturnEvent.HAND_IN):
        if event in steps:
            return take_step(uow, rma, event, steps[event].why, steps[event].at)
    return rma


def check_was_away(uow: UnitOfWork, rma: Rma, at: datetime) -> None:
    """InvalidError for a scan of the carrier's from after the unit came in, under this or another RMA or blind."""
    steps = RmaRepository(uow).steps_of_stay(rma.placement)
    blind = BlindReturnRepository(uow).open_of(rma.serial)
    held = [blind.received_at] if blind is not None and blind.state is BlindReturn.IN_QUARANTINE else []
    came = min([*held, *(step.at for step in steps if step.event == ReturnEvent.RECEIVE)], default=at)
    if at > came:
        raise InvalidError(f"{rma.serial} came in at {came}: the carrier did not accept it after that, at {at}")


def check_came_back(uow: UnitOfWork, placement_id: int, at: datetime) -> None:
    """InvalidError for an instant at which the unit was not on its way to us, for what is known of its stay."""
    stay = PlacementRepository(uow).get(placement_id)
    scans = [step.at for step in RmaRepository(uow).steps_of_stay(placement_id) if step.event == ReturnEvent.HAND_IN]
    seen = [*scans, stay.opened.shipped_at]
    if not max(seen) <= at <= uow.now:
        raise InvalidError(f"{stay.opened.serial} came between {max(seen)} and now, got {at}")
    heard = UnitRepository(uow).last_heard(stay.opened.serial)
    if heard is not None and heard > at and stay.registered_at is not None:
        raise InvalidError(f"{stay.opened.serial} registered from the account at {heard}: it came after that, got {at}")


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


def _check_not_anothers(uow: UnitOfWork, rma: Rma, serial: str) -> None:
    """ConflictError that names the RMA a unit in the wrong parcel, or on the wrong pile, is open under."""
    if serial == rma.serial:
        return
    stay = PlacementRepository(uow).open_of(serial)
    own = RmaRepository(uow).uninspected_of(serial)
    others = [] if stay is None else RmaRepository(uow).open_of(stay.id)
    if own is not None or others:
        theirs = own or others[0]
        whose = "the same account" if theirs.account_id == rma.account_id else refer(Noun.ACCOUNT, theirs.account_id)
        raise ConflictError(
            f"{serial} belongs to {refer(Noun.RMA, theirs.id)} of {whose}, not to {refer(Noun.RMA, rma.id)}: "
            "keep it apart and receive it there"
        )


def _check_waited(rma: Rma, at: datetime) -> None:
    if rma.approved_at is None or at < rma.approved_at:
        name = refer(Noun.RMA, rma.id)
        raise ConflictError(f"{name} was granted at {rma.approved_at}, {rma.serial} came at {at}: take it in blind")


def _match(uow: UnitOfWork, blind: BlindCase, rma: Rma) -> None:
    name = refer(Noun.RMA, rma.id)
    if blind.state is BlindReturn.SENT_BACK:
        blind = take_blind_step(uow, blind, BlindReturnEvent.COME_BACK, f"it came in for {name}")
    take_blind_step(uow, replace(blind, rma_id=rma.id), BlindReturnEvent.MATCH, name)
