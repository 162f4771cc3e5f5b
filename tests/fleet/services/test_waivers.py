"""What frees an account of the fees of an end it asked for, to the day, before its effect and after it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.waiver import EndCause
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.waivers import Claim
from fleet.store.cancellations import KeptCancellation
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.test_cancellations import CALL, by_phone, mails, request
from tests.fleet.services.test_settlement import charged
from tests.fleet.services.test_terminations import refused

TOLD = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)  # 22:00 of the 9th in New York
EFFECTIVE = date(2026, 5, 1)


@pytest.fixture
def warehouse(services: Services, admin: Actor, clock: Clock) -> Warehouse:
    """An account with two free units, told of a change on 9 March; a second account that was not."""
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    warehouse.place(account)
    warehouse.place(account)
    warehouse.open_account("Osprey Books")
    clock.now = TOLD
    services.waivers.tell(admin, "Faxes are no longer stored.", EFFECTIVE, [account.id])
    clock.now = CALL
    return warehouse


def claim(warehouse: Warehouse, at: datetime = CALL, number: int = 1, **over: object) -> KeptCancellation:
    said = Claim(at, **(over or {"change_notice": 1}))  # type: ignore[arg-type]
    return warehouse.services.waivers.claim(warehouse.actor, number, said)


def fees(warehouse: Warehouse) -> list[tuple[str, str, int]]:
    return [line[:3] for line in charged(warehouse)]


def test_a_change_is_told_in_writing_with_30_days_to_object(warehouse: Warehouse, services: Services) -> None:
    mail = mails(services)["change_notice:CH-1:PE-1"]
    assert "Faxes are no longer stored." in mail
    assert "from 2026-05-01 on" in mail
    assert not any(key.startswith("change_notice:CH-1:PE-2") for key in mails(services))
    early = date(2026, 4, 8)  # today is 10 March
    refused(
        services,
        lambda: services.waivers.tell(warehouse.actor, "Less.", early, None),
        "takes effect on 2026-04-09 or later",
        InvalidError,
    )
    services.waivers.tell(warehouse.actor, "Less.", date(2026, 4, 9), None)
    assert {"change_notice:CH-2:PE-1", "change_notice:CH-2:PE-2"} <= set(mails(services))


def test_all_are_those_that_have_service(warehouse: Warehouse, services: Services) -> None:
    services.terminations.end(warehouse.actor, 1, "we leave the market")
    services.waivers.tell(warehouse.actor, "Less.", EFFECTIVE)
    assert [key for key in mails(services) if key.startswith("change_notice:CH-2")] == ["change_notice:CH-2:PE-2"]


def test_ending_over_the_change_is_quoted_anew_and_costs_nothing(
    warehouse: Warehouse, services: Services, clock: Clock
) -> None:
    assert [line.fee.cents for line in request(warehouse).quote] == [5000, 5000]
    kept = claim(warehouse)
    assert (kept.cause, [line.fee.cents for line in kept.quote]) == (EndCause.HARMFUL_CHANGE, [0, 0])
    assert kept == services.cancellations.get(warehouse.actor, 1)
    assert "No reimbursement fee is due" in mails(services)["cancellation_waiver:CN-1"]
    assert "In all $0.00" in mails(services)["cancellation_requote:CN-1:2"]
    clock.advance(days=10)
    services.cancellations.take_effect(SCHEDULER)
    assert fees(warehouse) == []
    refused(services, lambda: claim(warehouse), "freed of the fees already")


@pytest.mark.parametrize(("number", "credited"), [(1, "placement-1"), (2, "placement-2")])
@pytest.mark.parametrize("whole", [True, False])
def test_claimed_after_the_end_it_credits_what_that_end_cost_and_no_other(
    warehouse: Warehouse, services: Services, clock: Clock, number: int, credited: str, whole: bool
) -> None:
    first, second = (unit.serial for unit in services.units.page(warehouse.actor, 2, None))
    request(warehouse, units=[first])
    clock.now = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)
    services.cancellations.take_effect(SCHEDULER)
    clock.now = datetime(2026, 3, 16, 14, 0, tzinfo=UTC)
    request(warehouse, at=clock(), units=None if whole else [second])
    clock.advance(days=5)
    services.cancellations.take_effect(SCHEDULER)
    both = [("reimbursement_fee charge", "placement-1", 5000), ("reimbursement_fee charge", "placement-2", 5000)]
    assert fees(warehouse) == both
    claim(warehouse, at=clock(), number=number)
    assert fees(warehouse) == [*both, ("later_evidence credit", credited, 5000)]
    before = snapshot(services)["charge_events"]
    assert services.cancellations.take_effect(SCHEDULER) == 0
    assert snapshot(services)["charge_events"] == before


@pytest.mark.parametrize(("day", "freed"), [(8, True), (9, False)])
def test_the_objection_comes_by_the_last_of_the_30_days(
    warehouse: Warehouse, services: Services, clock: Clock, day: int, freed: bool
) -> None:
    request(warehouse, asked_for=date(2026, 6, 1))
    said_at = datetime(2026, 4, day, 16, 0, tzinfo=UTC)  # told on 9 March: 8 April is the last day
    clock.now = datetime(2026, 4, 20, 16, 0, tzinfo=UTC)
    if freed:
        assert claim(warehouse, at=said_at).cause is EndCause.HARMFUL_CHANGE
    else:
        refused(services, lambda: claim(warehouse, at=said_at), "came after 2026-04-08")


@pytest.mark.parametrize(("since", "freed"), [(date(2026, 2, 27), True), (date(2026, 2, 28), False)])
def test_force_majeure_frees_after_more_than_10_days(
    warehouse: Warehouse, services: Services, since: date, freed: bool
) -> None:
    request(warehouse)
    if freed:
        assert claim(warehouse, since=since).cause is EndCause.FORCE_MAJEURE
    else:
        refused(services, lambda: claim(warehouse, since=since), "frees no Account through 2026-03-10")


def test_what_does_not_hold_frees_of_nothing(warehouse: Warehouse, services: Services) -> None:
    request(warehouse)
    theirs = by_phone(administrator="PE-2")
    services.cancellations.request(warehouse.actor, 2, theirs)
    refused(services, lambda: claim(warehouse, number=2), "AC-2 was never told of a change CH-1", NotFoundError)
    refused(services, lambda: claim(warehouse, since=date(2026, 3, 11)), "name the change", InvalidError)
    both = {"change_notice": 1, "since": date(2026, 2, 1)}
    refused(services, lambda: claim(warehouse, **both), "one of both", InvalidError)
    refused(services, lambda: claim(warehouse, at=CALL + timedelta(1)), "within 30 days", InvalidError)
    services.cancellations.withdraw(warehouse.actor, 1, "PE-1")
    refused(services, lambda: claim(warehouse), "no service ends by it", ConflictError)


def test_who_tells_who_claims_and_who_sees(warehouse: Warehouse, services: Services) -> None:
    request(warehouse)
    own, foreign = (someone(Role.ACCOUNT_ADMINISTRATOR, account_id=number) for number in (1, 2))
    assert [change.id for change in services.waivers.page(own, 10, None)] == [1]
    assert services.waivers.page(foreign, 10, None) == []
    refused(services, lambda: services.waivers.tell(someone(Role.SUPPORT), "x", EFFECTIVE), "policy", ForbiddenError)
    refused(services, lambda: services.waivers.claim(own, 1, Claim(CALL, 1)), "cancellation", ForbiddenError)
    refused(services, lambda: services.waivers.tell(warehouse.actor, "x", EFFECTIVE, [99]), "AC-99", NotFoundError)
    refused(services, lambda: services.waivers.tell(warehouse.actor, "x", EFFECTIVE, []), "1 to 1000", InvalidError)
