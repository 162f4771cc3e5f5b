"""Whose a placed unit is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fleet.domain.ownership import Ownership
from fleet.domain.placement import NewPlacement


@pytest.mark.parametrize(
    ("free", "leased", "ownership"),
    [
        (True, False, Ownership.OPERATOR),
        (False, False, Ownership.CUSTOMER),
        (True, True, Ownership.LEASED),
        (False, True, Ownership.LEASED),
    ],
)
def test_a_placed_unit_is_leased_or_ours_without_charge_or_the_customers(
    free: bool, leased: bool, ownership: Ownership
) -> None:
    shipped_at = datetime(2026, 3, 2, tzinfo=UTC)
    placed = NewPlacement("PT000000018", 1, 1, date(2026, 3, 2), free, shipped_at, leased=leased)
    assert placed.ownership is ownership
