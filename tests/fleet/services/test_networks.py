"""The operator's table of networks, what the broker's door sees by it, and countries without service (ER 6)."""

from __future__ import annotations

from io import BytesIO

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role, system_actor
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.public_network import Whereabouts
from fleet.domain.unit import Service, Unit
from fleet.services import networks
from fleet.services.build import Services
from fleet.services.networks import Sightings
from fleet.store.locations import WhereaboutsRepository
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse, sent, snapshot
from tests.fleet.services.telephony import level, reason, see

CALLOUT = system_actor("callout")
TABLE = b"prefix,country,network\n192.0.2.0/24,CU,AS64500\n192.0.2.64/26,US,\n"
CUBA, HOME = Whereabouts("AS64500", "CU"), Whereabouts("AS64501", "US")


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    return warehouse


@pytest.fixture
def unit(warehouse: Warehouse) -> Unit:
    return warehouse.place(warehouse.open_account())


def load(services: Services, actor: Actor, table: bytes = TABLE, dry_run: bool = False) -> tuple[int, list[str]]:
    loaded = services.networks.load(actor, BytesIO(table), dry_run)
    return loaded.prefixes, list(loaded.refused)


def whereabouts(services: Services, serial: str) -> Whereabouts:
    with services.transactions.read(CALLOUT) as uow:
        return WhereaboutsRepository(uow).of(serial)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.7", Whereabouts("AS64500", "CU")),
        ("192.0.2.70", Whereabouts("", "US")),  # the longest prefix counts; a documentation address is no public one
        ("8.8.8.8", Whereabouts("8.8.0.0/16", "")),
        ("127.0.0.1", Whereabouts()),
        ("not an address", Whereabouts()),
    ],
)
def test_the_door_sees_where_a_unit_connects_from(services: Services, address: str, found: Whereabouts) -> None:
    load(services, someone(Role.ADMIN))
    Sightings(services.transactions).saw(CALLOUT, "PT000000018", address)
    assert whereabouts(services, "PT000000018") == found


def test_the_address_is_kept_nowhere_and_the_same_network_is_written_once(services: Services) -> None:
    sightings = Sightings(services.transactions)
    sightings.saw(CALLOUT, "PT000000018", "8.8.4.4")
    before = snapshot(services)
    assert "8.8.4.4" not in str(before)
    sightings.saw(CALLOUT, "PT000000018", "8.8.8.8")
    sightings.saw(CALLOUT, "PT000000018", "10.1.2.3")  # by a way that says nothing
    assert snapshot(services) == before


def test_a_table_is_loaded_whole_or_not_at_all(services: Services, admin: Actor) -> None:
    assert load(services, admin, dry_run=True) == (2, [])
    assert snapshot(services)["known_prefixes"] == []
    load(services, admin)
    before = snapshot(services)
    wrong = b"prefix,country\n198.51.100.0/24,US\n198.51.100.0/24,CA\nhere,US\n"
    assert [line.split(":")[0] for line in load(services, admin, wrong)[1]] == ["line 3", "line 4"]
    with pytest.raises(InvalidError, match="first line names the columns"):
        load(services, admin, b"cidr,country\n")
    with pytest.raises(ForbiddenError):
        load(services, someone(Role.SUPPORT))
    assert snapshot(services) == before
    load(services, admin, b"prefix,country\n198.51.100.0/24,US\n")
    assert snapshot(services)["known_prefixes"] == [("198.51.100.0/24", "US", "")]


def test_a_long_list_of_faults_is_cut_short(services: Services, admin: Actor) -> None:
    table = b"prefix,country\n" + b"here,US\n" * 100
    assert len(load(services, admin, table)[1]) == networks.MAX_REPORTED


def test_a_blocked_country_gets_no_service_until_it_is_off_the_list(
    warehouse: Warehouse, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, actor = warehouse.services, warehouse.actor
    monkeypatch.setattr(networks, "BATCH_UNITS", 1)
    other, elsewhere = warehouse.place(warehouse.open_account("Osprey Books")), warehouse.stock()
    for each, at in ((unit, CUBA), (other, CUBA), (elsewhere, HOME)):
        see(services, each, at)
    services.networks.block(actor, "cu", "export block list")
    assert [level(warehouse, each) for each in (unit, other)] == ["none", "none"]
    assert "export block list" in reason(warehouse, unit)
    told = [each["values"]["line_level"] for each in sent(services, "command") if each["serial"] == unit.serial]
    assert told[-1] == 0, "it hears of it at once"
    assert [block.country for block in services.networks.blocks(actor)] == ["CU"]
    services.networks.unblock(actor, "CU")
    assert [level(warehouse, each) for each in (unit, other)] == ["full", "full"]


def test_a_unit_that_registers_from_there_has_no_line_and_is_not_activated(warehouse: Warehouse) -> None:
    services, unit = warehouse.services, warehouse.stock()
    services.networks.block(warehouse.actor, "CU", "export block list")
    warehouse.send(warehouse.open_account(), unit)
    see(services, unit, CUBA)
    assert warehouse.result(unit) == "accepted", "it keeps its way to updates"
    warehouse.ready(unit)
    assert (level(warehouse, unit), warehouse.unit(unit.serial).service) == ("none", Service.PLACED)
    see(services, unit, HOME)
    warehouse.register(unit)
    assert level(warehouse, unit) == "emergency_only", "on another network its location is asked for again"


def test_the_list_has_each_country_once(services: Services, admin: Actor) -> None:
    services.networks.block(admin, "CU", "list of 2026-03")
    before = snapshot(services)
    with pytest.raises(ConflictError, match="already"):
        services.networks.block(admin, "CU", "again")
    with pytest.raises(NotFoundError):
        services.networks.unblock(admin, "IR")
    with pytest.raises(InvalidError, match="two letters"):
        services.networks.block(admin, "Cuba", "list")
    with pytest.raises(InvalidError, match="say why"):
        services.networks.block(admin, "IR", "")
    with pytest.raises(ForbiddenError):
        services.networks.block(someone(Role.SUPPORT), "IR", "list")
    assert snapshot(services) == before
