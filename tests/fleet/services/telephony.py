"""What tests ask of a line: its level as its unit was told it, why, its numbers, and the unit moving elsewhere."""

from __future__ import annotations

from fleet.domain.access import Actor, system_actor
from fleet.domain.phone_number import PhoneNumber
from fleet.domain.public_network import Whereabouts
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.store.locations import WhereaboutsRepository
from tests.fleet.services.equipment import Warehouse

HOME_NETWORK, OTHER_NETWORK = Whereabouts("AS64500 Springfield", "US"), Whereabouts("AS64501 Shelbyville", "US")


def level(warehouse: Warehouse, unit: Unit) -> str:
    """What the unit is told; by the facts it is the same."""
    detail = warehouse.services.units.get(warehouse.actor, unit.serial)
    assert detail.line.level == detail.configuration.line_level, detail.line.reason
    return str(detail.line.level)


def reason(warehouse: Warehouse, unit: Unit) -> str:
    """Why its line is as it is."""
    return warehouse.services.units.get(warehouse.actor, unit.serial).line.reason.text


def see(services: Services, unit: Unit, at: Whereabouts) -> None:
    """The unit connects from that network."""
    with services.transactions.begin(system_actor("callout")) as uow:
        WhereaboutsRepository(uow).save(unit.serial, at)
        uow.commit()


def numbers_of(services: Services, actor: Actor, account_id: int = 1) -> list[PhoneNumber]:
    """The account's numbers, also those that went."""
    return services.numbers.page(actor, 100, None, account_id=account_id)
