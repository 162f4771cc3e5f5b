"""A replacement takes over from the unit it replaces: real units, a real broker, whatever fails on the way."""

from __future__ import annotations

import pytest

from tests.sweeps.equipment import swaps


@pytest.mark.slow
def test_one_of_both_units_is_in_service_and_the_old_one_is_refused_whatever_fails_in_the_swap() -> None:
    outcome = swaps(1)
    assert not outcome.failures
    assert outcome.count == 4
