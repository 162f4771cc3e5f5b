"""We end service after notice and the whole of the last day, or without a breach; what waited is settled with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, FleetError, IllegalTransitionError, InvalidError, NotFoundError
from fleet.domain.money import ZERO, Money
from fleet.domain.order import OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.rma import Condition
from fleet.domain.suspension import SuspensionReason
from fleet.domain.termination import Breach
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.jobs import SCHEDULER
from fleet.store.breach_notices import KeptBreachNotice
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import PARCEL, Warehouse, snapshot
from tests.fleet.services.test_cancellations import mails
from tests.fleet.services.test_settlement import charged

UNPAID, OTHER = Breach.NON_PAYMENT, Breach.OTHER
NOTICED = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)  # a Tuesday; 5 Business Days later is the 17th
OVER = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)  # 0:00 of the 18th in New York


@pytest.fixture
def units(warehouse: Warehouse, account: Account, clock: Clock) -> list[Unit]:
    """A free unit and a bought one, active since 2 March; on the 10th notice may be given."""
    placed = [warehouse.place(account), warehouse.place(account, price=3995)]
    clock.now = NOTICED
    return placed


def notify(warehouse: Warehouse, breach: Breach = UNPAID) -> KeptBreachNotice:
    return warehouse.services.terminations.give_notice(warehouse.actor, 1, breach, "invoice 17 is unpaid")


def level(warehouse: Warehouse, unit: Unit) -> str:
    return warehouse.services.units.get(warehouse.actor, unit.serial).configuration.line_level


def refused(services: Services, step: Callable[[], object], match: str, error: type[Exception] = ConflictError) -> None:
    before = snapshot(services)
    with pytest.raises(error, match=match):
        step()
    assert snapshot(services) == before


@pytest.mark.usefixtures("units")
def test_notice_goes_to_each_administrator_with_the_last_day(warehouse: Warehouse, services: Services) -> None:
    kept = notify(warehouse)
    assert (kept.notice.last_day, kept.notice.ends_at) == (date(2026, 3, 17), OVER)
    mail = mails(services)["breach_notice:BN-1:PE-1"]
    assert "invoice 17 is unpaid" in mail
    assert "by 2026-03-17, the whole day included" in mail
    assert services.terminations.get(warehouse.actor, 1) == kept
    assert services.audit.page(warehouse.actor, 1, None, None)[0].action == "breach_notice:give"
    assert notify(warehouse, OTHER).notice.last_day == date(2026, 4, 9)


@pytest.mark.usefixtures("units")
def test_the_first_notice_of_non_payment_counts_until_it_is_cured(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    notify(warehouse)
    clock.advance(days=3)
    refused(services, lambda: notify(warehouse), "BN-1 for non-payment stands, its last day is 2026-03-17")
    services.terminations.cure(warehouse.actor, 1, "paid in full")
    assert notify(warehouse).notice.last_day == date(2026, 3, 20)


def test_the_account_has_the_whole_of_the_last_day_and_then_its_service_ends_with_its_fees(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    notify(warehouse)
    clock.now = datetime(2026, 3, 18, 3, 59, 59, tzinfo=UTC)
    assert services.terminations.page(warehouse.actor, None, True, 10, None) == []
    refused(services, lambda: services.terminations.terminate(warehouse.actor, 1, "unpaid"), "the whole of 2026-03-17")
    clock.now = OVER
    assert [kept.id for kept in services.terminations.page(warehouse.actor, None, True, 10, None)] == [1]
    kept = services.terminations.terminate(warehouse.actor, 1, "nothing was paid")
    assert (kept.notice.state, kept.settled_by, kept.settled_why) == ("terminated", "PE-900", "nothing was paid")
    assert charged(warehouse) == [("reimbursement_fee charge", "placement-1", 5000, date(2026, 3, 18))]
    assert services.suspensions.standing(warehouse.actor, 1).state == "ended"
    assert [level(warehouse, unit) for unit in units] == ["emergency_only", "emergency_only"]
    mail = mails(services)["service_end:AC-1:PE-1"]
    assert "ended on 2026-03-18, for the breach of which BN-1 told you" in mail
    assert "$50.00 for PT" in mail
    assert services.terminations.page(warehouse.actor, None, True, 10, None) == []
    refused(services, lambda: services.terminations.terminate(warehouse.actor, 1, "again"), "has ended already")
    refused(services, lambda: notify(warehouse), "has ended already")


def test_no_job_ends_a_service_however_long_nobody_decides(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    notify(warehouse)
    clock.advance(days=400)
    for job in services.jobs:
        if job.name in {"end services", "end deadlines", "remind of deadlines"}:
            job.work(SCHEDULER)
    assert services.suspensions.standing(warehouse.actor, 1).state == "available"
    assert charged(warehouse) == []
    assert level(warehouse, units[0]) == "full"


@pytest.mark.usefixtures("units")
def test_payment_cures_also_after_the_last_day_any_other_breach_does_not(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    notify(warehouse)
    notify(warehouse, OTHER)
    clock.now = datetime(2026, 4, 10, 4, 0, tzinfo=UTC)
    refused(services, lambda: services.terminations.cure(warehouse.actor, 2, "stopped"), "the last day to cure")
    assert services.terminations.cure(warehouse.actor, 1, "paid").notice.state == "cured"
    refused(
        services,
        lambda: services.terminations.terminate(warehouse.actor, 1, "unpaid"),
        "is cured",
        IllegalTransitionError,
    )


@pytest.mark.usefixtures("units")
def test_a_suspension_lifted_after_full_payment_cures_and_a_suspended_account_may_be_terminated(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    suspensions = services.suspensions
    notify(warehouse)
    notify(warehouse, OTHER)
    suspensions.suspend(warehouse.actor, 1, SuspensionReason.NON_PAYMENT)
    suspensions.suspend(warehouse.actor, 1, SuspensionReason.LAW)
    suspensions.lift(warehouse.actor, 1, SuspensionReason.NON_PAYMENT, ZERO, False)
    assert [services.terminations.get(warehouse.actor, number).notice.state for number in (1, 2)] == [
        "cured",
        "notified",
    ]
    clock.advance(days=31)
    services.terminations.terminate(warehouse.actor, 2, "still")
    standing = suspensions.standing(warehouse.actor, 1)
    assert (standing.state, standing.reasons) == ("ended", frozenset())


@pytest.mark.usefixtures("units")
def test_an_end_without_a_breach_costs_nothing_and_is_explained(warehouse: Warehouse, services: Services) -> None:
    notify(warehouse)
    assert services.terminations.end(warehouse.actor, 1, "we leave the market").state == "ended"
    assert charged(warehouse) == []
    assert "Nothing is charged" in mails(services)["service_end:AC-1:PE-1"]
    assert services.terminations.get(warehouse.actor, 1).notice.state == "overtaken"
    assert [row[3] for row in snapshot(services)["account_notes"]] == ["we leave the market"]
    refused(services, lambda: services.terminations.end(warehouse.actor, 1, "again"), "has ended already")


@pytest.mark.usefixtures("units")
def test_a_cancellation_that_waits_is_overtaken_and_its_day_passes_quietly(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    asked = Asked(NOTICED, NoticeChannel.DISTRIBUTOR, "PE-1", date(2026, 5, 1), passed_on_by="Phones & More")
    services.cancellations.request(warehouse.actor, 1, asked)
    services.terminations.end(warehouse.actor, 1, "we leave the market")
    assert services.cancellations.get(warehouse.actor, 1).cancellation.state == "overtaken"
    clock.advance(days=90)
    before = snapshot(services)
    assert services.cancellations.take_effect(SCHEDULER) == 0
    assert snapshot(services) == before
    refused(services, lambda: services.cancellations.withdraw(warehouse.actor, 1, "PE-1"), "overtaken")


@pytest.mark.usefixtures("units")
def test_a_whole_cancellation_carried_out_late_overtakes_a_later_one(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    """The jobs were down: both days are over, and one of them must not stop the other accounts' ends."""
    asked = Asked(NOTICED, NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="Phones & More")
    services.cancellations.request(warehouse.actor, 1, asked)
    clock.advance(days=5)
    later = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="Phones & More")
    services.cancellations.request(warehouse.actor, 1, later)
    refused(services, lambda: services.terminations.end(warehouse.actor, 1, "late"), "ended on 2026-03-14 by CN-1")
    clock.advance(days=60)
    assert services.cancellations.take_effect(SCHEDULER) == 1
    states = [services.cancellations.get(SCHEDULER, number).cancellation.state for number in (1, 2)]
    assert states == ["completed", "overtaken"]


