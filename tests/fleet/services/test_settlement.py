"""What acts cost is charged and credited with the act, once, as of its day; evidence known later only lowers it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from fleet.domain.access import system_actor
from fleet.domain.account import Account
from fleet.domain.rma import Condition, Rma, RmaKind
from fleet.domain.term import ServiceEnded, TermEvent, TrialReturned, ValueCharged, ValueCredited
from fleet.domain.unit import Unit
from fleet.domain.waiver import EndCause
from fleet.services.build import Services
from fleet.services.deadlines import Deadlines
from fleet.services.jobs import SCHEDULER
from fleet.services.settlement import end_service
from fleet.store.charges import ChargeFilter
from fleet.store.placements import PlacementRepository
from fleet.store.terms import TermEventRepository
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse, snapshot

Lines = list[tuple[str, str, int, date]]


def charged(warehouse: Warehouse) -> Lines:
    """Rule and kind, subject, cents and day of every event."""
    found = warehouse.services.charges.page(warehouse.actor, ChargeFilter(), 100, None)
    events = [each.event for each in found]
    return [(f"{e.rule} {e.kind}", e.subject, e.amount.cents, e.on) for e in events]


def end(warehouse: Warehouse, *units: Unit, cause: EndCause = EndCause.ACCOUNT, at: datetime | None = None) -> None:
    services = warehouse.services
    with services.transactions.begin(system_actor("test")) as uow:
        stays = [PlacementRepository(uow).latest_of(unit.serial) for unit in units]
        end_service(
            uow,
            stays[0].opened.account_id,
            [stay.id for stay in stays],
            at or uow.now,
            cause,
            services.terms._zone,
        )
        uow.commit()


def events_of(services: Services, account: Account) -> Iterable[TermEvent]:
    with services.transactions.read(system_actor("test")) as uow:
        return TermEventRepository(uow).of_account(account.id)


def deadlines(services: Services) -> int:
    return Deadlines(services.transactions, services.terms._zone).expire(SCHEDULER)


def replaced_in_advance(warehouse: Warehouse, account: Account) -> Rma:
    """Granted to a unit of the account whose replacement is on its way."""
    unit = warehouse.place(account)
    warehouse.stock()
    rma = warehouse.approved(unit)
    warehouse.replace(rma)
    return rma


def test_the_new_facts_are_read_as_they_were_recorded(
    services: Services, warehouse: Warehouse, account: Account
) -> None:
    warehouse.place(account)
    at = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    facts = [
        TrialReturned(1, at),
        ValueCharged(1, at),
        ValueCredited(1, at),
        *(ServiceEnded(1, at, cause) for cause in EndCause),
    ]
    with services.transactions.begin(system_actor("test")) as uow:
        for fact in facts:
            TermEventRepository(uow).record(account.id, fact)
        uow.commit()
    assert list(events_of(services, account))[3:] == facts


def test_each_unit_in_its_term_costs_its_fee_when_service_ends(
    warehouse: Warehouse, account: Account, clock: Clock
) -> None:
    units = [warehouse.place(account), warehouse.place(account), warehouse.place(account, price=3995)]
    clock.advance(days=100)
    end(warehouse, *units)
    day = date(2026, 6, 10)
    assert charged(warehouse) == [
        ("reimbursement_fee charge", "placement-1", 5000, day),
        ("reimbursement_fee charge", "placement-2", 5000, day),
    ]


def test_an_end_that_is_recorded_late_is_charged_as_of_its_day_and_once(
    warehouse: Warehouse, account: Account, clock: Clock
) -> None:
    unit = warehouse.place(account)
    ended = clock() + timedelta(days=10)
    clock.advance(days=400)  # the term is over by now, and was not then
    end(warehouse, unit, at=ended)
    assert charged(warehouse) == [("reimbursement_fee charge", "placement-1", 5000, date(2026, 3, 12))]
    before = snapshot(warehouse.services)
    end(warehouse, unit)
    after = snapshot(warehouse.services)
    assert (after["charge_events"], after["term_events"], after["outbox"]) == (
        before["charge_events"],
        before["term_events"],
        before["outbox"],
    )


@pytest.mark.parametrize("cause", list(EndCause))
def test_the_cause_decides_whether_there_is_a_fee(
    warehouse: Warehouse, account: Account, clock: Clock, cause: EndCause
) -> None:
    unit = warehouse.place(account)
    clock.advance(days=10)
    end(warehouse, unit, cause=cause)
    assert len(charged(warehouse)) == (cause in {EndCause.ACCOUNT, EndCause.BREACH})


def test_a_proof_that_turns_up_later_credits_the_fee_of_what_was_replaced(
    warehouse: Warehouse, account: Account, clock: Clock
) -> None:
    old = warehouse.place(account)
    warehouse.stock()
    clock.advance(days=30)
    new = warehouse.replace(rma := warehouse.approved(old))
    clock.advance(days=5)
    end(warehouse, old, new)
    fee = ("reimbursement_fee charge", "placement-1", 5000, date(2026, 4, 6))
    assert charged(warehouse)[1:] == [fee]
    clock.advance(days=4)
    delivered = clock() - timedelta(days=6)
    warehouse.services.rmas.deliver(warehouse.actor, rma.id, delivered)
    credit = ("later_evidence credit", "placement-1", 5000, date(2026, 4, 10))
    assert charged(warehouse)[1:] == [fee, credit]
    found = warehouse.services.charges.page(warehouse.actor, ChargeFilter(subject="placement-1"), 10, None)
    assert found[1].event.of == found[0].event.key
    warehouse.services.rmas.deliver(warehouse.actor, rma.id, delivered)
    assert len(charged(warehouse)) == 3


@pytest.mark.parametrize(
    ("kind", "price", "cents"),
    [(RmaKind.DEFECT, 0, [995]), (RmaKind.DEFECT, 3995, []), (RmaKind.WRONG_ITEM, 0, [])],
)
def test_shipping_is_paid_for_what_is_sent_for_a_defect_of_our_equipment(
    warehouse: Warehouse, account: Account, kind: RmaKind, price: int, cents: list[int]
) -> None:
    unit = warehouse.place(account, price=price)
    warehouse.stock()
    warehouse.replace(warehouse.approved(unit, kind))
    assert [line[2] for line in charged(warehouse)] == cents


def test_shipping_is_paid_once_even_if_the_carrier_loses_it(warehouse: Warehouse, account: Account) -> None:
    unit = warehouse.place(account)
    warehouse.stock()
    warehouse.stock()
    rma = warehouse.approved(unit)
    warehouse.replace(rma)
    warehouse.services.rmas.lose(warehouse.actor, rma.id, "lost")
    warehouse.replace(rma)
    assert charged(warehouse) == [("shipping_and_handling charge", "RMA-1", 995, date(2026, 3, 2))]


def test_a_unit_that_was_replaced_and_stays_away_is_charged_as_of_the_first_day(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    rma = replaced_in_advance(warehouse, account)  # due on 12 March
    clock.now = datetime(2026, 3, 13, 3, 59, tzinfo=UTC)  # 23:59 of 12 March in New York
    before = snapshot(services)
    assert deadlines(services) == 0
    assert snapshot(services) == before
    clock.advance(days=60)
    assert deadlines(services) == 1
    assert charged(warehouse)[1] == ("replacement_value charge", "placement-1", 6500, date(2026, 3, 13))
    assert services.rmas.get(warehouse.actor, rma.id)[0].returning == "overdue"
    assert [type(fact) for fact in events_of(services, account)].count(ValueCharged) == 1
    before = snapshot(services)
    assert deadlines(services) == 0
    after = snapshot(services)
    assert after == before | {"audit_log": after["audit_log"]}


def test_a_unit_that_is_only_waited_for_is_not_overdue_while_nothing_was_sent(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    rma = warehouse.approved(warehouse.place(account))
    clock.advance(days=11)
    assert deadlines(services) == 0
    assert charged(warehouse) == []
    assert services.rmas.cancel(warehouse.actor, rma.id, "works again").decision == "cancelled"


def test_what_is_replaced_on_receipt_has_no_last_day_and_no_reminder(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    rma = warehouse.approved(warehouse.place(account), mode="on_receipt")
    assert rma.due_on is None
    for _ in range(12):
        clock.advance(days=1)
        assert Deadlines(services.transactions, services.terms._zone).remind(SCHEDULER) == 0
        assert deadlines(services) == 0


def test_a_unit_on_its_way_is_not_overdue_however_late_it_was_handed_in(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    rma = replaced_in_advance(warehouse, account)
    clock.advance(days=12)
    services.returns.hand_in(warehouse.actor, rma.id, clock())
    assert deadlines(services) == 0
    assert services.rmas.get(warehouse.actor, rma.id)[0].returning == "in_transit"
    assert [line[0] for line in charged(warehouse)] == ["shipping_and_handling charge", "replacement_value charge"]


def test_a_unit_received_without_a_scan_within_the_grace_was_in_time(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    rma = replaced_in_advance(warehouse, account)
    clock.advance(days=14)
    deadlines(services)
    clock.advance(days=1)
    services.rmas.receive(warehouse.actor, rma.id, rma.serial, Condition.DEFECTIVE)
    value = [line[:3] for line in charged(warehouse) if line[1] == "placement-1"]
    assert value == [
        ("replacement_value charge", "placement-1", 6500),
        ("later_evidence credit", "placement-1", 6500),
    ]
    assert [type(fact) for fact in events_of(services, account)].count(ValueCredited) == 1


def test_after_the_value_was_charged_no_fee_is(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    rma = replaced_in_advance(warehouse, account)
    clock.advance(days=3)
    services.rmas.lose(warehouse.actor, rma.id, "lost")
    warehouse.stock()
    warehouse.replace(rma)
    clock.advance(days=40)
    deadlines(services)
    end(warehouse, warehouse.unit(rma.serial))
    assert [line[0] for line in charged(warehouse) if line[1] == "placement-1"] == ["replacement_value charge"]


def test_a_unit_replaced_after_its_deadline_is_owed_from_that_day_on(
    warehouse: Warehouse, account: Account, clock: Clock, services: Services
) -> None:
    unit = warehouse.place(account)
    warehouse.stock()
    rma = warehouse.approved(unit)
    clock.advance(days=20)
    deadlines(services)
    assert charged(warehouse) == []
    warehouse.replace(rma)
    value = ("replacement_value charge", "placement-1", 6500, date(2026, 3, 22))
    assert [line for line in charged(warehouse) if line[1] == "placement-1"] == [value]
