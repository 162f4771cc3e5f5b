"""A cancellation from the call to the last unit: when it counts, what it changes on its day, and what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.cancellation import CancellationState
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, FleetError, InvalidError, NotFoundError
from fleet.domain.money import Money
from fleet.domain.order import OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.proof_of_identity import ProofMethod
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.deadlines import Deadlines
from fleet.services.jobs import SCHEDULER
from fleet.store.cancellations import KeptCancellation
from fleet.store.charges import ChargeFilter
from fleet.store.tables.journal import outbox
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.charging import outbox_keys
from tests.fleet.services.equipment import PARCEL, Warehouse, sent, snapshot
from tests.fleet.services.test_subjects import let_in

ADMINISTRATOR = "PE-1"
CALL = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)  # 10:00 in New York


@pytest.fixture
def units(warehouse: Warehouse, account: Account, clock: Clock) -> list[Unit]:
    """Two free units, active since 2 March; then a call on the 10th."""
    placed = [warehouse.place(account), warehouse.place(account)]
    clock.now = CALL
    return placed


def by_phone(**changed: object) -> Asked:
    asked = Asked(CALL, NoticeChannel.PHONE, ADMINISTRATOR, proof=ProofMethod.SECURITY_QUESTIONS)
    return replace(asked, **changed)  # type: ignore[arg-type]


def request(warehouse: Warehouse, **changed: object) -> KeptCancellation:
    return warehouse.services.cancellations.request(warehouse.actor, 1, by_phone(**changed))


def run(services: Services) -> int:
    return services.cancellations.take_effect(SCHEDULER)


def state(services: Services, number: int) -> str:
    return services.cancellations.get(SCHEDULER, number).cancellation.state


def fees(warehouse: Warehouse) -> list[tuple[str, int, date]]:
    found = warehouse.services.charges.page(warehouse.actor, ChargeFilter(), 100, None)
    return [(each.event.subject, each.event.amount.cents, each.event.on) for each in found]


def line(warehouse: Warehouse, unit: Unit) -> str:
    return warehouse.services.units.get(warehouse.actor, unit.serial).configuration.line_level


def mails(services: Services) -> dict[str, str]:
    texts = [message["text"] for message in sent(services, "mail")]
    with services.transactions.engine.connect() as connection:
        keys = connection.execute(select(outbox.c.key).where(outbox.c.kind == "mail").order_by(outbox.c.id))
        return dict(zip(keys.scalars(), texts, strict=True))


@pytest.mark.usefixtures("units")
def test_a_call_takes_effect_72_hours_later_and_is_confirmed_with_its_quote(
    warehouse: Warehouse, services: Services
) -> None:
    kept = request(warehouse)
    effect = kept.cancellation.effect
    assert (effect.on, effect.at) == (date(2026, 3, 14), datetime(2026, 3, 14, 4, 0, tzinfo=UTC))
    assert effect.avoids == date(2026, 4, 2)
    assert [line.fee.cents for line in kept.quote] == [5000, 5000]
    assert kept == services.cancellations.get(warehouse.actor, 1)
    mail = mails(services)["cancellation_request:CN-1"]
    assert "Service ends on 2026-03-14" in mail
    assert "In all $100.00" in mail
    verification = kept.cancellation.notice.verification
    assert verification is not None
    assert verification.verified_by == "PE-900"
    assert services.audit.page(warehouse.actor, 1, None, None)[0].action == "cancellation:request"


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize(
    "changed",
    [
        {"administrator": "PE-900"},
        {"proof": None},
        {"proof": ProofMethod.SIGNED_LETTER},
        {"at": CALL.replace(hour=9)},  # 5:00
        {"at": CALL + timedelta(seconds=1)},
        {"at": CALL - timedelta(days=31)},
        {"channel": NoticeChannel.DISTRIBUTOR},
        {"units": ["PT999999992"]},
        {"units": []},
        {"asked_for": date.max},  # its bill would be of a year there is not
    ],
)
def test_a_notice_that_does_not_count_changes_nothing(
    warehouse: Warehouse, services: Services, changed: dict[str, object]
) -> None:
    request(warehouse)
    before = snapshot(services)
    with pytest.raises(InvalidError):
        request(warehouse, **changed)
    assert snapshot(services) == before


@pytest.mark.usefixtures("units")
def test_a_late_notice_renews_the_period(warehouse: Warehouse, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 31, 14, 0, tzinfo=UTC)  # two Business Days before 2 April
    effect = request(warehouse, at=clock()).cancellation.effect
    assert effect.on == date(2026, 5, 2)
    assert effect.renewed is not None


@pytest.mark.usefixtures("units")
def test_before_its_day_it_may_be_withdrawn_and_then_nothing_ends(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    request(warehouse)
    with pytest.raises(InvalidError, match="only an Administrator"):
        services.cancellations.withdraw(warehouse.actor, 1, "PE-900")
    clock.now = datetime(2026, 3, 14, 3, 59, 59, tzinfo=UTC)
    assert run(services) == 0
    services.cancellations.withdraw(warehouse.actor, 1, ADMINISTRATOR)
    assert "service goes on" in mails(services)["cancellation_withdrawal:CN-1"]
    clock.advance(days=30)
    before = snapshot(services)
    assert run(services) == 0
    with pytest.raises(ConflictError):
        services.cancellations.withdraw(warehouse.actor, 1, ADMINISTRATOR)
    assert snapshot(services) == before


@pytest.mark.usefixtures("units")
def test_from_its_day_on_it_is_not_withdrawn_even_if_no_job_has_run(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    request(warehouse)
    clock.now = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="took effect"):
        services.cancellations.withdraw(warehouse.actor, 1, ADMINISTRATOR)
    assert snapshot(services) == before


@pytest.mark.usefixtures("units")
def test_a_second_notice_replaces_the_first(warehouse: Warehouse, services: Services, clock: Clock) -> None:
    request(warehouse)
    request(warehouse, asked_for=date(2026, 4, 20))
    assert (state(services, 1), state(services, 2)) == ("replaced", "requested")
    assert "It replaces" not in mails(services)["cancellation_request:CN-1"]
    assert "It replaces CN-1 whole" in mails(services)["cancellation_request:CN-2"]
    clock.advance(days=10)
    assert run(services) == 0


def test_on_its_day_the_units_end_with_their_fees_and_the_account_with_its_service(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    request(warehouse)
    clock.now = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)
    assert run(services) == 1
    day = date(2026, 3, 14)
    assert fees(warehouse) == [("placement-1", 5000, day), ("placement-2", 5000, day)]
    assert {line(warehouse, unit) for unit in units} == {"emergency_only"}
    assert not services.accounts.get(warehouse.actor, 1).service_available
    assert state(services, 1) == CancellationState.COMPLETED
    mail = mails(services)["cancellation_completion:CN-1"]
    assert mail.count("$50.00 for PT") == 2
    assert {f"configuration:{unit.serial}:3" for unit in units} <= outbox_keys(services, "command")
    before = snapshot(services)
    assert run(services) == 0
    assert snapshot(services) == before | {"audit_log": snapshot(services)["audit_log"]}


@pytest.mark.usefixtures("units")
def test_who_is_administrator_no_more_is_told_nothing_and_the_present_ones_are(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    ada = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)
    effect = request(warehouse).cancellation.effect
    bea = let_in(services, services.administrators.appoint(ada, 1, "Bea Wren", "bea@example.com"))
    services.administrators.remove(ada, 1, 1)
    clock.now = effect.at
    assert run(services) == 1
    done = [key for key in mails(services) if key.startswith("cancellation_completion")]
    assert done == [f"cancellation_completion:CN-1:{bea.reference}"]
    assert "$50.00" in mails(services)[done[0]]


@pytest.mark.usefixtures("units")
def test_after_a_long_rest_it_is_carried_out_as_of_its_day(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    request(warehouse)
    clock.advance(days=500)  # the terms are over by now, and were not then
    assert run(services) == 1
    assert {on for _, _, on in fees(warehouse)} == {date(2026, 3, 14)}


def test_those_that_wait_are_carried_out_in_the_order_of_their_days(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    second = warehouse.open_account("Osprey Books")
    other = warehouse.place(second)
    late, early = date(2026, 3, 30), date(2026, 3, 20)
    request(warehouse, asked_for=late)
    asked = by_phone(administrator="PE-2", asked_for=early)
    services.cancellations.request(warehouse.actor, second.id, asked)
    clock.advance(days=60)
    assert run(services) == 2
    assert [on for _, _, on in fees(warehouse)] == [early, late, late]
    assert line(warehouse, other) == "emergency_only"


def test_part_of_the_services_ends_alone_also_that_of_a_unit_on_its_way(
    warehouse: Warehouse, services: Services, clock: Clock, account: Account, units: list[Unit]
) -> None:
    travelling = warehouse.stock()
    warehouse.send(account, travelling)
    kept = request(warehouse, units=[units[0].serial, travelling.serial])
    assert [line.unit for line in kept.quote] == [units[0].serial, travelling.serial]
    clock.advance(days=4)
    run(services)
    assert [subject for subject, _, _ in fees(warehouse)] == ["placement-1"]  # the other's term has not begun
    warehouse.register(travelling)
    warehouse.ready(travelling)
    levels = [line(warehouse, unit) for unit in (*units, travelling)]
    assert levels == ["emergency_only", "full", "emergency_only"]
    assert warehouse.unit(travelling.serial).service == "placed", "it is not activated"
    assert services.accounts.get(warehouse.actor, 1).service_available


def test_a_replacement_on_its_way_ends_with_the_unit_it_replaces(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit]
) -> None:
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(units[0]))
    request(warehouse, units=[units[0].serial])
    clock.advance(days=5)
    run(services)
    warehouse.register(new)
    assert line(warehouse, new) == "emergency_only"
    assert [subject for subject, _, _ in fees(warehouse)] == ["RMA-1", "placement-1"]


def test_a_leased_unit_is_asked_back_and_charged_if_it_stays_away(
    warehouse: Warehouse, services: Services, clock: Clock, account: Account
) -> None:
    unit = warehouse.stock()
    line = OrderLine(unit.board, 1, Money(0), Money(500), ownership=Ownership.LEASED)
    order = services.orders.create(warehouse.actor, account.id, clock().date(), [line])
    services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    clock.now = CALL
    request(warehouse)
    clock.now = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)
    run(services)
    rma, steps = services.rmas.get(warehouse.actor, 1)
    assert (rma.kind, rma.decision, rma.due_on) == ("cancellation_return", "approved", date(2026, 3, 24))
    assert [(step.event, step.actor) for step in steps] == [("approve", "scheduler")]
    assert fees(warehouse) == []
    clock.advance(days=30)
    Deadlines(services.transactions, services.terms._zone).expire(SCHEDULER)
    assert fees(warehouse) == [("placement-1", 6500, date(2026, 3, 25))]


@pytest.mark.parametrize("proof", ["registration", "delivery"])
def test_a_pending_cancellation_is_quoted_again_when_a_replacement_is_received(
    warehouse: Warehouse, services: Services, clock: Clock, units: list[Unit], proof: str
) -> None:
    def received() -> None:
        if proof == "registration":
            warehouse.register(new)
        else:
            services.rmas.deliver(warehouse.actor, 1, clock())

    warehouse.stock()
    new = warehouse.replace(warehouse.approved(units[0]))
    kept = request(warehouse)
    assert [line.fee.cents for line in kept.quote] == [5000, 5000, 0]
    clock.advance(days=1)
    received()
    again = services.cancellations.get(warehouse.actor, 1)
    assert [line.fee.cents for line in again.quote] == [0, 5000, 5000]
    assert "has changed" in mails(services)["cancellation_requote:CN-1:2"]
    before = len(mails(services))
    received()
    assert len(mails(services)) == before


@pytest.mark.usefixtures("units")
def test_nothing_is_sent_to_an_account_whose_service_has_ended(
    warehouse: Warehouse, services: Services, clock: Clock, account: Account
) -> None:
    unit = warehouse.stock()
    line = [OrderLine(unit.board, 1, Money(0))]
    order = services.orders.create(warehouse.actor, account.id, clock().date(), line)
    request(warehouse)
    clock.advance(days=4)
    run(services)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="has ended"):
        services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    with pytest.raises(ConflictError, match="has ended"):
        services.orders.create(warehouse.actor, account.id, clock().date(), line)
    with pytest.raises(ConflictError, match="has ended already"):
        request(warehouse, at=clock(), channel=NoticeChannel.DISTRIBUTOR, passed_on_by="Phones & More")
    assert snapshot(services) == before


@pytest.mark.usefixtures("units")
def test_only_support_notes_cancellations_and_an_administrator_reads_their_own(
    warehouse: Warehouse, services: Services
) -> None:
    stranger = warehouse.open_account("Osprey Books")
    request(warehouse)
    own = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)
    foreign = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=stranger.id)
    before = snapshot(services)
    assert len(services.cancellations.page(own, 1, 10, None)) == 1
    for read in (lambda: services.cancellations.get(foreign, 1), lambda: services.cancellations.page(foreign, 1, 1, 0)):
        with pytest.raises(NotFoundError):
            read()
    for actor in (own, someone(Role.FINANCE)):
        with pytest.raises(ForbiddenError):
            services.cancellations.request(actor, 1, by_phone())
        with pytest.raises(ForbiddenError):
            services.cancellations.withdraw(actor, 1, ADMINISTRATOR)
    with pytest.raises(FleetError):
        services.cancellations.withdraw(replace(warehouse.actor, account_id=stranger.id), 1, ADMINISTRATOR)
    assert snapshot(services) == before