def test_what_is_set_aside_goes_back_to_stock_and_what_is_on_its_way_back_goes_on(
    warehouse: Warehouse, services: Services, units: list[Unit]
) -> None:
    reserved, returning = (
        warehouse.approved(unit, mode=mode) for unit, mode in zip(units, ("advance", "on_receipt"), strict=True)
    )
    spare = warehouse.stock()
    services.rmas.reserve(warehouse.actor, reserved.id)
    services.terminations.end(warehouse.actor, 1, "we leave the market")
    assert warehouse.unit(spare.serial).custody == "in_stock"
    rma, steps = services.rmas.get(warehouse.actor, reserved.id)
    assert (rma.replacement, rma.replacement_serial, steps[-1].event) == ("none", None, "release")
    received = services.rmas.receive(warehouse.actor, returning.id, units[1].serial, Condition.SOUND)
    assert received.returning == "received"
    for number in (reserved.id, returning.id):
        refused(services, lambda number=number: services.rmas.reserve(warehouse.actor, number), "nothing is sent")


def test_what_is_set_aside_for_a_unit_that_is_here_for_repair_goes_back_to_stock(
    warehouse: Warehouse, services: Services, units: list[Unit]
) -> None:
    rma, spare = warehouse.take_back(units[0]), warehouse.stock()
    services.rmas.reserve(warehouse.actor, rma.id)
    services.terminations.end(warehouse.actor, 1, "we leave the market")
    assert warehouse.unit(spare.serial).custody == "in_stock"
    assert services.rmas.get(warehouse.actor, rma.id)[0].replacement == "none"


