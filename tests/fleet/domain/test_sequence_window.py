"""The window tells fresh from repeated exactly, within its width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.sequence_window import WIDTH, Novelty, SequenceWindow


@given(st.lists(st.integers(1, 3 * WIDTH) | st.integers(1, 40), max_size=200))
def test_the_window_agrees_with_a_set_of_all_that_was_handled(sequences: list[int]) -> None:
    window, handled = SequenceWindow(), set[int]()
    for sequence in sequences:
        novelty = window.novelty(sequence)
        if max(handled, default=0) - sequence >= WIDTH:
            assert novelty is Novelty.TOO_OLD
            continue
        assert novelty is (Novelty.REPEATED if sequence in handled else Novelty.FRESH)
        window = window.with_handled(sequence)
        handled.add(sequence)
        assert window.highest == max(handled)
        assert window.seen < 1 << WIDTH


def test_numbers_up_to_the_last_are_told_apart() -> None:
    last = 0xFFFFFFFF
    window = SequenceWindow().with_handled(last)
    assert window.novelty(last) is Novelty.REPEATED
    assert window.novelty(last - 1) is Novelty.FRESH
    assert window.novelty(last - WIDTH) is Novelty.TOO_OLD
