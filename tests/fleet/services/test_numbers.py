"""Numbers: taken in, given out with the shipment, ported in and out, released; what each does to the line (ER 7)."""

from __future__ import annotations

from io import BytesIO

import pytest

from fleet.domain.access import ROLE_PERMISSIONS, Actor, ActorKind, ForbiddenError, Role, system_actor
from fleet.domain.account import Account
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError, NotFoundError
from fleet.domain.mac_block import Registry
from fleet.domain.phone_number import NumberEvent, NumberState
from fleet.domain.suspension import SuspensionReason
from fleet.domain.unit import Service, Unit
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.store.numbers import NumberRepository
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.services.equipment import FIRST_MAC, Warehouse, snapshot
from tests.fleet.services.telephony import level, numbers_of, reason

BROUGHT = "+15555550977"


@pytest.fixture
def unit(warehouse: Warehouse, account: Account) -> Unit:
    return warehouse.place(account)


def take_in(services: Services, actor: Actor, text: str, dry_run: bool = False) -> list[tuple[int, int, str]]:
    reports = services.numbers.take_in(actor, BytesIO(text.encode()), dry_run)
    return [(report.line, report.new, report.reason) for report in reports]


def named(services: Services, text: str) -> int:
    """The id of the number that is written so."""
    with services.transactions.read(system_actor("test")) as uow:
        found = NumberRepository(uow).find(text)
    assert found is not None
    return found.id


def states(services: Services, actor: Actor) -> dict[str, str]:
    return {number.number: str(number.state) for number in numbers_of(services, actor)}


def test_each_line_that_is_shipped_has_the_next_number(warehouse: Warehouse, account: Account, unit: Unit) -> None:
    other = warehouse.place(account)
    assert [each.number for each in numbers_of(warehouse.services, warehouse.actor)] == ["+15555550100", "+15555550101"]
    assert level(warehouse, unit) == level(warehouse, other) == "full"


def test_a_line_whose_service_has_ended_gets_no_number_any_more(
    warehouse: Warehouse, services: Services, account: Account, clock: Clock
) -> None:
    """The account keeps the unit it bought; nobody would take the number from its line again."""
    unit = warehouse.place(account, price=3995)
    warehouse.place(account)
    asked = Asked(clock(), NoticeChannel.DISTRIBUTOR, "PE-1", units=[unit.serial], passed_on_by="Phones & More")
    clock.now = services.cancellations.request(warehouse.actor, 1, asked).cancellation.effect.at
    services.cancellations.take_effect(system_actor("scheduler"))
    before = snapshot(services)
    with pytest.raises(ConflictError, match="has ended"):
        services.numbers.assign(warehouse.actor, unit.serial, None)
    with pytest.raises(ConflictError, match="has ended"):
        services.numbers.port_in(warehouse.actor, unit.serial, BROUGHT, "PE-1")
    assert snapshot(services) == before


def test_without_a_number_left_a_unit_goes_out_all_the_same_and_calls_911_alone(
    services: Services, admin: Actor
) -> None:
    warehouse = Warehouse(services, admin)
    services.mac_blocks.add(admin, Registry.MA_S, FIRST_MAC, prefix_bits=36)
    unit = warehouse.place(warehouse.open_account())
    assert (level(warehouse, unit), warehouse.unit(unit.serial).service) == ("emergency_only", Service.PLACED)
    assert reason(warehouse, unit) == "The line has no number of the account (none)."
    with pytest.raises(ConflictError, match="no number left"):
        services.numbers.assign(admin, unit.serial)
    take_in(services, admin, "first\n+15555550100\n")
    services.numbers.assign(admin, unit.serial)
    assert level(warehouse, unit) == "full"


def test_a_list_is_taken_in_whole_or_not_at_all(warehouse: Warehouse) -> None:
    services, actor = warehouse.services, warehouse.actor
    before = snapshot(services)
    assert take_in(services, actor, "first,last\n+15555551000,+15555551004\n+15555551003\n", dry_run=True) == [
        (2, 5, ""),
        (3, 0, ""),
    ]
    refused = take_in(services, actor, "first,last\n+15555551000,+15555551004\nnone,\n")
    assert [report[:2] for report in refused] == [(2, 5), (3, 0)]
    assert "written like" in refused[1][2]
    assert snapshot(services) == before
    assert take_in(services, actor, "first\n+15555551000\n+15555550100\n") == [(2, 1, ""), (3, 0, "")]
    assert services.numbers.get(actor, named(services, "+15555551000"))[0].state is NumberState.INVENTORY