@pytest.mark.parametrize("whole", [True, False])
def test_after_the_end_the_accounts_own_unit_comes_home_repaired_and_ours_stays_here(
    warehouse: Warehouse, services: Services, units: list[Unit], clock: Clock, whole: bool
) -> None:
    """Sent back, ours would begin a new term, and cost a fee at an account that has no service on that line."""
    ours, own = (warehouse.take_back(unit) for unit in units)
    for unit in units:
        warehouse.refurbish(unit)
    serials = None if whole else [unit.serial for unit in units]
    asked = Asked(NOTICED, NoticeChannel.DISTRIBUTOR, "PE-1", units=serials, passed_on_by="Phones & More")
    clock.now = services.cancellations.request(warehouse.actor, 1, asked).cancellation.effect.at
    assert services.cancellations.take_effect(SCHEDULER) == 1
    refused(services, lambda: services.rmas.reserve(warehouse.actor, ours.id, units[0].serial), "has ended")
    refused(services, lambda: services.rmas.reserve(warehouse.actor, own.id, units[0].serial), "has ended")
    services.rmas.reserve(warehouse.actor, own.id, units[1].serial)
    assert services.rmas.ship(warehouse.actor, own.id, PARCEL).replacement == "shipped"
    home = warehouse.unit(units[1].serial)
    assert warehouse.result(home) == "accepted"
    assert level(warehouse, home) == "emergency_only"
    if not whole:
        services.terminations.end(warehouse.actor, 1, "we leave the market")
    assert charged(warehouse) == []
    assert services.accounts.close(warehouse.actor, 1).closed_at == clock()


