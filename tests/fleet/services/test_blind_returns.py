"""What comes in without an RMA is held, matched or sent back, and stays on its account's terms until then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.blind_return import OPEN, BlindCase
from fleet.domain.errors import ConflictError, FleetError, IllegalTransitionError, InvalidError, NotFoundError
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.money import Money
from fleet.domain.order import OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.rma import Condition, ReplacementMode, RmaKind
from fleet.domain.term import Term
from fleet.domain.unit import Unit
from fleet.services.blind_returns import TakenIn
from fleet.services.build import Services
from fleet.services.deadlines import Deadlines
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import AS_NEW, PARCEL, Warehouse, snapshot
from tests.fleet.services.test_returns import end_service
from tests.fleet.services.test_settlement import charged, end


@pytest.fixture
def unit(warehouse: Warehouse, account: Account) -> Unit:
    unit = warehouse.place(account)
    warehouse.stock()
    return unit


def scan(warehouse: Warehouse, unit: Unit) -> TakenIn:
    return warehouse.services.blind_returns.take_in(warehouse.actor, unit.serial, Condition.SOUND, "no letter in it")


def blind(warehouse: Warehouse, unit: Unit) -> BlindCase:
    case = scan(warehouse, unit).blind
    assert case is not None
    return case


def term_of(warehouse: Warehouse, unit: Unit) -> Term:
    return warehouse.services.terms.of_unit(warehouse.actor, unit.serial)[0]


def refused(
    services: Services, step: Callable[[], object], match: str, error: type[FleetError] = ConflictError
) -> None:
    before = snapshot(services)
    with pytest.raises(error, match=match):
        step()
    assert snapshot(services) == before


def test_a_unit_an_rma_waits_for_is_received_under_it(warehouse: Warehouse, services: Services, unit: Unit) -> None:
    rma = warehouse.approved(unit)
    taken = scan(warehouse, unit)
    assert taken.blind is None
    assert services.rmas.get(warehouse.actor, rma.id)[0] == taken.rma
    assert (taken.rma and taken.rma.returning, taken.rma and taken.rma.condition) == ("received", "sound")
    refused(services, lambda: scan(warehouse, unit), "is returned", IllegalTransitionError)


def test_without_one_it_is_held_while_its_stay_its_term_and_its_service_go_on(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    before = term_of(warehouse, unit)
    case = blind(warehouse, unit)
    assert (case.state, case.account_id, case.placement) == ("in_quarantine", 1, 1)
    held = warehouse.unit(unit.serial)
    assert (held.custody, held.service, held.account_id) == ("returned", "active", 1)
    assert term_of(warehouse, unit) == before
    assert warehouse.result(unit) == "not_in_stock"
    assert services.units.get(warehouse.actor, unit.serial).configuration.line_level == "none"
    clock.advance(days=3)
    assert services.blind_returns.page(warehouse.actor, sorted(OPEN), 10, None) == [case]
    assert case.waits_days(services.blind_returns.today, services.blind_returns.zone) == 3
    _, steps, matches = services.blind_returns.get(warehouse.actor, case.id)
    assert [(step.event, step.actor, step.why) for step in steps] == [("take_in", "PE-900", "no letter in it")]
    assert matches == []
    assert services.audit.page(warehouse.actor, 1, None, None)[0].action == "blind_return:take_in"
    refused(services, lambda: services.units.scrap(warehouse.actor, unit.serial, "old"), "is held as BR-1")
    refused(
        services, lambda: services.provisioning.begin_epoch(warehouse.actor, unit.serial, "sale"), "is held as BR-1"
    )
    refused(services, lambda: scan(warehouse, unit), "BR-1 is in_quarantine", IllegalTransitionError)


def test_an_rma_that_was_only_asked_for_does_not_take_it_in(
    warehouse: Warehouse, services: Services, unit: Unit
) -> None:
    rma = services.rmas.open(warehouse.actor, unit.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "mute")
    case = blind(warehouse, unit)
    refused(services, lambda: services.blind_returns.match(warehouse.actor, case.id, rma.id), "only an approved one")
    services.rmas.approve(warehouse.actor, rma.id)
    assert [each.id for each in services.blind_returns.get(warehouse.actor, case.id)[2]] == [rma.id]
    assert services.blind_returns.match(warehouse.actor, case.id, rma.id).returning == "received"


def test_matched_it_was_received_on_the_day_it_came_in(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    case = blind(warehouse, unit)  # on 2 March
    rma = warehouse.approved(unit)  # due on 12 March
    warehouse.replace(rma)
    clock.advance(days=40)
    Deadlines(services.transactions, services.terms._zone).expire(SCHEDULER)
    assert [line[0] for line in charged(warehouse)] == ["shipping_and_handling charge"], "what is here is not owed"
    assert services.rmas.get(warehouse.actor, rma.id)[0].returning == "awaited"
    matched = services.blind_returns.match(warehouse.actor, case.id, rma.id)
    assert matched.returning == "received"
    assert len(charged(warehouse)) == 1
    steps = services.rmas.get(warehouse.actor, rma.id)[1]
    assert (steps[-1].event, steps[-1].at) == ("receive", case.received_at)
    settled, steps, _ = services.blind_returns.get(warehouse.actor, case.id)
    assert (settled.state, settled.rma_id, [step.event for step in steps]) == ("matched", rma.id, ["take_in", "match"])
    free = warehouse.unit(unit.serial)
    assert (free.custody, free.service, free.account_id) == ("returned", "unplaced", None)
    found = Inspection(InspectionCode.WORN, note="worn")
    assert services.returns.inspect(warehouse.actor, rma.id, found).returning == "inspected"
    refused(services, lambda: services.blind_returns.match(warehouse.actor, case.id, rma.id), "nothing to match")
    services.refurbishings.repair(warehouse.actor, unit.serial, "a new shell")
    warehouse.renew(unit)


def test_what_was_sent_back_is_not_here_and_is_owed(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    case = blind(warehouse, unit)
    services.blind_returns.send_back(warehouse.actor, case.id, PARCEL, "nobody asked")
    rma = warehouse.approved(unit)
    warehouse.replace(rma)
    clock.advance(days=12)
    Deadlines(services.transactions, services.terms._zone).expire(SCHEDULER)
    value = [("replacement_value charge", "placement-1", 6500, date(2026, 3, 13))]
    assert charged(warehouse)[1:] == value
    services.blind_returns.take_in(warehouse.actor, unit.serial, Condition.SOUND, "again")
    assert charged(warehouse)[2:] == [("later_evidence credit", "placement-1", 6500, date(2026, 3, 14))]


def test_a_unit_in_quarantine_when_service_ends_owes_its_fee_until_it_is_matched(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    case = blind(warehouse, unit)
    rma = warehouse.approved(unit, mode="on_receipt")
    clock.advance(days=1)
    end(warehouse, unit)
    fee = [("reimbursement_fee charge", "placement-1", 5000, date(2026, 3, 3))]
    assert charged(warehouse) == fee
    services.blind_returns.match(warehouse.actor, case.id, rma.id)
    assert charged(warehouse) == [*fee, ("later_evidence credit", "placement-1", 5000, date(2026, 3, 3))]


def test_it_belongs_to_no_other_units_and_no_other_accounts_rma(
    warehouse: Warehouse, services: Services, account: Account, unit: Unit
) -> None:
    other = warehouse.place(warehouse.open_account("Osprey Books"))
    theirs = warehouse.approved(other, mode="on_receipt")
    warehouse.take_back(other, rma=theirs)
    warehouse.refurbish(other)
    warehouse.send(account, other)
    moved, strange = blind(warehouse, other), blind(warehouse, unit)
    words = "is for another stay of .*, at AC-2; BR-1 came back from its stay at AC-1"
    refused(services, lambda: services.blind_returns.match(warehouse.actor, moved.id, theirs.id), words)
    refused(services, lambda: services.blind_returns.match(warehouse.actor, strange.id, theirs.id), "waits for")


def test_sent_back_it_is_tracked_until_the_carrier_proves_delivery(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    returns, actor = services.blind_returns, warehouse.actor
    case = blind(warehouse, unit)
    before = term_of(warehouse, unit)
    refused(services, lambda: returns.deliver(actor, case.id, clock()), "in_quarantine", IllegalTransitionError)
    sent_back = returns.send_back(actor, case.id, PARCEL, "nobody asked for an RMA")
    assert (sent_back.state, sent_back.carrier, sent_back.tracking) == ("sent_back", "UPS", "1Z999")
    assert warehouse.unit(unit.serial).custody == "shipped"
    clock.advance(days=2)
    refused(services, lambda: returns.deliver(actor, case.id, clock() + timedelta(1)), "was sent back")
    refused(services, lambda: returns.deliver(actor, case.id, clock() - timedelta(3)), "was sent back")
    assert returns.deliver(actor, case.id, clock()).state == "delivered"
    assert warehouse.unit(unit.serial).custody == "at_account"
    assert term_of(warehouse, unit) == before
    assert returns.page(actor, sorted(OPEN), 10, None) == []
    refused(services, lambda: returns.come_back(actor, case.id, "no"), "is delivered", IllegalTransitionError)
    assert blind(warehouse, unit).id == case.id + 1, "it may come again"


def test_its_registration_is_proof_of_delivery_too_and_its_line_serves_again(
    warehouse: Warehouse, services: Services, unit: Unit
) -> None:
    case = blind(warehouse, unit)
    services.blind_returns.send_back(warehouse.actor, case.id, PARCEL, "as it came")
    assert warehouse.result(unit) == "accepted"
    settled, steps, _ = services.blind_returns.get(warehouse.actor, case.id)
    assert (settled.state, steps[-1].actor) == ("delivered", unit.serial)
    assert warehouse.unit(unit.serial).custody == "at_account"
    assert services.units.get(warehouse.actor, unit.serial).configuration.line_level == "full"


def test_refused_by_its_account_it_is_in_quarantine_again_whichever_way_it_is_told(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    returns, actor = services.blind_returns, warehouse.actor
    case = blind(warehouse, unit)
    ways: list[Callable[[], BlindCase]] = [
        lambda: returns.come_back(actor, case.id, "refused"),
        lambda: blind(warehouse, unit),
    ]
    for told in ways:
        returns.send_back(actor, case.id, PARCEL, "as it came")
        clock.advance(days=4)
        again = told()
        assert (again.id, again.state, again.received_at) == (case.id, "in_quarantine", case.received_at)
        assert warehouse.unit(unit.serial).custody == "returned"


def test_on_its_way_back_it_may_turn_round_under_an_rma(warehouse: Warehouse, services: Services, unit: Unit) -> None:
    case = blind(warehouse, unit)
    services.blind_returns.send_back(warehouse.actor, case.id, PARCEL, "as it came")
    rma = warehouse.approved(unit, mode="on_receipt")
    assert scan(warehouse, unit).blind is None
    settled, steps, _ = services.blind_returns.get(warehouse.actor, case.id)
    assert (settled.state, settled.rma_id) == ("matched", rma.id)
    assert [step.event for step in steps] == ["take_in", "send_back", "come_back", "match"]


def test_our_own_parcel_that_never_arrived_is_nobodys_return(
    warehouse: Warehouse, services: Services, unit: Unit
) -> None:
    rma = warehouse.approved(unit)
    new = warehouse.replace(rma)
    services.rmas.lose(warehouse.actor, rma.id, "refused")
    before, early = snapshot(services), services.transactions.clock() - timedelta(days=1)
    with pytest.raises(InvalidError, match="came between"):
        services.blind_returns.take_in(warehouse.actor, new.serial, Condition.SOUND, "refused", early)
    assert snapshot(services) == before
    taken = scan(warehouse, new)
    assert (taken.rma, taken.blind, taken.unit.custody) == (None, None, "returned")
    assert services.audit.page(warehouse.actor, 1, None, None)[0].action == "unit:turn_up"
    services.refurbishings.take_in(warehouse.actor, new.serial, AS_NEW)
    assert warehouse.refurbish(new).custody == "in_stock"


def test_what_never_left_is_not_taken_in(warehouse: Warehouse, services: Services) -> None:
    stocked = warehouse.stock()
    refused(services, lambda: scan(warehouse, stocked), "is in_stock", IllegalTransitionError)
    with pytest.raises(NotFoundError):
        services.blind_returns.take_in(warehouse.actor, "PT999999992", Condition.SOUND, "whose?")


def test_a_unit_that_was_given_up_and_comes_after_all_is_matched_and_not_replaced_twice(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)
    warehouse.register(warehouse.replace(rma))
    warehouse.stock()
    clock.advance(days=11)
    Deadlines(services.transactions, services.terms._zone).expire(SCHEDULER)
    services.returns.close(warehouse.actor, rma.id, "given up")
    clock.advance(days=5)
    case = blind(warehouse, unit)
    again = warehouse.approved(unit, mode="on_receipt")
    services.blind_returns.match(warehouse.actor, case.id, again.id)
    refused(services, lambda: services.rmas.reserve(warehouse.actor, again.id), "was replaced by")
    assert [line[0] for line in charged(warehouse)][1:] == ["replacement_value charge"]
    services.returns.inspect(warehouse.actor, again.id, Inspection(InspectionCode.WORN, note="worn"))
    assert [line[0] for line in charged(warehouse)][2:] == ["late_return credit"]


@pytest.mark.parametrize(("price", "stays"), [(0, True), (3995, False)])
def test_after_the_end_our_own_unit_may_stay_and_the_accounts_own_goes_back(
    warehouse: Warehouse, services: Services, account: Account, price: int, stays: bool
) -> None:
    unit = warehouse.place(account, price=price)
    end(warehouse, unit)
    kind, mode = RmaKind.CANCELLATION_RETURN, ReplacementMode.ON_RECEIPT
    refused(services, lambda: services.rmas.open(warehouse.actor, unit.serial, kind, mode, "sent"), "only a leased one")
    case = blind(warehouse, unit)
    if stays:
        rma = warehouse.approved(unit, kind, mode)
        assert services.blind_returns.match(warehouse.actor, case.id, rma.id).returning == "received"
    else:
        refused(
            services, lambda: services.rmas.open(warehouse.actor, unit.serial, kind, mode, "?"), "only a leased one"
        )


def test_a_leased_unit_that_is_here_when_service_ends_is_not_asked_back(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit = warehouse.stock()
    line = OrderLine(unit.board, 1, Money(0), Money(500), ownership=Ownership.LEASED)
    order = services.orders.create(warehouse.actor, account.id, clock().date(), [line])
    services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    case = blind(warehouse, unit)
    end_service(services, warehouse)
    clock.advance(days=5)
    assert services.cancellations.take_effect(SCHEDULER) == 1
    assert services.rmas.page(warehouse.actor, 10, None) == []
    rma = warehouse.approved(unit, RmaKind.CANCELLATION_RETURN, "on_receipt")
    services.blind_returns.match(warehouse.actor, case.id, rma.id)
    clock.advance(days=60)
    assert Deadlines(services.transactions, services.terms._zone).expire(SCHEDULER) == 0
    assert charged(warehouse) == []


def test_the_warehouse_takes_in_and_an_administrator_sees_their_own(
    warehouse: Warehouse, services: Services, unit: Unit
) -> None:
    refused(
        services,
        lambda: services.blind_returns.take_in(warehouse.actor, unit.serial, Condition.SOUND, " "),
        "say why",
        FleetError,
    )
    warehouse.actor = someone(Role.WAREHOUSE)
    case = blind(warehouse, unit)
    own, foreign = (someone(Role.ACCOUNT_ADMINISTRATOR, account_id=number) for number in (1, 9))
    assert services.blind_returns.page(own, sorted(OPEN), 10, None) == [case]
    assert services.blind_returns.page(foreign, sorted(OPEN), 10, None) == []
    with pytest.raises(NotFoundError):
        services.blind_returns.get(foreign, case.id)
    steps: list[Callable[[], object]] = [
        lambda: services.blind_returns.match(own, case.id, 1),
        lambda: services.blind_returns.send_back(own, case.id, PARCEL, "mine"),
        lambda: services.blind_returns.take_in(own, unit.serial, Condition.SOUND, "mine"),
    ]
    for step in steps:
        with pytest.raises(ForbiddenError):
            step()
