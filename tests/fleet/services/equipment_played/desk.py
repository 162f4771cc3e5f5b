"""What people at the operator's know while a history is played: which names of the history are which of the fleet's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from fleet.domain.access import Actor
from fleet.domain.references import Noun, refer
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.store.placements import PlacementRepository
from tests.equipment_oracle import events as ev
from tests.fleet.services.equipment_played.world import OPERATOR, World

NOWHERE = 1_000_000  # what nobody has given out
NO_UNIT = "PT999999999"


@dataclass(slots=True)
class Desk:
    """`undone` counts transactions that were taken back by another one, in an act that was refused as a whole."""

    world: World
    orders: dict[tuple[str, str], int] = field(default_factory=dict)
    forms: list[ev.OrderAccepted] = field(default_factory=list)
    serials: dict[str, str] = field(default_factory=dict)
    shipments: dict[int, str] = field(default_factory=dict)  # by placement
    rmas: dict[str, int] = field(default_factory=dict)
    notices: dict[str, int] = field(default_factory=dict)
    next_bills: dict[int, date] = field(default_factory=dict)
    undone: int = 0

    @property
    def services(self) -> Services:
        """The fleet's."""
        return self.world.services

    @property
    def actor(self) -> Actor:
        """Who does it."""
        return OPERATOR

    @property
    def account(self) -> int:
        """Whose history it is."""
        return self.world.account

    @property
    def administrator(self) -> str:
        """Who speaks for the account."""
        return refer(Noun.PERSON, self.world.administrator.id)

    def serial(self, name: str) -> str:
        """The serial number of a unit of the history; one that nobody has if it never left."""
        return self.serials.get(name, NO_UNIT)

    def unit(self, name: str) -> Unit:
        """The unit of that name."""
        return self.world.warehouse.unit(self.serial(name))

    def serial_to_send(self, name: str) -> str:
        """The unit of that name, else one out of stock that has none yet."""
        if name in self.serials:
            return self.serials[name]
        taken = set(self.serials.values())
        free = (serial for serial in self.world.stock if serial not in taken)
        return next(free, None) or self.world.warehouse.stock().serial

    def has_left(self, shipment: str, name: str, serial: str) -> None:
        """A unit has left: from now on the history's names are its."""
        self.serials[name] = serial
        self.shipments[self.placement_of(serial)] = shipment

    def placement_of(self, serial: str) -> int:
        """The present or last placement of a unit."""
        with self.services.transactions.read(self.actor) as uow:
            return PlacementRepository(uow).latest_of(serial).id

    def serial_of(self, shipment: str) -> str:
        """The unit that left with a shipment."""
        number = next((number for number, name in self.shipments.items() if name == shipment), None)
        if number is None:
            return NO_UNIT
        with self.services.transactions.read(self.actor) as uow:
            return PlacementRepository(uow).get(number).opened.serial

    def rma(self, name: str) -> int:
        """The number of an RMA; the system's own are called by the shipment they take back."""
        return self.rmas.get(name, NOWHERE)
