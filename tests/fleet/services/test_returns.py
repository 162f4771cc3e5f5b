"""The way back of a unit: scans, losses, inspection, reminders, and what each costs or gives back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, FleetError, IllegalTransitionError, InvalidError, NotFoundError
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.rma import Condition, ReplacementMode, Rma, RmaKind
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.deadlines import Deadlines
from fleet.services.jobs import SCHEDULER
from fleet.store.charges import ChargeFilter
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, sent, snapshot

GOOD = Inspection(InspectionCode.NO_FAULT_FOUND, note="as new")
WORN = Inspection(InspectionCode.WORN, note="the plug is loose")
LIQUID = Inspection(InspectionCode.LIQUID, photo="photo-1")
PARTS = Inspection(InspectionCode.MISSING_PARTS, note="no power supply")


@pytest.fixture
def unit(warehouse: Warehouse, account: Account) -> Unit:
    unit = warehouse.place(account)
    warehouse.stock()
    return unit


def value(warehouse: Warehouse) -> list[tuple[str, int, date]]:
    """Charges and credits of the first placement."""
    found = warehouse.services.charges.page(warehouse.actor, ChargeFilter(subject="placement-1"), 100, None)
    return [(f"{e.event.rule} {e.event.kind}", e.event.amount.cents, e.event.on) for e in found]


def take_in(warehouse: Warehouse, rma: Rma, found: Inspection | None = None) -> None:
    warehouse.services.rmas.receive(warehouse.actor, rma.id, rma.serial, Condition.DEFECTIVE)
    if found is not None:
        warehouse.services.returns.inspect(warehouse.actor, rma.id, found)


def deadlines(services: Services) -> Deadlines:
    return Deadlines(services.transactions, services.terms._zone)


def end_service(services: Services, warehouse: Warehouse, *units: Unit) -> int:
    """The number of the notice that ends the service of `units`, without any that of the account."""
    serials = [unit.serial for unit in units] or None
    at = services.transactions.clock()
    asked = Asked(at, NoticeChannel.DISTRIBUTOR, "PE-1", units=serials, passed_on_by="Phones & More")
    return services.cancellations.request(warehouse.actor, 1, asked).cancellation.id


def test_a_scan_in_time_that_turns_up_late_takes_the_charge_back(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)  # due on 12 March
    warehouse.replace(rma)
    handed_in = clock() + timedelta(days=9)
    clock.advance(days=12)
    assert deadlines(services).expire(SCHEDULER) == 1
    services.returns.hand_in(warehouse.actor, rma.id, clock() - timedelta(hours=1))  # a later scan of the same way
    clock.advance(days=9)
    take_in(warehouse, rma)
    assert value(warehouse) == [("replacement_value charge", 6500, date(2026, 3, 13))]
    services.returns.hand_in(warehouse.actor, rma.id, handed_in)
    assert value(warehouse)[1:] == [("later_evidence credit", 6500, date(2026, 3, 23))]
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    assert len(value(warehouse)) == 2


def test_an_earlier_scan_that_turns_up_while_the_unit_is_on_its_way_counts(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)  # due on 12 March
    warehouse.replace(rma)
    handed_in = clock() + timedelta(days=9)
    clock.advance(days=12)
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    assert value(warehouse) == [("replacement_value charge", 6500, date(2026, 3, 13))]
    assert services.returns.hand_in(warehouse.actor, rma.id, handed_in).returning == "in_transit"
    assert value(warehouse)[1:] == [("later_evidence credit", 6500, date(2026, 3, 14))]
    assert deadlines(services).expire(SCHEDULER) == 0


def test_a_late_scan_that_turns_up_after_the_receipt_charges_nothing(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)  # due on 12 March
    warehouse.replace(rma)
    handed_in = clock() + timedelta(days=11)
    clock.advance(days=13)  # no job has run since
    take_in(warehouse, rma)
    services.returns.hand_in(warehouse.actor, rma.id, handed_in)
    assert value(warehouse) == [], "received within the grace, it was in time"


def test_a_trial_that_proves_timely_after_its_inspection_gives_the_price_back_once(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit = warehouse.place(account, price=3995)
    end_service(services, warehouse)
    rma = warehouse.approved(unit, RmaKind.TRIAL_RETURN)  # due on 16 March
    handed_in = clock() + timedelta(days=13)
    clock.advance(days=25)
    take_in(warehouse, rma, GOOD)
    assert value(warehouse) == []
    for _ in range(2):
        services.returns.hand_in(warehouse.actor, rma.id, handed_in)
        assert value(warehouse) == [("trial_refund refund", 2995, date(2026, 3, 27))]


def test_a_scan_in_time_keeps_a_return_from_being_overdue(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)
    warehouse.replace(rma)
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    clock.advance(days=40)
    before = snapshot(services)
    assert deadlines(services).expire(SCHEDULER) == 0
    assert snapshot(services) == before


def test_a_late_unit_found_sound_has_its_value_credited_once(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)
    warehouse.register(warehouse.replace(rma))
    clock.advance(days=30)
    deadlines(services).expire(SCHEDULER)
    take_in(warehouse, rma)
    assert [line[0] for line in value(warehouse)] == ["replacement_value charge"]
    services.returns.inspect(warehouse.actor, rma.id, WORN)
    assert value(warehouse)[1:] == [("late_return credit", 6500, date(2026, 4, 1))]
    services.returns.close(warehouse.actor, rma.id, "restocked")
    assert len(value(warehouse)) == 2


def test_a_defect_that_was_caused_outside_is_charged_and_not_replaced(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit, mode="on_receipt")
    clock.advance(days=2)
    take_in(warehouse, rma, LIQUID)
    assert value(warehouse) == [("replacement_value charge", 6500, date(2026, 3, 4))]
    assert services.rmas.get(warehouse.actor, rma.id)[0].condition == "damaged"
    before = snapshot(services)
    with pytest.raises(ConflictError, match="liquid"):
        services.rmas.reserve(warehouse.actor, rma.id)
    with pytest.raises(IllegalTransitionError):
        services.returns.inspect(warehouse.actor, rma.id, GOOD)
    assert snapshot(services) == before


def test_a_unit_lost_on_its_way_back_is_charged_until_it_turns_up(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)
    warehouse.replace(rma)
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    clock.advance(days=5)
    services.returns.report_loss(warehouse.actor, rma.id, clock(), "no scan since Ohio")
    assert value(warehouse) == [("replacement_value charge", 6500, date(2026, 3, 7))]
    clock.advance(days=5)
    take_in(warehouse, rma, WORN)
    assert [line[:2] for line in value(warehouse)[1:]] == [("later_evidence credit", 6500)]


@pytest.mark.parametrize(
    ("price", "days", "found", "expected"),
    [
        (3995, 3, GOOD, [("trial_refund refund", 2995)]),
        (3995, 3, PARTS, []),
        (3995, 19, GOOD, [("trial_refund refund", 2995)]),  # without a scan, within the grace
        (3995, 20, GOOD, []),
        (0, 3, GOOD, []),
        (0, 3, PARTS, []),  # it was in our hands when service ended
        (900, 3, GOOD, []),  # the restocking fee eats it
    ],
)
def test_a_trial_return_in_time_and_whole_gives_the_price_back_less_the_restocking_fee(
    warehouse: Warehouse,
    services: Services,
    account: Account,
    clock: Clock,
    price: int,
    days: int,
    found: Inspection,
    expected: list[tuple[str, int]],
) -> None:
    unit = warehouse.place(account, price=price)
    end_service(services, warehouse)
    rma = warehouse.approved(unit, RmaKind.TRIAL_RETURN)
    clock.advance(days=days)
    take_in(warehouse, rma, found)
    clock.advance(days=40)
    services.cancellations.take_effect(SCHEDULER)
    assert [line[:2] for line in value(warehouse)] == expected


def test_a_trial_return_counts_from_the_notice_and_frees_of_the_fee_also_afterwards(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    end_service(services, warehouse)
    clock.advance(days=5)
    services.cancellations.take_effect(SCHEDULER)
    assert value(warehouse) == [("reimbursement_fee charge", 5000, date(2026, 3, 6))]
    rma = warehouse.approved(unit, RmaKind.TRIAL_RETURN)
    assert rma.due_on == date(2026, 3, 16), "14 days after the notice of 2 March"
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    clock.advance(days=3)
    take_in(warehouse, rma, GOOD)
    assert [line[:2] for line in value(warehouse)[1:]] == [("later_evidence credit", 5000)]


def test_a_trial_return_before_its_notice_gives_nothing_back_until_the_notice_comes(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit = warehouse.place(account, price=3995)
    rma = warehouse.approved(unit, RmaKind.TRIAL_RETURN)
    assert rma.due_on is None
    take_in(warehouse, rma, GOOD)
    assert value(warehouse) == []
    clock.advance(days=3)
    end_service(services, warehouse)
    assert value(warehouse) == [("trial_refund refund", 2995, date(2026, 3, 2))]
    clock.advance(days=10)
    end_service(services, warehouse)  # a second notice gives it no second time
    assert len(value(warehouse)) == 1


def test_the_price_of_a_unit_and_of_what_replaced_it_comes_back_once(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    """It stayed away, its RMA was given up, and then both of them came back from the trial."""
    unit, _ = warehouse.place(account, price=3995), warehouse.stock()
    wrong = warehouse.approved(unit, RmaKind.WRONG_ITEM)
    right = warehouse.replace(wrong)
    clock.advance(days=12)
    assert deadlines(services).expire(SCHEDULER) == 1
    services.rmas.deliver(warehouse.actor, wrong.id, clock())
    services.returns.close(warehouse.actor, wrong.id, "given up")
    trials = [warehouse.approved(each, RmaKind.TRIAL_RETURN) for each in (unit, right)]
    end_service(services, warehouse)
    for rma in trials:
        take_in(warehouse, rma, GOOD)
    assert [line for line in value(warehouse) if line[0] == "trial_refund refund"] == [
        ("trial_refund refund", 2995, date(2026, 3, 14))
    ]


def test_a_notice_gives_the_trial_returns_their_last_day_and_takes_it_along_when_it_is_withdrawn(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    unit, other = warehouse.place(account), warehouse.place(account)
    rma, others = (warehouse.approved(each, RmaKind.TRIAL_RETURN) for each in (unit, other))
    clock.advance(days=3)
    noted = end_service(services, warehouse, unit)

    def due() -> list[date | None]:
        return [services.rmas.get(warehouse.actor, each.id)[0].due_on for each in (rma, others)]

    assert due() == [date(2026, 3, 19), None]
    services.cancellations.withdraw(warehouse.actor, noted, "PE-1")
    assert due() == [None, None]


def test_an_rma_is_refused_for_what_the_unit_has_no_claim_to(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    def open_rma(kind: RmaKind) -> Rma:
        return services.rmas.open(warehouse.actor, unit.serial, kind, ReplacementMode.ADVANCE, "why")

    with pytest.raises(ConflictError, match="only a leased one"):
        open_rma(RmaKind.CANCELLATION_RETURN)
    clock.advance(days=31)
    with pytest.raises(ConflictError, match="a trial return is opened by"):
        open_rma(RmaKind.TRIAL_RETURN)
    end_service(services, warehouse)
    clock.advance(days=40)
    services.cancellations.take_effect(SCHEDULER)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="during the Term"):
        open_rma(RmaKind.DEFECT)
    assert snapshot(services) == before


def test_nothing_is_closed_while_a_unit_is_under_way_or_owed(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)
    new = warehouse.replace(rma)
    with pytest.raises(ConflictError, match="the replacement is shipped"):
        services.returns.close(warehouse.actor, rma.id, "done")
    warehouse.register(new)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="still owed"):
        services.returns.close(warehouse.actor, rma.id, "done")
    assert snapshot(services) == before


def test_a_scan_lies_between_the_approval_and_now(warehouse: Warehouse, services: Services, unit: Unit) -> None:
    rma = services.rmas.open(warehouse.actor, unit.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "mute")
    now = services.transactions.clock()
    with pytest.raises(ConflictError, match="is requested"):
        services.returns.hand_in(warehouse.actor, rma.id, now)
    services.rmas.approve(warehouse.actor, rma.id)
    before = snapshot(services)
    for at in (now - timedelta(seconds=1), now + timedelta(seconds=1)):
        with pytest.raises(InvalidError, match="the carrier has it between"):
            services.returns.hand_in(warehouse.actor, rma.id, at)
        with pytest.raises(InvalidError, match="the carrier has it between"):
            services.returns.report_loss(warehouse.actor, rma.id, at, "gone")
    assert snapshot(services) == before


def test_a_reminder_goes_out_once_before_the_deadline(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    def reminders() -> list[str]:
        return [mail["subject"] for mail in sent(services, "mail") if "is due on" in mail["subject"]]

    warehouse.approved(unit)  # due on 12 March
    clock.now = datetime(2026, 3, 9, 3, 59, tzinfo=UTC)  # 23:59 of the 8th
    assert deadlines(services).remind(SCHEDULER) == 0
    clock.advance(minutes=1)
    assert deadlines(services).remind(SCHEDULER) == 1
    assert reminders() == [f"RMA-1: {unit.serial} is due on 2026-03-12"]
    assert deadlines(services).remind(SCHEDULER) == 0
    assert len(reminders()) == 1


def test_another_last_day_has_a_reminder_of_its_own(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit, RmaKind.TRIAL_RETURN)
    due = []
    for _ in range(2):  # the second notice replaces the first
        asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", date(2026, 5, 1), passed_on_by="Phones & More")
        services.cancellations.request(warehouse.actor, 1, asked)
        clock.advance(days=12)
        due.append(services.rmas.get(warehouse.actor, rma.id)[0].due_on)
        assert [deadlines(services).remind(SCHEDULER) for _ in range(2)] == [1, 0]
    assert due == [date(2026, 3, 16), date(2026, 3, 28)]


def test_no_reminder_after_the_deadline_or_once_it_is_handed_in(
    warehouse: Warehouse, services: Services, unit: Unit, clock: Clock
) -> None:
    rma = warehouse.approved(unit)
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    clock.advance(days=9)
    assert deadlines(services).remind(SCHEDULER) == 0


def test_what_was_found_is_kept_with_who_found_it(warehouse: Warehouse, services: Services, unit: Unit) -> None:
    rma = warehouse.approved(unit, mode="on_receipt")
    take_in(warehouse, rma, WORN)
    kept = services.returns.inspection(warehouse.actor, rma.id)
    assert (kept.inspection, kept.by) == (WORN, "PE-900")


def test_the_warehouse_inspects_and_closes_nothing(warehouse: Warehouse, services: Services, unit: Unit) -> None:
    rma = warehouse.approved(unit, mode="on_receipt")
    with pytest.raises(NotFoundError, match="no inspection yet"):
        services.returns.inspection(warehouse.actor, rma.id)
    warehouse.actor = someone(Role.WAREHOUSE)
    take_in(warehouse, rma, WORN)
    with pytest.raises(ForbiddenError):
        services.returns.close(warehouse.actor, rma.id, "done")
    foreign = someone(Role.ADMIN, account_id=99)
    for step in (
        lambda: services.returns.inspection(foreign, rma.id),
        lambda: services.returns.close(foreign, rma.id, "done"),
    ):
        with pytest.raises(FleetError):
            step()
