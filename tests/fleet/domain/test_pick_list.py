"""Which unit may go into an order's parcel, which is stopped and with what word, and when the parcel may leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fleet.domain.errors import ConflictError
from fleet.domain.money import Money
from fleet.domain.order import Order, OrderLine
from fleet.domain.pick_list import PickList, Standing, check_may_pick, check_may_ship
from fleet.domain.refurbishing import Refurbishing
from fleet.domain.unit import Custody, Service, Trust, Unit
from protocol.wire.mac import MacAddress

MAC = MacAddress(bytes.fromhex("70b3d5000001"))
UNIT = Unit("PT000000018", MAC, "a", 1, bytes(8), 1, Custody.IN_STOCK, Service.UNPLACED, Trust.GOOD)
LINES = OrderLine("a", 2, Money(0)), OrderLine("b", 1, Money(0)), OrderLine("a", 1, Money(0))
ORDER = Order(7, 1, date(2026, 11, 2), LINES, (1, 0, 0))


@pytest.mark.parametrize(
    ("picked", "waits"),
    [((), {"a": 2, "b": 1}), (("b",), {"a": 2}), (("a", "a", "b"), {}), (("c", "b", "a"), {"a": 1})],
)
def test_it_waits_for_what_was_neither_sent_nor_picked(picked: tuple[str, ...], waits: dict[str, int]) -> None:
    picks = PickList(ORDER, tuple(replace(UNIT, board=board) for board in picked))
    assert (picks.name, picks.waits_for, picks.is_complete) == ("OR-7", waits, not waits)


def test_a_unit_in_stock_of_a_board_it_waits_for_is_picked() -> None:
    check_may_pick(PickList(ORDER, ()), UNIT, Standing())


@pytest.mark.parametrize(
    ("custody", "standing", "word"),
    [
        (Custody.RESERVED, Standing(order_id=9), "set aside for OR-9: put it back there"),
        (Custody.RESERVED, Standing(rma_id=3), "set aside for RMA-3"),
        (Custody.RESERVED, Standing(), "set aside for an RMA"),
        (Custody.MADE, Standing(), "no identity yet"),
        (Custody.CERTIFIED, Standing(refurbishing=Refurbishing.TESTED), "not graded yet"),
        (Custody.CERTIFIED, Standing(), "did not pass its self-test yet"),
        (Custody.SHIPPED, Standing(), "counts as shipped; .* plugtone return take-in PT000000018"),
        (Custody.AT_ACCOUNT, Standing(), "counts as at account"),
        (Custody.LOST, Standing(), "counts as lost"),
        (Custody.RETURNED, Standing(), "it came back and has to be refurbished"),
        (Custody.RETURNED, Standing(rma_id=3), "it came back under RMA-3 and"),
        (Custody.SCRAPPED, Standing(), "it is scrapped and never leaves again"),
    ],
)
def test_a_unit_that_is_not_free_is_stopped_and_it_is_said_why(custody: Custody, standing: Standing, word: str) -> None:
    with pytest.raises(ConflictError, match=word):
        check_may_pick(PickList(ORDER, ()), replace(UNIT, custody=custody), standing)


@pytest.mark.parametrize("trust", [Trust.QUARANTINED, Trust.REVOKED])
def test_a_unit_in_doubt_is_neither_picked_nor_shipped(trust: Trust) -> None:
    unit = replace(UNIT, trust=trust)
    with pytest.raises(ConflictError, match=f"is {trust}: do not ship it"):
        check_may_pick(PickList(ORDER, ()), unit, Standing())
    with pytest.raises(ConflictError, match=f"is {trust}: do not ship it"):
        check_may_ship(PickList(ORDER, (unit,)), partial=True)


@pytest.mark.parametrize(("sent", "word"), [((1, 1, 0), "waits for 2 x a: put"), ((2, 1, 1), "waits for nothing more")])
def test_a_unit_of_another_board_is_put_back(sent: tuple[int, ...], word: str) -> None:
    with pytest.raises(ConflictError, match=word):
        check_may_pick(PickList(replace(ORDER, shipped=sent), ()), replace(UNIT, board="b"), Standing())


def test_a_parcel_is_whole_or_meant_as_a_part_and_never_empty() -> None:
    part = PickList(ORDER, (UNIT,))
    with pytest.raises(ConflictError, match="nothing is picked for OR-7"):
        check_may_ship(PickList(ORDER, ()), partial=True)
    with pytest.raises(ConflictError, match="OR-7 still waits for 1 x a, 1 x b"):
        check_may_ship(part, partial=False)
    check_may_ship(part, partial=True)
    check_may_ship(PickList(ORDER, (UNIT, UNIT, replace(UNIT, board="b"))), partial=False)