@pytest.mark.parametrize(
    "text", ["", "number\n+15555551000\n", "first,last\n+15555551000,+15555551001,x\n", "first\n\xff"]
)
def test_what_is_no_list_of_numbers_is_refused(warehouse: Warehouse, text: str) -> None:
    before = snapshot(warehouse.services)
    with pytest.raises(InvalidError):
        warehouse.services.numbers.take_in(warehouse.actor, BytesIO(text.encode("latin-1")), dry_run=False)
    assert snapshot(warehouse.services) == before


def test_a_number_on_its_way_in_calls_out_only_until_it_is_effective(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    services.numbers.move(actor, named(services, "+15555550100"), NumberEvent.RELEASE, "they bring their own")
    assert level(warehouse, unit) == "emergency_only"
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)
    assert level(warehouse, unit) == "outgoing_only"
    services.numbers.take_effect(actor, named(services, BROUGHT))
    assert level(warehouse, unit) == "full"
    number, history = services.numbers.get(actor, named(services, BROUGHT))
    assert (number.state, number.own) == (NumberState.ASSIGNED, False)
    assert [(step.event, step.why) for step in history] == [("port_in", "asked for by PE-1"), ("take_effect", "")]


def test_the_number_of_meanwhile_goes_when_the_port_is_effective(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)
    assert level(warehouse, unit) == "full", "it is called by its first number"
    services.numbers.take_effect(actor, named(services, BROUGHT))
    assert states(services, actor) == {"+15555550100": "released", BROUGHT: "assigned"}
    assert level(warehouse, unit) == "full"


def test_a_port_that_fails_leaves_the_line_with_what_it_had(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)
    services.numbers.move(actor, named(services, BROUGHT), NumberEvent.FAIL_PORT, "the other carrier refuses")
    assert states(services, actor) == {"+15555550100": "assigned", BROUGHT: "released"}
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)  # and once more
    assert states(services, actor)[BROUGHT] == "porting_in"


def test_one_number_at_a_time_is_on_its_way_to_a_line(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)
    before = snapshot(services)
    with pytest.raises(ConflictError, match=r"has \+15555550977 already \(porting_in\)"):
        services.numbers.port_in(actor, unit.serial, "+15555550988", None)
    assert snapshot(services) == before


