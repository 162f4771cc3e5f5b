"""What the services have stored of an account, in the words of the domain's account in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from fleet.domain.blind_return import OPEN
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT
from fleet.domain.charge import Ledger
from fleet.domain.local_dates import local_date
from fleet.domain.ownership import Ownership
from fleet.domain.placement import Placement
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService
from fleet.domain.term import ServiceEnded, ShipmentFailed, Shipped, TakenBack, fold
from fleet.services.lines import lines_of_placements
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.cancellations import CancellationRepository
from fleet.store.charges import ChargeRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.comparing import Answers
from tests.fleet.domain.equipment_model.state import ZONE, Authorization, Line, OrderForm, State, Stay
from tests.fleet.services.equipment_played.desk import Desk

ALL = 1000


def read(desk: Desk) -> Answers:
    """The account as it is stored now; quotes are asked of the service itself."""
    with desk.services.transactions.read(desk.actor) as uow:
        state = State(uow.now, PolicyRepository(uow).book())
        state.facts = TermEventRepository(uow).of_account(desk.account)
        state.ledger = _named(desk, ChargeRepository(uow).ledger(desk.account))
        state.standing = StandingRepository(uow).of(desk.account)
        kept = CancellationRepository(uow).page(desk.account, ALL, None)
        state.cancellations = [each.cancellation for each in kept]
        state.notices, state.next_bills = desk.notices, desk.next_bills
        if state.standing.state is AccountService.ENDED:
            ends = [c.effect.at for c in state.cancellations if c.state == "completed" and c.scope == WHOLE_ACCOUNT]
            ends += [fact.at for fact in state.facts if isinstance(fact, ServiceEnded)]
            state.ended_at = max(ends, default=uow.now)
        placements = PlacementRepository(uow).of_account(desk.account)
        state.stays = _stays(uow, desk, state, placements)
        state.rmas = _rmas(uow, desk, state)
    _bill(desk, state, placements)
    terms = fold(state.facts, state.policy, ZONE)
    return Answers(
        state,
        terms,
        lambda day: desk.services.terms.quote(desk.actor, desk.account, day)[1],
        lambda known: known.rma.due_on,
    )


def _named(desk: Desk, ledger: Ledger) -> Ledger:
    """The charge events, those of an order's plan by the history's name of it."""
    names = {refer(Noun.ORDER, number): order for (order, _), number in desk.orders.items()}
    return Ledger(tuple(replace(event, subject=names.get(event.subject, event.subject)) for event in ledger.events))


def _stays(uow: UnitOfWork, desk: Desk, state: State, placements: list[Placement]) -> list[Stay]:
    names = {number: next(iter(lines)) for number, lines in lines_of_placements(placements).items()}
    lines: dict[str, Line] = {}
    for placement in placements:
        name, opened = names[str(placement.id)], placement.opened
        line = Line(name, "", opened.order_date, opened.ownership, opened.free, opened.price_cents)
        lines.setdefault(name, line)
    shipped = {fact.placement: fact for fact in state.facts if isinstance(fact, Shipped)}
    stays = [
        Stay(p.id, desk.shipments[p.id], p.opened.serial, lines[names[str(p.id)]], shipped[p.id]) for p in placements
    ]
    for fact in state.facts:
        stay = stays[fact.placement - 1]
        match fact:
            case ServiceEnded(at=at):
                stay.line.ended_at = min(at, stay.line.ended_at or at)
            case ShipmentFailed():
                stay.failed = True
            case TakenBack(at=at):
                stay.back_at, stay.matched = at, True
    for case in BlindReturnRepository(uow).page(list(OPEN), ALL, None):
        stays[case.placement - 1].back_at = case.received_at
    if state.ended_at is not None:
        for line in lines.values():
            line.ended_at = min(state.ended_at, line.ended_at or state.ended_at)
    return stays


def _rmas(uow: UnitOfWork, desk: Desk, state: State) -> list[Authorization]:
    names = {number: name for name, number in desk.rmas.items()}
    found = []
    for rma in RmaRepository(uow).page(ALL, None):
        stay = state.stays[rma.placement - 1]
        name = names.setdefault(rma.id, f"cancellation:{stay.shipment}")
        desk.rmas[name] = rma.id
        found.append(Authorization(rma, name, stay))
    return found


def _bill(desk: Desk, state: State, placements: list[Placement]) -> None:
    """When the account is billed, and its orders with the dates on which their units were activated."""
    days = [local_date(p.activated_at, ZONE) for p in placements if p.activated_at is not None]
    state.billed_from = min(days, default=None)
    for form in desk.forms:
        own = {number for (name, _), number in desk.orders.items() if name == form.order}
        activations = [_day(p.activated_at) for p in placements if p.opened.order_id in own and p.activated_at]
        day = local_date(form.at, ZONE)
        lines = [_ordered(form.order, day, line) for line in form.lines]
        annual = form.plan is ev.Plan.ANNUAL
        state.orders.append(OrderForm(form.order, day, annual, form.plan_price_cents, lines, activations))


def _day(at: datetime) -> date:
    return local_date(at, ZONE)


def _ordered(order: str, day: date, line: ev.OrderLine) -> Line:
    return Line(f"{order}/{line.line}", order, day, Ownership.OPERATOR, True, 0)
