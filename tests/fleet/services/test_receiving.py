"""A unit is received under its own RMA alone."""

from __future__ import annotations

import pytest

from fleet.domain.errors import ConflictError
from fleet.domain.rma import Condition
from tests.fleet.services.equipment import Warehouse, snapshot


def test_a_unit_of_another_accounts_rma_is_stopped_and_its_own_rma_is_named(warehouse: Warehouse) -> None:
    mine, theirs = warehouse.place(warehouse.open_account()), warehouse.place(warehouse.open_account("Elm Tailors"))
    here, there = warehouse.approved(mine), warehouse.approved(theirs)
    before = snapshot(warehouse.services)
    words = f"{theirs.serial} belongs to RMA-{there.id} of AC-2, not to RMA-{here.id}: keep it apart"
    with pytest.raises(ConflictError, match=words):
        warehouse.services.rmas.receive(warehouse.actor, here.id, theirs.serial, Condition.SOUND)
    assert snapshot(warehouse.services) == before
    warehouse.services.rmas.receive(warehouse.actor, there.id, theirs.serial, Condition.SOUND)
    with pytest.raises(ConflictError, match=words):
        warehouse.services.rmas.receive(warehouse.actor, here.id, theirs.serial, Condition.SOUND)
    stranger = warehouse.stock()
    with pytest.raises(ConflictError, match=f"RMA-{here.id} waits for {mine.serial}, got {stranger.serial}"):
        warehouse.services.rmas.receive(warehouse.actor, here.id, stranger.serial, Condition.SOUND)
