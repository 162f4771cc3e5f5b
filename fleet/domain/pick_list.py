"""What an order still waits for in the warehouse, and whether a unit in somebody's hand may go into its parcel.

A picked unit is reserved: nobody else can pick, claim or send it. Ours: the documents do not speak of picking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fleet.domain.errors import ConflictError
from fleet.domain.order import Order
from fleet.domain.references import Noun, refer
from fleet.domain.refurbishing import Refurbishing
from fleet.domain.unit import Custody, Trust, Unit


@dataclass(frozen=True, slots=True)
class SentParcel:
    """What went out together."""

    shipped_at: datetime
    carrier: str
    tracking: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class PickList:
    """An order with the units set aside for it, and the parcels that have left."""

    order: Order
    picked: tuple[Unit, ...]
    parcels: tuple[SentParcel, ...] = ()

    @property
    def name(self) -> str:
        """The order's reference."""
        return refer(Noun.ORDER, self.order.id)

    @property
    def waits_for(self) -> dict[str, int]:
        """How many units of each board are still to be picked."""
        waits: dict[str, int] = {}
        for line, sent in zip(self.order.lines, self.order.shipped, strict=True):
            waits[line.board] = waits.get(line.board, 0) + line.quantity - sent
        for unit in self.picked:
            waits[unit.board] = waits.get(unit.board, 0) - 1
        return {board: count for board, count in sorted(waits.items()) if count > 0}

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to pick."""
        return not self.waits_for


@dataclass(frozen=True, slots=True)
class Standing:
    """What else is known of a unit in stock or not: the order it is picked for, its RMA, its round at the bench."""

    order_id: int | None = None
    rma_id: int | None = None
    refurbishing: Refurbishing | None = None


def check_may_pick(picks: PickList, unit: Unit, standing: Standing) -> None:
    """ConflictError, in words for who holds the unit in their hand, if it must not go into this order's parcel."""
    _check_trusted(unit)
    if unit.custody is Custody.RESERVED:
        raise ConflictError(f"{unit.serial} is set aside for {_whose(standing)}: put it back there, take another one")
    if unit.custody is not Custody.IN_STOCK:
        raise ConflictError(f"{unit.serial} is not in stock: {_why_not(unit, standing)}")
    if unit.board not in picks.waits_for:
        wanted = ", ".join(f"{count} x {board}" for board, count in picks.waits_for.items())
        raise ConflictError(
            f"{unit.serial} is a {unit.board}; {picks.name} waits for {wanted or 'nothing more'}: put it back"
        )


def check_may_ship(picks: PickList, partial: bool) -> None:
    """ConflictError for a parcel with nothing in it, with less than was ordered unless that is meant, or doubted."""
    if not picks.picked:
        raise ConflictError(f"nothing is picked for {picks.name}: pick its units first")
    if not picks.is_complete and not partial:
        missing = ", ".join(f"{count} x {board}" for board, count in picks.waits_for.items())
        raise ConflictError(f"{picks.name} still waits for {missing}: pick them, or ship what there is as a part")
    for unit in picks.picked:
        _check_trusted(unit)


def _check_trusted(unit: Unit) -> None:
    if unit.trust is not Trust.GOOD:
        raise ConflictError(f"{unit.serial} is {unit.trust}: do not ship it; set it aside and tell support")


def _whose(standing: Standing) -> str:
    if standing.order_id is not None:
        return refer(Noun.ORDER, standing.order_id)
    return "an RMA" if standing.rma_id is None else refer(Noun.RMA, standing.rma_id)


def _why_not(unit: Unit, standing: Standing) -> str:
    match unit.custody:
        case Custody.MADE:
            return "it has no identity yet; it goes to the bench to be flashed"
        case Custody.CERTIFIED if standing.refurbishing is Refurbishing.TESTED:
            return "it was refurbished and is not graded yet; grade it first (plugtone unit refurbish grade)"
        case Custody.CERTIFIED:
            return "it did not pass its self-test yet; it goes to the bench"
        case Custody.SHIPPED | Custody.AT_ACCOUNT | Custody.LOST:
            where = unit.custody.replace("_", " ")
            return f"it counts as {where}; if it is here it came back: plugtone return take-in {unit.serial}"
        case Custody.RETURNED:
            under = "" if standing.rma_id is None else f" under {refer(Noun.RMA, standing.rma_id)}"
            return f"it came back{under} and has to be refurbished first"
        case _:
            return f"it is {unit.custody} and never leaves again"
