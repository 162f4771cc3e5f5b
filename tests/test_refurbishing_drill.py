"""A real unit that was refurbished, with the key it had before: the real broker refuses it."""

from __future__ import annotations

import pytest

from tests.sweeps.refurbishing_drill import refurbished


@pytest.mark.slow
def test_an_identity_of_before_put_back_into_a_refurbished_unit_is_refused() -> None:
    outcome = refurbished(1)
    assert not outcome.failures
    assert outcome.count == 1
