"""Voice comes after a registered location and an acknowledged disclosure; a new public network asks again (ER 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.domain.access import ROLE_PERMISSIONS, Actor, ActorKind, ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.money import Money
from fleet.domain.order import OrderLine
from fleet.domain.registered_location import LocationState
from fleet.domain.unit import Service, Unit
from fleet.services.locations import LocationSaid
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import HOME, PARCEL, Warehouse, sent, snapshot
from tests.fleet.services.telephony import HOME_NETWORK, OTHER_NETWORK, level, reason, see

ELSEWHERE = LocationSaid("4 Dune Road, Shelbyville", disclosure_acknowledged=True)


def plugged_in(warehouse: Warehouse, account: Account, said: LocationSaid | None) -> Unit:
    """A unit that is at the account and said that it is ready."""
    unit, line = warehouse.stock(), OrderLine("simulated", 1, Money(0))
    order = warehouse.services.orders.create(warehouse.actor, account.id, None, [line], said=said)
    warehouse.services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    warehouse.register(unit)
    warehouse.ready(unit)
    return unit


def administrator(account: Account) -> Actor:
    rights = ROLE_PERMISSIONS[Role.ACCOUNT_ADMINISTRATOR]
    return Actor(ActorKind.PERSON, f"PE-{account.id}", rights, account.id)


def test_a_location_on_the_order_makes_plugging_in_need_nobody(warehouse: Warehouse, account: Account) -> None:
    unit = plugged_in(warehouse, account, HOME)
    assert level(warehouse, unit) == "full"
    assert warehouse.unit(unit.serial).service is Service.ACTIVE
    known = warehouse.services.locations.of_unit(warehouse.actor, unit.serial)
    assert known.location is not None
    assert (known.state, known.location.address, known.location.acknowledged_by) == ("current", HOME.address, "PE-1")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "No registered location"),
        (replace(HOME, disclosure_acknowledged=False), "disclosure is not acknowledged"),
    ],
)
def test_without_location_or_disclosure_a_unit_calls_911_alone_and_is_not_activated(
    warehouse: Warehouse, account: Account, said: LocationSaid | None, words: str
) -> None:
    unit = plugged_in(warehouse, account, said)
    assert level(warehouse, unit) == "emergency_only"
    assert words in reason(warehouse, unit)
    assert warehouse.unit(unit.serial).service is Service.PLACED


def test_voice_comes_with_the_word_of_the_administrator_and_then_activation(
    warehouse: Warehouse, account: Account, clock: Clock
) -> None:
    services, unit = warehouse.services, plugged_in(warehouse, account, None)
    clock.advance(days=2)
    known = services.locations.register(administrator(account), unit.serial, ELSEWHERE)
    assert known.state is LocationState.CURRENT
    assert level(warehouse, unit) == "full"
    told = [each for each in sent(services, "command") if each["serial"] == unit.serial]
    assert told[-1]["values"]["line_level"] == 3, "it hears of it at once"
    warehouse.ready(unit)
    assert warehouse.unit(unit.serial).service is Service.ACTIVE
    assert services.terms.of_unit(warehouse.actor, unit.serial)[0].begins == clock().date()


def test_a_new_public_network_asks_again_and_the_old_one_does_not(warehouse: Warehouse, account: Account) -> None:
    services, unit = warehouse.services, warehouse.stock()
    warehouse.send(account, unit)
    see(services, unit, HOME_NETWORK)
    warehouse.register(unit)
    assert level(warehouse, unit) == "full", "the first network is the one the order meant"
    see(services, unit, OTHER_NETWORK)
    warehouse.register(unit)
    assert level(warehouse, unit) == "emergency_only"
    assert "another public network" in reason(warehouse, unit)
    assert services.locations.of_unit(warehouse.actor, unit.serial).state is LocationState.NETWORK_CHANGED
    see(services, unit, HOME_NETWORK)
    warehouse.register(unit)
    assert level(warehouse, unit) == "full", "back home nobody has to say anything"

    see(services, unit, OTHER_NETWORK)
    warehouse.register(unit)
    services.locations.confirm(administrator(account), unit.serial, None)
    assert level(warehouse, unit) == "full"


def test_where_a_unit_was_before_is_neither_shown_to_its_next_account_nor_held_against_it(
    warehouse: Warehouse, account: Account
) -> None:
    services, unit, line = warehouse.services, warehouse.stock(), OrderLine("simulated", 1, Money(0))
    see(services, unit, OTHER_NETWORK)  # at the bench, or at a former account
    order = services.orders.create(warehouse.actor, account.id, None, [line])
    services.orders.ship(warehouse.actor, order.id, [unit.serial], PARCEL)
    assert services.locations.register(administrator(account), unit.serial, HOME).network == ""
    see(services, unit, HOME_NETWORK)
    warehouse.register(unit)
    assert level(warehouse, unit) == "full"


def test_a_location_moves_with_the_line_at_a_swap(warehouse: Warehouse, account: Account) -> None:
    services, old = warehouse.services, warehouse.place(account)
    services.locations.register(warehouse.actor, old.serial, ELSEWHERE)
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(old))
    assert level(warehouse, new) == "none"
    services.locations.register(warehouse.actor, new.serial, HOME)  # it is the line's, whichever unit is named
    known = services.locations.of_unit(warehouse.actor, old.serial).location
    assert known is not None
    assert known.address == HOME.address
    warehouse.register(new)
    assert (level(warehouse, old), level(warehouse, new)) == ("none", "full")
    moved = services.locations.of_unit(warehouse.actor, new.serial).location
    assert moved is not None
    assert moved.address == HOME.address


def test_who_is_no_administrator_of_the_account_is_not_on_record(warehouse: Warehouse, account: Account) -> None:
    services, unit = warehouse.services, warehouse.place(account)
    warehouse.open_account("Osprey Books")
    before = snapshot(services)
    for named in ("PE-2", "PE-99"):
        with pytest.raises(InvalidError, match=r"Administrators of AC-1 \(PE-1\)"):
            services.locations.register(warehouse.actor, unit.serial, replace(ELSEWHERE, administrator=named))
        with pytest.raises(InvalidError, match="PE-1"):
            services.locations.confirm(warehouse.actor, unit.serial, named)
    with pytest.raises(InvalidError, match="1 to 300 characters"):
        services.locations.register(warehouse.actor, unit.serial, LocationSaid("   "))
    assert snapshot(services) == before


def test_where_an_account_has_several_one_of_them_is_named(warehouse: Warehouse, account: Account) -> None:
    services, unit = warehouse.services, warehouse.place(account)
    services.administrators.appoint(administrator(account), account.id, "Bo Finch", "bo@example.com")
    with pytest.raises(InvalidError, match="PE-1, PE-2"):
        services.locations.register(warehouse.actor, unit.serial, ELSEWHERE)
    known = services.locations.register(warehouse.actor, unit.serial, replace(ELSEWHERE, administrator="PE-2"))
    assert known.location is not None
    assert known.location.acknowledged_by == "PE-2"


def test_no_administrator_gives_the_word_of_another(warehouse: Warehouse, account: Account) -> None:
    services, unit, ada = warehouse.services, warehouse.place(account), administrator(account)
    services.administrators.appoint(ada, account.id, "Bo Finch", "bo@example.com")
    before = snapshot(services)
    with pytest.raises(InvalidError, match="PE-1 acts"):
        services.locations.register(ada, unit.serial, replace(ELSEWHERE, administrator="PE-2"))
    with pytest.raises(InvalidError, match="PE-1 acts"):
        services.locations.confirm(ada, unit.serial, "PE-2")
    assert snapshot(services) == before


def test_what_nobody_has_said_cannot_be_confirmed(warehouse: Warehouse, account: Account) -> None:
    services, unit = warehouse.services, plugged_in(warehouse, account, None)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="say where it is"):
        services.locations.confirm(warehouse.actor, unit.serial, None)
    assert snapshot(services) == before


def test_a_unit_of_no_account_has_no_location(warehouse: Warehouse, account: Account) -> None:
    services, unit, theirs = warehouse.services, warehouse.stock(), warehouse.place(account)
    stranger = replace(administrator(account), account_id=2)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="at no account"):
        services.locations.register(warehouse.actor, unit.serial, ELSEWHERE)
    with pytest.raises(NotFoundError):
        services.locations.register(stranger, theirs.serial, ELSEWHERE)
    with pytest.raises(ForbiddenError):
        services.locations.register(someone(Role.WAREHOUSE), theirs.serial, ELSEWHERE)
    assert snapshot(services) == before


def test_the_log_holds_no_address(warehouse: Warehouse, account: Account) -> None:
    services, unit = warehouse.services, plugged_in(warehouse, account, HOME)
    services.locations.register(warehouse.actor, unit.serial, ELSEWHERE)
    entries = services.audit.page(warehouse.actor, 100, None, unit.serial)
    found = [(entry.action, entry.fields) for entry in entries if entry.action.startswith("location:")]
    assert found == [("location:set", ("address", "disclosure"))]
    assert "Road" not in str(snapshot(services)["audit_log"]) + str(snapshot(services)["outbox"])