def test_porting_out_ends_nothing(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    owed = services.terms.quote(actor, 1)
    services.numbers.port_out(actor, named(services, "+15555550100"), "PE-1")
    assert services.terms.quote(actor, 1) == owed, "ToS 22.b, 22.c: the account stays and owes"
    assert services.accounts.get(actor, 1).service_available
    assert warehouse.unit(unit.serial).service is Service.ACTIVE
    assert level(warehouse, unit) == "emergency_only"
    assert "ported_out" in reason(warehouse, unit)


def test_only_an_administrator_ports(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    before = snapshot(services)
    with pytest.raises(InvalidError, match="PE-1"):
        services.numbers.port_out(actor, named(services, "+15555550100"), "PE-9")
    with pytest.raises(InvalidError, match="PE-1"):
        services.numbers.port_in(actor, unit.serial, BROUGHT, "PE-9")
    with pytest.raises(ForbiddenError):
        services.numbers.port_out(someone(Role.WAREHOUSE), named(services, "+15555550100"), "PE-1")
    assert snapshot(services) == before


def test_a_number_moves_with_the_line_at_a_swap(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(unit))
    assert (level(warehouse, unit), level(warehouse, new)) == ("full", "none")
    before = numbers_of(services, actor)
    warehouse.register(new)
    assert (level(warehouse, unit), level(warehouse, new)) == ("none", "full")
    assert numbers_of(services, actor) == before
    with pytest.raises(ConflictError, match="has \\+15555550100 already"):
        services.numbers.assign(actor, new.serial)


def test_numbers_are_released_with_the_service(
    warehouse: Warehouse, account: Account, unit: Unit, clock: Clock
) -> None:
    services, actor = warehouse.services, warehouse.actor
    stays = warehouse.place(account)
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)
    asked = Asked(START, NoticeChannel.DISTRIBUTOR, "PE-1", units=[unit.serial], passed_on_by="Phones & More")
    services.cancellations.request(actor, account.id, asked)
    clock.advance(days=40)
    services.cancellations.take_effect(actor)
    assert states(services, actor) == {
        "+15555550100": "released",
        "+15555550101": "assigned",
        BROUGHT: "released",
    }
    assert (level(warehouse, unit), level(warehouse, stays)) == ("emergency_only", "full")
    assert services.numbers.get(actor, named(services, BROUGHT))[1][-1].why == "the service ended"


def test_a_released_number_of_ours_is_given_again(warehouse: Warehouse, account: Account, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    services.numbers.move(actor, named(services, "+15555550100"), NumberEvent.RELEASE, "another one is wanted")
    services.numbers.assign(actor, unit.serial, "+15555550150")
    with pytest.raises(IllegalTransitionError, match="assigned: restock is not possible"):
        services.numbers.move(actor, named(services, "+15555550150"), NumberEvent.RESTOCK, "too soon")
    services.numbers.move(actor, named(services, "+15555550100"), NumberEvent.RESTOCK, "long quiet")
    other = warehouse.place(account)
    assert services.numbers.get(actor, named(services, "+15555550100"))[0].state is NumberState.ASSIGNED
    assert level(warehouse, other) == "full"


def test_a_refused_step_changes_nothing(warehouse: Warehouse, account: Account, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    other = warehouse.place(account)
    services.numbers.move(actor, named(services, "+15555550101"), NumberEvent.RELEASE, "another one is wanted")
    services.numbers.port_in(actor, unit.serial, BROUGHT, None)
    services.numbers.move(actor, named(services, BROUGHT), NumberEvent.FAIL_PORT, "refused")
    before = snapshot(services)
    refused = [
        (IllegalTransitionError, lambda: services.numbers.take_effect(actor, named(services, BROUGHT))),
        (IllegalTransitionError, lambda: services.numbers.port_out(actor, named(services, BROUGHT), None)),
        (ConflictError, lambda: services.numbers.move(actor, named(services, BROUGHT), NumberEvent.RESTOCK, "keep it")),
        (ConflictError, lambda: services.numbers.assign(actor, unit.serial)),
        (NotFoundError, lambda: services.numbers.take_effect(actor, 999)),
        (InvalidError, lambda: services.numbers.move(actor, named(services, BROUGHT), NumberEvent.RELEASE, " ")),
        (NotFoundError, lambda: services.numbers.assign(actor, other.serial, "+15555559999")),
    ]
    for error, act in refused:
        with pytest.raises(error):
            act()
    assert snapshot(services) == before


def test_a_suspended_account_keeps_its_number_and_911(warehouse: Warehouse, unit: Unit) -> None:
    services, actor = warehouse.services, warehouse.actor
    services.suspensions.suspend(actor, 1, SuspensionReason.SECURITY)
    assert level(warehouse, unit) == "emergency_only"
    assert states(services, actor) == {"+15555550100": "assigned"}


def test_an_administrator_sees_the_numbers_of_the_account_alone(warehouse: Warehouse, unit: Unit) -> None:
    services, other = warehouse.services, warehouse.open_account("Osprey Books")
    theirs = warehouse.place(other)
    services.numbers.move(
        warehouse.actor, named(services, "+15555550101"), NumberEvent.RELEASE, "another one is wanted"
    )
    services.numbers.assign(warehouse.actor, theirs.serial)
    administrator = Actor(ActorKind.PERSON, "PE-1", ROLE_PERMISSIONS[Role.ACCOUNT_ADMINISTRATOR], 1)
    assert [each.number for each in services.numbers.page(administrator, 100, None)] == ["+15555550100"]
    with pytest.raises(NotFoundError):
        services.numbers.get(administrator, named(services, "+15555550101"))
    assert warehouse.unit(unit.serial).account_id == 1