@pytest.mark.parametrize("by_us", [True, False])
def test_what_a_due_cancellation_ended_before_us_keeps_its_day_and_its_fee(
    warehouse: Warehouse, services: Services, units: list[Unit], clock: Clock, by_us: bool
) -> None:
    """At 0:00 part of the service ended; the job that carries it out comes some minutes later."""
    notify(warehouse)
    asked = Asked(
        NOTICED, NoticeChannel.DISTRIBUTOR, "PE-1", date(2026, 3, 20), [units[0].serial], passed_on_by="Phones & More"
    )
    clock.now = services.cancellations.request(warehouse.actor, 1, asked).cancellation.effect.at

    def end() -> object:
        if by_us:
            return services.terminations.end(warehouse.actor, 1, "we leave the market")
        return services.terminations.terminate(warehouse.actor, 1, "unpaid")

    refused(services, end, "ended on 2026-03-20 by CN-1, which is carried out soon")
    assert services.cancellations.take_effect(SCHEDULER) == 1
    end()
    assert charged(warehouse) == [("reimbursement_fee charge", "placement-1", 5000, date(2026, 3, 20))]


def test_a_leased_unit_is_asked_back(warehouse: Warehouse, services: Services, account: Account, clock: Clock) -> None:
    unit = warehouse.stock()
    line = OrderLine(unit.board, 1, Money(0), Money(500), ownership=Ownership.LEASED)
    order = services.orders.create(warehouse.actor, account.id, clock().date(), [line])
    services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    services.terminations.end(warehouse.actor, 1, "we leave the market")
    rma = services.rmas.get(warehouse.actor, 1)[0]
    assert (rma.kind, rma.decision, rma.due_on) == ("cancellation_return", "approved", date(2026, 3, 12))


def test_a_value_that_is_due_goes_before_the_fee(
    warehouse: Warehouse, services: Services, units: list[Unit], clock: Clock
) -> None:
    notify(warehouse)
    warehouse.stock()
    rma = warehouse.approved(units[0])  # due on the 20th
    warehouse.replace(rma)
    services.rmas.lose(warehouse.actor, rma.id, "lost")
    warehouse.stock()
    warehouse.register(warehouse.replace(rma))
    clock.advance(days=20)  # no job has run
    services.terminations.terminate(warehouse.actor, 1, "unpaid")
    of_old = [line for line in charged(warehouse) if line[1] == "placement-1"]
    assert of_old == [("replacement_value charge", "placement-1", 6500, date(2026, 3, 21))]


@pytest.mark.usefixtures("units")
def test_each_breach_is_decided_by_its_own_people_and_seen_by_its_own_account(
    warehouse: Warehouse, services: Services
) -> None:
    terminations = services.terminations
    finance, support = someone(Role.FINANCE), someone(Role.SUPPORT)
    own, foreign = (someone(Role.ACCOUNT_ADMINISTRATOR, account_id=number) for number in (1, 9))
    steps: list[Callable[[], object]] = [
        lambda: terminations.give_notice(finance, 1, OTHER, "spam"),
        lambda: terminations.end(finance, 1, "no"),
        lambda: terminations.give_notice(support, 1, UNPAID, "no"),
        lambda: terminations.end(own, 1, "no"),
    ]
    for step in steps:
        refused(services, step, "decided by|needs service:end", ForbiddenError)
    kept = terminations.give_notice(finance, 1, UNPAID, "invoice 17")
    assert terminations.page(own, 1, False, 10, None) == [kept]
    assert terminations.page(foreign, None, False, 10, None) == []
    with pytest.raises(NotFoundError):
        terminations.get(foreign, 1)
    refused(services, lambda: terminations.cure(finance, 1, ""), "say why", InvalidError)
    refused(services, lambda: terminations.give_notice(finance, 99, UNPAID, "who?"), "no account", FleetError)


@pytest.mark.usefixtures("units")
def test_notice_is_in_writing_so_somebody_must_be_there_to_read_it(
    warehouse: Warehouse, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fleet.store.people import PeopleRepository

    monkeypatch.setattr(PeopleRepository, "administrators_of", lambda _self, _account: [])
    refused(services, lambda: notify(warehouse), "no Administrator to write to")
