"""Returns and replacements: every step in every situation, and what each moves or leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.errors import ConflictError, FleetError, InvalidError, NotFoundError
from fleet.domain.rma import Condition, Decision, Replacement, ReplacementMode, Return, Rma, RmaKind
from fleet.domain.unit import Custody, Service, Unit
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.boards_of_many_macs import boards_of_many_macs
from tests.fleet.services.equipment import PARCEL, Warehouse, snapshot


@pytest.fixture
def placed(warehouse: Warehouse) -> Unit:
    """An active unit at an account, and two of the same board in stock."""
    unit = warehouse.place(warehouse.open_account())
    warehouse.stock()
    warehouse.stock()
    return unit


Step = Callable[[Warehouse, Rma], object]

STEPS: dict[str, Step] = {
    "approve": lambda w, rma: w.services.rmas.approve(w.actor, rma.id),
    "deny": lambda w, rma: w.services.rmas.deny(w.actor, rma.id, "abuse"),
    "cancel": lambda w, rma: w.services.rmas.cancel(w.actor, rma.id, "works again"),
    "reserve": lambda w, rma: w.services.rmas.reserve(w.actor, rma.id),
    "ship": lambda w, rma: w.services.rmas.ship(w.actor, rma.id, PARCEL),
    "deliver": lambda w, rma: w.services.rmas.deliver(w.actor, rma.id, w.services.transactions.clock()),
    "lose": lambda w, rma: w.services.rmas.lose(w.actor, rma.id, "lost"),
    "receive": lambda w, rma: w.services.rmas.receive(w.actor, rma.id, rma.serial, Condition.DEFECTIVE),
}
# The way to each situation, and the steps it allows: an RMA for a defect, replaced in advance.
SITUATIONS: dict[str, tuple[list[str], set[str]]] = {
    "requested": ([], {"approve", "deny", "cancel"}),
    "denied": (["deny"], set()),
    "cancelled": (["approve", "cancel"], set()),
    "approved": (["approve"], {"cancel", "reserve", "receive"}),
    "reserved": (["approve", "reserve"], {"cancel", "ship", "receive"}),
    "shipped": (["approve", "reserve", "ship"], {"deliver", "lose", "receive"}),
    "delivered": (["approve", "reserve", "ship", "deliver"], {"deliver", "receive"}),
    "lost": (["approve", "reserve", "ship", "lose"], {"reserve", "receive"}),
    "received": (["approve", "receive"], {"reserve"}),
    "done": (["approve", "reserve", "ship", "deliver", "receive"], {"deliver"}),
}


def reach(warehouse: Warehouse, placed: Unit, situation: str) -> Rma:
    rmas = warehouse.services.rmas
    rma = rmas.open(warehouse.actor, placed.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "no dial tone")
    for name in SITUATIONS[situation][0]:
        STEPS[name](warehouse, rma)
    return rma


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_step_the_tables_do_not_have_changes_nothing(warehouse: Warehouse, placed: Unit, situation: str) -> None:
    rma = reach(warehouse, placed, situation)
    before = snapshot(warehouse.services)
    for name in sorted(set(STEPS) - SITUATIONS[situation][1]):
        with pytest.raises(FleetError):
            STEPS[name](warehouse, rma)
        assert snapshot(warehouse.services) == before, name


@pytest.mark.parametrize(
    ("situation", "step"), [(situation, step) for situation, (_, steps) in SITUATIONS.items() for step in sorted(steps)]
)
def test_a_step_the_tables_have_is_taken_kept_and_audited(
    warehouse: Warehouse, placed: Unit, situation: str, step: str
) -> None:
    rma = reach(warehouse, placed, situation)
    steps = len(warehouse.services.rmas.get(warehouse.actor, rma.id)[1])
    STEPS[step](warehouse, rma)
    assert len(warehouse.services.rmas.get(warehouse.actor, rma.id)[1]) > steps
    entries = warehouse.services.audit.page(warehouse.actor, 5, None, None)
    last = next(entry for entry in entries if entry.action.startswith("rma:"))
    assert (last.action, last.subject, last.actor) == (f"rma:{step}", "RMA-1", "PE-900")


def test_an_rma_is_opened_once_for_a_unit_at_an_account(warehouse: Warehouse, placed: Unit) -> None:
    rmas, stocked = warehouse.services.rmas, warehouse.stock()
    warehouse.approved(placed)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="RMA-1 open already"):
        rmas.open(warehouse.actor, placed.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "again")
    with pytest.raises(ConflictError, match="nothing to return"):
        rmas.open(warehouse.actor, stocked.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "never left")
    with pytest.raises(InvalidError, match="say why"):
        rmas.open(warehouse.actor, placed.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, " ")
    with pytest.raises(NotFoundError):
        rmas.open(warehouse.actor, "PT999999992", RmaKind.DEFECT, ReplacementMode.ADVANCE, "unknown")
    assert snapshot(warehouse.services) == before


def test_the_approval_sets_the_day_the_return_is_due(warehouse: Warehouse, placed: Unit, clock: Clock) -> None:
    clock.advance(days=1)
    rma = warehouse.approved(placed)
    assert (rma.decision, rma.due_on) == (Decision.APPROVED, date(2026, 3, 13))


def test_a_cancelled_rma_puts_its_replacement_back_into_stock(warehouse: Warehouse, placed: Unit) -> None:
    rma = warehouse.services.rmas.reserve(warehouse.actor, warehouse.approved(placed).id)
    assert warehouse.unit(rma.replacement_serial or "").custody is Custody.RESERVED
    cancelled = warehouse.services.rmas.cancel(warehouse.actor, rma.id, "works again")
    assert (cancelled.replacement, cancelled.returning) == (Replacement.NONE, Return.CLOSED)
    assert warehouse.unit(rma.replacement_serial or "").custody is Custody.IN_STOCK
    warehouse.approved(placed)  # and another may be opened


def test_a_replacement_is_of_the_same_board_and_in_stock(warehouse: Warehouse, placed: Unit, tmp_path: Path) -> None:
    rma = warehouse.approved(placed)
    with boards_of_many_macs(tmp_path):
        other = warehouse.stock("pair")
    doubted = warehouse.stock()
    warehouse.services.units.quarantine(warehouse.actor, doubted.serial, "seen twice")
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="is a pair"):
        warehouse.services.rmas.reserve(warehouse.actor, rma.id, other.serial)
    with pytest.raises(ConflictError, match="at_account"):
        warehouse.services.rmas.reserve(warehouse.actor, rma.id, placed.serial)
    assert snapshot(warehouse.services) == before
    warehouse.services.rmas.reserve(warehouse.actor, rma.id, doubted.serial)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="quarantined"):
        warehouse.services.rmas.ship(warehouse.actor, rma.id, PARCEL)
    assert snapshot(warehouse.services) == before


def test_without_stock_nothing_is_reserved(warehouse: Warehouse) -> None:
    rma = warehouse.approved(warehouse.place(warehouse.open_account()))
    with pytest.raises(NotFoundError, match="in stock"):
        warehouse.services.rmas.reserve(warehouse.actor, rma.id)


def test_a_lost_replacement_belongs_to_nobody_and_another_may_go(warehouse: Warehouse, placed: Unit) -> None:
    rma = warehouse.approved(placed)
    lost = warehouse.replace(rma)
    warehouse.services.rmas.lose(warehouse.actor, rma.id, "lost")
    gone = warehouse.unit(lost.serial)
    assert (gone.custody, gone.service, gone.account_id) == (Custody.LOST, Service.UNPLACED, None)
    assert warehouse.result(lost) == "not_in_stock"
    second = warehouse.replace(rma)
    warehouse.register(second)
    assert warehouse.unit(placed.serial).service is Service.REPLACED


def test_a_delivery_lies_between_shipment_and_now(warehouse: Warehouse, placed: Unit, clock: Clock) -> None:
    rma = warehouse.approved(placed)
    warehouse.replace(rma)
    shipped = clock()
    clock.advance(days=5)
    before = snapshot(warehouse.services)
    for wrong in (shipped - timedelta(seconds=1), clock() + timedelta(seconds=1)):
        with pytest.raises(InvalidError, match="delivery is between"):
            warehouse.services.rmas.deliver(warehouse.actor, rma.id, wrong)
    assert snapshot(warehouse.services) == before


def test_a_proof_that_turns_up_after_the_registration_is_logged_and_moves_no_term(
    warehouse: Warehouse, placed: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(placed)
    new = warehouse.replace(rma)
    clock.advance(days=2)
    warehouse.register(new)
    received = clock().date()
    clock.advance(days=5)
    warehouse.services.rmas.deliver(warehouse.actor, rma.id, clock() - timedelta(days=3))
    term, _ = warehouse.services.terms.of_unit(warehouse.actor, new.serial)
    assert term.begins == received
    assert len(snapshot(warehouse.services)["rma_steps"]) == 5


def test_the_wrong_unit_is_not_taken_in(warehouse: Warehouse, placed: Unit) -> None:
    rma = warehouse.approved(placed)
    new = warehouse.replace(rma)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match=f"waits for {placed.serial}, got {new.serial}"):
        warehouse.services.rmas.receive(warehouse.actor, rma.id, new.serial, Condition.SOUND)
    assert snapshot(warehouse.services) == before


def test_a_returned_unit_waits_for_triage_and_leaves_its_account(warehouse: Warehouse, placed: Unit) -> None:
    rma = warehouse.approved(placed, RmaKind.TRIAL_RETURN)
    warehouse.services.rmas.receive(warehouse.actor, rma.id, placed.serial, Condition.SOUND)
    back = warehouse.unit(placed.serial)
    assert (back.custody, back.service, back.account_id) == (Custody.RETURNED, Service.UNPLACED, None)
    assert warehouse.result(placed) == "not_in_stock"
    _, line = warehouse.services.terms.of_unit(warehouse.actor, placed.serial)
    assert (line.state, line.fee.cents) == ("in_our_hands", 0)


def test_a_replacement_takes_the_ownership_of_what_it_replaces(warehouse: Warehouse) -> None:
    account = warehouse.open_account()
    bought = warehouse.place(account, price=3995)
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(bought))
    warehouse.register(new)
    lines = warehouse.services.terms.quote(warehouse.actor, account.id, date(2026, 6, 1))[1]
    assert [(line.state, line.fee.cents) for line in lines] == [("none", 0), ("none", 0)]


def test_every_step_keeps_who_and_why(warehouse: Warehouse, placed: Unit) -> None:
    rma = warehouse.approved(placed)
    warehouse.replace(rma)
    _, steps = warehouse.services.rmas.get(warehouse.actor, rma.id)
    assert [(step.track, step.event, step.state, step.actor) for step in steps] == [
        ("decision", "approve", "approved", "PE-900"),
        ("replacement", "reserve", "reserved", "PE-900"),
        ("replacement", "ship", "shipped", "PE-900"),
    ]


def test_the_warehouse_ships_and_receives_but_decides_nothing(warehouse: Warehouse, placed: Unit) -> None:
    rma = warehouse.approved(placed)
    warehouse.services.rmas.reserve(warehouse.actor, rma.id)
    warehouse.actor = someone(Role.WAREHOUSE)
    warehouse.services.rmas.ship(warehouse.actor, rma.id, PARCEL)
    warehouse.services.rmas.receive(warehouse.actor, rma.id, placed.serial, Condition.SOUND)
    with pytest.raises(ForbiddenError, match="rma:manage"):
        warehouse.services.rmas.deny(warehouse.actor, rma.id, "no")


def test_an_administrator_sees_the_rmas_of_their_own_account_alone(warehouse: Warehouse, placed: Unit) -> None:
    rma, stranger = warehouse.approved(placed), warehouse.open_account("Osprey Books")
    own = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=placed.account_id)
    foreign = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=stranger.id)
    assert [found.id for found in warehouse.services.rmas.page(own, 10, None)] == [rma.id]
    assert warehouse.services.rmas.page(foreign, 10, None) == []
    with pytest.raises(NotFoundError):
        warehouse.services.rmas.get(foreign, rma.id)
